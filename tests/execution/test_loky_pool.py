"""The pool on this machine: processes that die, hang, and see only their own device."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchmark.execution.loky_pool import LokyPool
from benchmark.execution.pools import Lost
from tests.conftest import REPOSITORY, TINY
from tests.execution.items import ReportsItsEnvironment, sleep, square_unless_three


def loky_processes() -> set[psutil.Process]:
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has ended, and may be a zombie
            if "LokyProcess" in " ".join(child.cmdline()):
                found.add(child)
    return found


@pytest.fixture
def no_process_is_left() -> Iterator[None]:
    """Fail a test that leaves a process of its own behind; joblib keeps those of an earlier test for minutes."""
    before = loky_processes()
    yield
    assert loky_processes() <= before


@pytest.mark.usefixtures("no_process_is_left")
def test_only_the_item_that_kills_its_process_is_lost() -> None:
    results = list(LokyPool([{}, {}]).map(square_unless_three, range(4)))
    assert [result for result in results if isinstance(result, Lost)] == [Lost(3)]
    assert sorted(result for result in results if not isinstance(result, Lost)) == [0, 1, 4]


def test_each_process_sees_its_own_device_even_if_it_replaces_another(tmp_path: Path) -> None:
    environments = [{"TEST_DEVICE": name} for name in "abab"]
    results = list(LokyPool(environments).map(ReportsItsEnvironment(tmp_path), range(12)))
    assert len(results) == 12
    seen = defaultdict(set)
    for process, device, threads in results:
        seen[process].add(device)
        assert int(threads) >= 1
    assert all(len(devices) == 1 for devices in seen.values())
    assert {device for devices in seen.values() for device in devices} == {"a", "b"}
    assert len(seen) <= 6


def test_without_shared_memory_runs_are_done_one_at_a_time(tmp_path: Path) -> None:
    read_only = "mount -t tmpfs -o ro none /dev/shm && exec "
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this machine has no mount namespaces for this user")
    words = [sys.executable, "-m", "benchmark", "run", "--method", "unet", "--category", "carpet", "--shots", "1"]
    words += ["--seed", "0", "1", "--jobs", "2", "--results", "results", *TINY]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", read_only + shlex.join(words)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in ("one at a time", "/proc/none"):  # nor can this home be written
        assert done.stderr.count(words) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "atplotlib" not in done.stderr


@pytest.mark.usefixtures("no_process_is_left")
def test_an_item_that_takes_too_long_is_lost_and_its_process_killed() -> None:
    began = time.monotonic()
    results = list(LokyPool([{}, {}], limit=8).map(sleep, [600, 0, 0.1, 0.2]))
    assert results[-1] == Lost(600, overdue=True)
    assert sorted(results[:-1]) == [0, 0.1, 0.2]
    assert time.monotonic() - began < 60


@pytest.mark.usefixtures("no_process_is_left")
def test_a_pool_that_is_closed_early_leaves_no_process() -> None:
    results = LokyPool([{}, {}]).map(sleep, [0, 600, 600])
    assert next(results) == 0
    results.close()

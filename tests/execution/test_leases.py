"""A run has one owner: leases between processes that live, die, pause and race."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

import benchmark.execution.leases
from baselines.errors import InputError
from benchmark.execution.leases import LeaseLostError, Leases
from tests.conftest import REPOSITORY

HOLD = """
import sys, time
from benchmark.execution.leases import Leases
with Leases(sys.argv[1]).lease("a") as lease:
    print("held" if lease else "refused", flush=True)
    time.sleep(60)
"""


def hold_in_another_process(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def change(path: Path, age: float = 0, **values: object) -> None:
    """Edit a lease file and make it look last renewed ``age`` seconds ago."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    set_age(path, age)


def set_age(path: Path, age: float) -> None:
    os.utime(path, (time.time() - age,) * 2)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def raises(call: Callable[[], None], kind: type[Exception]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    return Leases(tmp_path / "results")


def abandon(leases: Leases, age: float = 0, **values: object) -> Path:
    """Leave behind a lease of run ``a`` with edited content."""
    assert leases._acquire("a")
    change(leases.folder / "a.json", age, **values)
    return leases.folder / "a.json"


def test_a_run_is_leased_once_and_released_also_when_it_fails(leases: Leases) -> None:
    with leases.lease("a") as first, leases.lease("a") as second, leases.lease("b") as other:
        assert (first is None, second is None, other is None) == (False, True, False)
        assert leases.is_held("a")
    assert not leases.is_held("a")
    with pytest.raises(KeyboardInterrupt), leases.lease("a"):
        raise KeyboardInterrupt
    with leases.lease("a") as again:
        assert again
    leases.remove_stale()
    assert not leases.folder.exists()


def test_a_living_process_keeps_its_lease_however_long_and_a_killed_one_loses_it(leases: Leases) -> None:
    owner = hold_in_another_process(leases.root)
    owner.send_signal(signal.SIGSTOP)
    set_age(leases.folder / "a.json", 1e6)  # a stopped process does not renew it
    leases.remove_stale()
    with leases.lease("a") as lease:
        assert lease is None
    owner.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)  # dead, but still listed as a zombie
    assert not leases.is_held("a")
    with leases.lease("a") as lease:
        assert lease
        assert [path.name for path in leases.folder.iterdir()] == ["a.json"]
    owner.communicate()


def test_a_reused_process_number_is_not_the_owner(leases: Leases) -> None:
    abandon(leases, created=time.time() - 1e6)
    with leases.lease("a") as lease:
        assert lease


@pytest.mark.parametrize(("age", "taken"), [(500, False), (700, True)])
def test_the_lease_of_another_host_expires_without_renewal(leases: Leases, age: float, taken: bool) -> None:
    abandon(leases, age, host="elsewhere", process=1)
    assert leases.is_held("a") is not taken
    with leases.lease("a") as lease:
        assert (lease is not None) is taken


@pytest.mark.parametrize(("age", "taken"), [(0, False), (60, True)])
def test_a_lease_that_cannot_be_read_is_soon_stale(leases: Leases, age: float, taken: bool) -> None:
    path = abandon(leases)
    whole = path.read_text()
    for content in ("", whole[:20], whole.replace(f"{os.getpid()}", '"one"'), "[]", "\xff"):
        path.write_text(content, encoding="latin-1")
        set_age(path, age)
        with leases.lease("a") as lease:
            assert (lease is not None) is taken


def test_stale_leases_are_removed_and_others_are_not(leases: Leases) -> None:
    abandon(leases, created=0.0)
    with leases.lease("b"):
        leases.remove_stale()
        assert [path.name for path in leases.folder.iterdir()] == ["b.json"]


def test_a_lease_is_renewed_while_it_is_held_and_its_loss_is_noticed(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark.execution.leases, "RENEW_SECONDS", 0.05)
    path = leases.folder / "a.json"
    with leases.lease("a") as lease:
        assert lease
        change(path, age=300)
        until(lambda: time.time() - path.stat().st_mtime < 100)
        lease.check()
        lease.confirm()
        change(path, token="of another")
        until(lambda: raises(lease.check, LeaseLostError))
    assert json.loads(path.read_text())["token"] == "of another"


def test_confirming_a_lease_notices_its_loss_at_once(leases: Leases) -> None:
    for taken in (lambda path: change(path, token="of another"), Path.unlink):
        with leases.lease("a") as lease:
            assert lease
            taken(leases.folder / "a.json")
            lease.check()  # as of the last renewal
            with pytest.raises(LeaseLostError):
                lease.confirm()
        (leases.folder / "a.json").unlink(missing_ok=True)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write .*leases"), Leases(tmp_path / "results").lease("a"):
        pass
    (tmp_path / "leases").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write .*leases"), Leases(tmp_path).lease("a"):
        pass


ROUNDS = 40


def race(root: Path, start: Barrier, end: Barrier) -> None:
    leases = Leases(root)
    for number in range(ROUNDS):
        start.wait(30)
        with leases.lease(f"run{number}") as lease:
            if lease:
                (root / f"{number}-won-by-{os.getpid()}").touch()
            end.wait(30)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking where there are threads
def test_exactly_one_of_racing_processes_takes_over_a_stale_lease(leases: Leases) -> None:
    path = abandon(leases, created=0.0)
    for number in range(ROUNDS):
        (leases.folder / f"run{number}.json").write_bytes(path.read_bytes())
    context = multiprocessing.get_context("fork")
    barriers = context.Barrier(4), context.Barrier(4)
    racers = [context.Process(target=race, args=(leases.root, *barriers)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert [racer.exitcode for racer in racers] == [0] * 4
    assert sorted(int(won.name.split("-")[0]) for won in leases.root.glob("*-won-by-*")) == list(range(ROUNDS))
    leases.remove_stale()
    assert not leases.folder.exists()

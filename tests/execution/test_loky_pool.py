"""The pool on this machine: processes that die, hang, and see the device they were given."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from pathlib import Path

import psutil

from benchmark.execution.loky_pool import LokyPool
from benchmark.execution.pools import Lost


def no_process_is_left() -> bool:
    return not [child for child in psutil.Process().children() if "LokyProcess" in " ".join(child.cmdline())]


def square_unless_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def test_only_the_item_that_kills_its_process_is_lost() -> None:
    ends = list(LokyPool([{}, {}]).map(square_unless_three, range(4)))
    assert [end for end in ends if isinstance(end, Lost)] == [Lost(3)]
    assert sorted(end for end in ends if not isinstance(end, Lost)) == [0, 1, 4]
    assert no_process_is_left()


class SeesWhatItWasGiven:
    """Says which process did an item and what it sees; the process of item 0 dies the first time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, item: int) -> tuple[int, str, str]:
        if item == 0 and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)
        return os.getpid(), os.environ["TEST_DEVICE"], os.environ["OMP_NUM_THREADS"]


def test_each_process_sees_its_own_device_also_one_that_replaces_another(tmp_path: Path) -> None:
    environments = [{"TEST_DEVICE": name} for name in "abab"]
    ends = list(LokyPool(environments).map(SeesWhatItWasGiven(tmp_path), range(12)))
    assert len(ends) == 12
    seen = defaultdict(set)
    for process, device, threads in ends:
        seen[process].add(device)
        assert int(threads) >= 1
    assert all(len(devices) == 1 for devices in seen.values())
    assert {device for devices in seen.values() for device in devices} == {"a", "b"}
    assert len(seen) <= 6


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_an_item_that_takes_too_long_is_lost_and_its_process_killed() -> None:
    began = time.monotonic()
    ends = list(LokyPool([{}, {}], limit=8).map(sleep, [600, 0, 0.1, 0.2]))
    assert ends[-1] == Lost(600, overdue=True)
    assert sorted(ends[:-1]) == [0, 0.1, 0.2]
    assert time.monotonic() - began < 60
    assert no_process_is_left()


def test_a_pool_that_is_left_early_leaves_no_process() -> None:
    ends = LokyPool([{}, {}]).map(sleep, [0, 600, 600])
    assert next(ends) == 0
    ends.close()
    assert no_process_is_left()

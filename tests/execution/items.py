"""What the tests of pools let other processes do, in a module that such a process imports at once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def square_unless_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


class ReportsItsEnvironment:
    """Returns the process of an item and what it sees; the first process of item 0 dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, item: int) -> tuple[int, str, str]:
        if item == 0 and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)
        return os.getpid(), os.environ["TEST_DEVICE"], os.environ["OMP_NUM_THREADS"]


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds

"""Show how far one long thing has come: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_LINE_EVERY_SECONDS = 10.0


@contextmanager
def meter(what: str, total: int | None, unit: str = "files", done: int = 0) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how much more has been done; shown on standard error.

    Parameters
    ----------
    what : str
        What is done, e.g. ``reading``.
    total : int or None
        How much there is to do, if that is known.
    unit : {"files", "bytes"}
    done : int
        How much had been done before.
    """
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield _plain(what, total, unit, done)
        return
    counts = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), *counts, TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda more: bar.advance(task, more)


def _plain(what: str, total: int | None, unit: str, done: int) -> Callable[[int], None]:
    last = time.monotonic()

    def advance(more: int) -> None:
        nonlocal done, last
        done += more
        if not more:
            return
        if done == total or time.monotonic() - last > _LINE_EVERY_SECONDS:
            last = time.monotonic()
            print(f"{what}: {amount(done, unit)}" + (f" of {amount(total, unit)}" if total else ""), file=sys.stderr)

    return advance


def amount(count: int, unit: str = "bytes") -> str:
    """Return a number of files or bytes in words."""
    if unit == "files":
        return f"{count} files"
    if count < 10**6:
        return f"{count} bytes"
    return f"{count / 1e9:.2f} GB" if count >= 10**9 else f"{count / 1e6:.1f} MB"

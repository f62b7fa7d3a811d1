"""Progress of one long operation: a bar in a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
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

from benchmark.units import format_bytes

_SECONDS_BETWEEN_LINES = 10.0

logger = logging.getLogger(__name__)


@contextmanager
def show_progress(task: str, total: int | None, unit: str = "files", done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error; yield a function to call with the amount done since its last call.

    Parameters
    ----------
    task : str
        For example ``reading``.
    total : int or None
        Amount in total, if known.
    unit : str
        ``bytes``, or what is counted, in the plural.
    done : int
        Amount already done.

    Examples
    --------
    >>> with show_progress("reading", total=3) as advance:
    ...     advance(3)
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _log_progress(task, total, unit, done)
        return
    counts = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *counts, TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(task, total=total, completed=done)
        yield lambda more: progress.advance(bar, more)


def _log_progress(task: str, total: int | None, unit: str, done: int) -> Callable[[int], None]:
    last = time.monotonic()

    def amount(count: int) -> str:
        return format_bytes(count) if unit == "bytes" else f"{count} {unit}"

    def advance(more: int) -> None:
        nonlocal done, last
        done += more
        if more and (done == total or time.monotonic() - last > _SECONDS_BETWEEN_LINES):
            last = time.monotonic()
            logger.info(f"{task}: {amount(done)}" + (f" of {amount(total)}" if total else ""))

    return advance

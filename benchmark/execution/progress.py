"""Show how a study advances: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from benchmark.execution.plan import run_flops
from benchmark.execution.run_task import RunOutcome
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import Status

_LINE_EVERY_SECONDS = 30.0


class TimeLeft:
    """How long a study will go on, from how long its part took that is done; runs weigh as much as they compute.

    Parameters
    ----------
    specs : sequence of RunSpec
        What is to be done.
    now : callable
        Seconds on a clock.
    """

    def __init__(self, specs: Sequence[RunSpec], now: Callable[[], float] = time.monotonic) -> None:
        self._weights = _weights(specs)
        self._total = sum(self._weights.values())
        self._done = 0.0
        self._now, self._began = now, now()

    def finished(self, spec: RunSpec) -> None:
        """Count a run as done."""
        self._done += self._weights.get(spec.id, 0.0)

    @property
    def words(self) -> str:
        """Like ``about 7 min left``; empty before anything is done, and at the end."""
        if not 0 < self._done < self._total:
            return ""
        seconds = (self._now() - self._began) * (self._total / self._done - 1)
        if seconds < 100:
            return f"about {seconds:.0f} s left"
        return f"about {seconds / 60:.0f} min left" if seconds < 6000 else f"about {seconds / 3600:.1f} h left"


def _weights(specs: Sequence[RunSpec]) -> dict[str, float]:
    try:
        return {spec.id: run_flops(spec) for spec in specs}
    except Exception:  # a network of somebody else that cannot be counted: then every run weighs the same
        return {spec.id: 1.0 for spec in specs}


class Display(Protocol):
    """What a study tells while it goes on."""

    def say(self, line: str) -> None:
        """Show a line that stays."""
        ...

    def decoding(self, category: str, done: int, count: int) -> None:
        """Images of a category are being decoded."""
        ...

    def begin(self, specs: Sequence[RunSpec]) -> None:
        """These runs follow."""
        ...

    def step(self, spec: RunSpec, iteration: int) -> None:
        """A run has done so many iterations."""
        ...

    def finished(self, done: RunOutcome) -> None:
        """A run has ended."""
        ...


def describe(done: RunOutcome) -> str:
    """Return a line about a finished run."""
    if done.metrics is None:
        return f"{done.spec.title}: FAILED, {done.error}"
    if done.by_another:
        return f"{done.spec.title}: stored by another process"
    figures = " ".join(
        f"{name.upper()} -" if value is None else f"{name.upper()} {value:.4f}"
        for name, value in done.metrics.by_name().items()
    )
    note = " (not converged)" if done.status is Status.NOT_CONVERGED else ""
    return f"{done.spec.title}: {figures}{note} ({done.seconds:.1f} s)"


class PlainDisplay:
    """Lines for logs and pipes: one per finished run, and a sign of life during long ones."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._runs = self._done = 0
        self._left = TimeLeft(())
        self._last_line = time.monotonic()

    def say(self, line: str) -> None:
        print(line, file=self._file, flush=True)
        self._last_line = time.monotonic()

    def decoding(self, category: str, done: int, count: int) -> None:
        if done == count or time.monotonic() - self._last_line > _LINE_EVERY_SECONDS:
            self.say(f"{category}: {done}/{count} images decoded")

    def begin(self, specs: Sequence[RunSpec]) -> None:
        self._runs, self._left = len(specs), TimeLeft(specs)

    def step(self, spec: RunSpec, iteration: int) -> None:
        if time.monotonic() - self._last_line > _LINE_EVERY_SECONDS:
            self.say(f"[{self._done}/{self._runs}] {spec.title}: iteration {iteration}/{spec.protocol.iterations}")

    def finished(self, done: RunOutcome) -> None:
        self._done += 1
        self._left.finished(done.spec)
        self.say(", ".join(filter(None, (f"[{self._done}/{self._runs}] {describe(done)}", self._left.words))))


class RichDisplay:
    """Bars for a terminal: all runs, and the one in work; finished runs scroll by above."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._decoding: dict[str, TaskID] = {}
        self._study: TaskID | None = None
        self._run: TaskID | None = None
        self._spec: RunSpec | None = None
        self._left = TimeLeft(())

    def say(self, line: str) -> None:
        self._progress.console.print(escape(line), highlight=False)

    def decoding(self, category: str, done: int, count: int) -> None:
        if category not in self._decoding:
            self._decoding[category] = self._progress.add_task(f"decoding {escape(category)}", total=count, left="")
        self._progress.update(self._decoding[category], completed=done)
        if done == count:
            self._progress.remove_task(self._decoding.pop(category))

    def begin(self, specs: Sequence[RunSpec]) -> None:
        self._left = TimeLeft(specs)
        self._study = self._progress.add_task("runs", total=len(specs), left="")

    def step(self, spec: RunSpec, iteration: int) -> None:
        if spec is not self._spec:
            self._spec = spec
            if self._run is not None:
                self._progress.remove_task(self._run)
            self._run = self._progress.add_task(escape(spec.title), total=spec.protocol.iterations, left="")
        if self._run is not None:
            self._progress.update(self._run, completed=iteration)

    def finished(self, done: RunOutcome) -> None:
        self.say(describe(done))
        self._left.finished(done.spec)
        if self._study is not None:
            self._progress.update(self._study, advance=1, left=self._left.words)


@contextmanager
def display(file: TextIO | None = None) -> Iterator[Display]:
    """Give bars if ``file`` (standard error) is a terminal, plain lines otherwise."""
    console = Console(file=file or sys.stderr)
    if not console.is_terminal:
        yield PlainDisplay(file)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield RichDisplay(progress)

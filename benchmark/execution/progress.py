"""Progress of a study: bars in a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

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

from benchmark.execution.cost import relative_costs
from benchmark.execution.run_task import RunOutcome
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import Status
from benchmark.units import format_duration

_LINE_EVERY_SECONDS = 30.0

logger = logging.getLogger(__name__)


class TimeLeft:
    """Estimates how long a study will take from the time its finished runs took, weighted by their FLOPs.

    Parameters
    ----------
    specs : sequence of RunSpec
        The runs to do.
    now : callable
        Returns seconds on a clock.

    Examples
    --------
    >>> str(TimeLeft(()))
    ''
    """

    def __init__(self, specs: Sequence[RunSpec], now: Callable[[], float] = time.monotonic) -> None:
        self._weights = relative_costs(specs)
        self._total = sum(self._weights.values())
        self._done = 0.0
        self._now, self._started = now, now()

    def finish(self, spec: RunSpec) -> None:
        """Count a run as done."""
        self._done += self._weights.get(spec.id, 0.0)

    def __str__(self) -> str:
        """Return e.g. ``about 7 min left``; empty before a run is done, and at the end."""
        if not 0 < self._done < self._total:
            return ""
        return f"about {format_duration((self._now() - self._started) * (self._total / self._done - 1))} left"


class Display(Protocol):
    """Shows the progress of a study."""

    def decode(self, category: str, done: int, count: int) -> None:
        """Show how many images of a category are decoded."""

    def start(self, specs: Sequence[RunSpec]) -> None:
        """Show that these runs begin."""

    def step(self, spec: RunSpec, iteration: int) -> None:
        """Show how many iterations of a run are done."""

    def finish(self, outcome: RunOutcome) -> None:
        """Show how a run ended."""


def describe(outcome: RunOutcome) -> str:
    """Return a line about a run that ended."""
    if outcome.metrics is None:
        return f"{outcome.spec.title}: FAILED, {outcome.error}"
    if outcome.by_another:
        return f"{outcome.spec.title}: stored by another process"
    values = outcome.metrics.by_name().items()
    metrics = " ".join(
        f"{name.upper()} -" if value is None else f"{name.upper()} {value:.4f}" for name, value in values
    )
    note = " (not converged)" if outcome.status is Status.NOT_CONVERGED else ""
    return f"{outcome.spec.title}: {metrics}{note} ({outcome.seconds:.1f} s)"


class LogDisplay:
    """Log lines: one per finished run, and now and then one about a long run."""

    def __init__(self) -> None:
        self._runs = self._done = 0
        self._left = TimeLeft(())
        self._last_line = time.monotonic()

    def decode(self, category: str, done: int, count: int) -> None:
        if done == count or self._is_silent:
            self._log(f"{category}: {done}/{count} images decoded")

    def start(self, specs: Sequence[RunSpec]) -> None:
        self._runs, self._left = len(specs), TimeLeft(specs)

    def step(self, spec: RunSpec, iteration: int) -> None:
        if self._is_silent:
            self._log(f"[{self._done}/{self._runs}] {spec.title}: iteration {iteration}/{spec.protocol.iterations}")

    def finish(self, outcome: RunOutcome) -> None:
        self._done += 1
        self._left.finish(outcome.spec)
        self._log(", ".join(filter(None, (f"[{self._done}/{self._runs}] {describe(outcome)}", str(self._left)))))

    @property
    def _is_silent(self) -> bool:
        return time.monotonic() - self._last_line > _LINE_EVERY_SECONDS

    def _log(self, line: str) -> None:
        logger.info(line)
        self._last_line = time.monotonic()


class BarDisplay:
    """Bars in a terminal, for all runs and for the current one, below the log lines of finished runs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._decoding: dict[str, TaskID] = {}
        self._study: TaskID | None = None
        self._run: TaskID | None = None
        self._spec: RunSpec | None = None
        self._left = TimeLeft(())

    def decode(self, category: str, done: int, count: int) -> None:
        if category not in self._decoding:
            self._decoding[category] = self._progress.add_task(f"decoding {escape(category)}", total=count, left="")
        self._progress.update(self._decoding[category], completed=done)
        if done == count:
            self._progress.remove_task(self._decoding.pop(category))

    def start(self, specs: Sequence[RunSpec]) -> None:
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

    def finish(self, outcome: RunOutcome) -> None:
        logger.info(describe(outcome))
        self._left.finish(outcome.spec)
        if self._study is not None:
            self._progress.update(self._study, advance=1, left=str(self._left))


@contextmanager
def show_progress() -> Iterator[Display]:
    """Give bars if standard error is a terminal, log lines otherwise.

    While bars are shown, rich prints whatever is written to ``sys.stderr`` above them.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield LogDisplay()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield BarDisplay(progress)

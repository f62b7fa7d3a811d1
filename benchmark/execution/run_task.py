"""What a worker does with one run: lease it, attempt it, store its result or record its failure."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from baselines.errors import InputError
from benchmark.environment import describe_environment
from benchmark.execution.leases import LeaseLostError, Leases
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import Status
from benchmark.results.run_result import RunResult
from benchmark.results.store import RecordedFailure, ResultStore, read_run
from benchmark.score import Metrics
from benchmark.training.one_run import RunContext, train_and_score

LESS_MEMORY = "memory ran out: use fewer --jobs, or a smaller batch_size or image_size with --set"
# What torch says on CPUs and in libraries that have no exception of their own for it.
_MEMORY_SIGNS = ("can't allocate memory", "out of memory", "defaultcpuallocator")


@dataclass(frozen=True)
class RunOutcome:
    """How one run ended.

    Attributes
    ----------
    spec : RunSpec
    status : Status
    metrics : Metrics or None
        None if it failed.
    error : str
        Empty unless it failed.
    seconds : float
        Wall time; 0 if another process did it.
    by_another : bool
        Whether another process had recorded it by the time it was to be done here.
    """

    spec: RunSpec
    status: Status
    metrics: Metrics | None = None
    error: str = ""
    seconds: float = 0.0
    by_another: bool = False


@dataclass(frozen=True)
class LeasedElsewhere:
    """A run that another process is training; nothing was done."""

    spec: RunSpec


@dataclass(frozen=True)
class Failure:
    """Why an attempt gave no result: a line for people, and more for the record."""

    message: str
    traceback: str = ""
    environment: dict[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class RunTask:
    """What is done with each run; can be sent to other processes where ``on_step`` is None.

    Attributes
    ----------
    context : RunContext
    results : Path
        The results folder.
    timeout : float or None
        Seconds after which a run fails.
    earlier : mapping
        The failures that were recorded before, by the run's id: these runs are tried again, whereas a failure that
        another process recorded since is taken as it is.
    on_step : callable or None
        Called with (run, iterations done), while scoring again and again with all of them.
    """

    context: RunContext
    results: Path
    timeout: float | None = None
    earlier: Mapping[str, RecordedFailure] = field(default_factory=dict)
    on_step: Callable[[RunSpec, int], None] | None = None

    def __call__(self, spec: RunSpec) -> RunOutcome | LeasedElsewhere | InputError:
        """Do one run and store it, or its failure; nothing if another process does it or has done it.

        An ``InputError``, which ends the study, is returned, so that every kind of worker passes it.
        """
        started = time.perf_counter()
        try:
            with Leases(self.results).lease(spec.id) as lease:
                if lease is None:
                    return LeasedElsewhere(spec)
                if outcome := self.find_outcome(spec):
                    return outcome
                try:
                    result = self.attempt(spec, lease.check)
                    lease.confirm()
                except LeaseLostError:
                    return LeasedElsewhere(spec)
                return self.store(spec, result, time.perf_counter() - started)
        except InputError as error:
            return error

    def attempt(self, spec: RunSpec, check: Callable[[], None] = lambda: None) -> RunResult | Failure:
        """Train and score one run; store nothing.

        Parameters
        ----------
        check : callable
            Called often; what it raises ends the run.

        Raises
        ------
        LeaseLostError
            From ``check``.
        """
        started = time.perf_counter()

        def on_step(iteration: int) -> None:
            check()
            if self.timeout is not None and time.perf_counter() - started > self.timeout:
                raise TimeoutError(
                    f"after {self.timeout:g} s (--timeout) it had done {iteration} of {spec.protocol.iterations} "
                    "iterations: give it more time, or fewer iterations"
                )
            if self.on_step:
                self.on_step(spec, iteration)

        try:
            return train_and_score(spec, self.context, on_step)
        except LeaseLostError:
            raise
        except Exception as error:  # whatever a method raises is that run's failure, not the study's
            environment = describe_environment(self.context.choose_device())
            return Failure(f"{type(error).__name__}: {error}{_advice(error)}", traceback.format_exc(), environment)

    def store(self, spec: RunSpec, result: RunResult | Failure, seconds: float) -> RunOutcome:
        """Store the result of an attempt, or record its failure.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        store = ResultStore(self.results)
        if isinstance(result, Failure):
            store.save_failure(spec, result.message, result.traceback, result.environment)
            return RunOutcome(spec, Status.FAILED, error=result.message, seconds=seconds)
        store.save(spec, result)
        return RunOutcome(spec, result.status, result.metrics, seconds=seconds)

    def find_outcome(self, spec: RunSpec) -> RunOutcome | None:
        """Return how a run ended in another process; None if it did not.

        Raises
        ------
        InputError
            If its record cannot be read.
        """
        store = ResultStore(self.results)
        if store.has(spec.id):
            record = read_run(store.runs / spec.id)
            return RunOutcome(spec, record.status, record.metrics, by_another=True)
        failure = store.read_failures([spec]).get(spec.id)
        if failure is None or failure == self.earlier.get(spec.id):
            return None
        return RunOutcome(spec, Status.FAILED, error=failure.error, by_another=True)


def _advice(error: Exception) -> str:
    words = str(error).lower()
    lacks_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(sign in words for sign in _MEMORY_SIGNS)
    )
    return f" ({LESS_MEMORY})" if lacks_memory else ""

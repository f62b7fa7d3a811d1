"""What a worker does with one run: lease it, train it, and store its result or record its failure."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from baselines.errors import InputError
from baselines.registry import provide
from baselines.weights_files import WeightsFileError
from benchmark.environment import describe_environment
from benchmark.execution.leases import Lease, LeaseLostError, Leases
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import Environment, Status
from benchmark.results.run_result import RunResult
from benchmark.results.store import RecordedFailure, ResultStore, read_run
from benchmark.score import Metrics
from benchmark.training.one_run import RunContext, train_and_score

_MEMORY_ADVICE = " (memory ran out: use fewer --jobs, or a smaller batch_size or image_size with --set)"
# In messages of torch on CPUs, and of libraries that raise no special exception.
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
        Whether another process had recorded it before this one could.
    """

    spec: RunSpec
    status: Status
    metrics: Metrics | None = None
    error: str = ""
    seconds: float = 0.0
    by_another: bool = False


@dataclass(frozen=True)
class LeasedElsewhere:
    """A run that was skipped, because another process is training it."""

    spec: RunSpec


@dataclass(frozen=True)
class Failure:
    """Why a run failed: a line for people, and more for the record."""

    message: str
    traceback: str = ""
    environment: Environment = field(default_factory=dict)


@dataclass(frozen=True)
class RunTask:
    """What to do with each run; can be sent to other processes if ``on_step`` is None.

    Attributes
    ----------
    context : RunContext
    results : Path
        The results folder.
    timeout : float or None
        Seconds after which a run fails.
    earlier : mapping
        Known failures by run id: these runs are tried again, whereas a failure that another process records in the
        meantime is accepted.
    on_step : callable or None
        Called with (run, iterations done) after each iteration and each scored image.
    """

    context: RunContext
    results: Path
    timeout: float | None = None
    earlier: Mapping[str, RecordedFailure] = field(default_factory=dict)
    on_step: Callable[[RunSpec, int], None] | None = None

    def __call__(self, spec: RunSpec) -> RunOutcome | LeasedElsewhere | InputError:
        """Do one run and store its result or failure, unless another process is doing or has done it.

        An ``InputError``, which ends the study, is returned, as not every kind of worker passes on exceptions.
        """
        started = time.perf_counter()
        try:
            provide(spec.method)
            with Leases(self.results).lease(spec.id) as lease:
                if lease is None:
                    return LeasedElsewhere(spec)
                if outcome := self.find_outcome(spec):
                    return outcome
                try:
                    result = self._attempt(spec, lease)
                    lease.confirm()
                except LeaseLostError:
                    return LeasedElsewhere(spec)
                return self.store(spec, result, time.perf_counter() - started)
        except InputError as error:
            return error

    def store(self, spec: RunSpec, result: RunResult | Failure, seconds: float) -> RunOutcome:
        """Store a result, or record a failure.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        store = self._result_store
        if isinstance(result, Failure):
            store.save_failure(spec, result.message, result.traceback, result.environment)
            return RunOutcome(spec, Status.FAILED, error=result.message, seconds=seconds)
        store.save(spec, result)
        return RunOutcome(spec, result.status, result.metrics, seconds=seconds)

    @property
    def _result_store(self) -> ResultStore:
        return ResultStore(self.results, with_models=self.context.keep_model)

    def find_outcome(self, spec: RunSpec) -> RunOutcome | None:
        """Return how a run ended in another process; None if it did not end.

        Raises
        ------
        InputError
            If its record cannot be read.
        """
        store = self._result_store
        if store.has(spec.id):
            record = read_run(store.runs / spec.id)
            return RunOutcome(spec, record.status, record.metrics, by_another=True)
        failure = store.read_failures([spec]).get(spec.id)
        if failure is None or failure == self.earlier.get(spec.id):
            return None
        return RunOutcome(spec, Status.FAILED, error=failure.error, by_another=True)

    def _attempt(self, spec: RunSpec, lease: Lease) -> RunResult | Failure:
        """Train and score one run without storing it.

        Raises
        ------
        LeaseLostError
            As soon as the lease is lost.
        WeightsFileError
            If the user's file of weights is not that of the plan: it is to blame, and every run with it would fail.
        """
        started = time.perf_counter()

        def on_step(iteration: int) -> None:
            lease.check()
            if self.timeout is not None and time.perf_counter() - started > self.timeout:
                raise TimeoutError(
                    f"--timeout {self.timeout:g} exceeded after {iteration} of {spec.protocol.iterations} iterations: "
                    "allow more time, or set fewer iterations"
                )
            if self.on_step:
                self.on_step(spec, iteration)

        try:
            return train_and_score(spec, self.context, on_step)
        except (LeaseLostError, WeightsFileError):
            raise
        except Exception as error:  # any error of a method fails its run, not the study
            environment = describe_environment(self.context.choose_device())
            return Failure(f"{type(error).__name__}: {error}{_advice(error)}", traceback.format_exc(), environment)


def _advice(error: Exception) -> str:
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _MEMORY_SIGNS)
    )
    return _MEMORY_ADVICE if out_of_memory else ""

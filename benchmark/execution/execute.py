"""Executing many runs on a pool; one that fails, or whose process dies, does not affect the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable
from contextlib import closing

from baselines.errors import InputError
from benchmark.execution.leases import Leases
from benchmark.execution.pools import Lost, Pool
from benchmark.execution.run_task import Failure, LeasedElsewhere, RunOutcome, RunTask
from benchmark.protocol.runs import RunSpec
from benchmark.results.store import ResultStore

_POLL_SECONDS = 1.0

logger = logging.getLogger(__name__)


def execute(specs: Iterable[RunSpec], task: RunTask, pool: Pool) -> Generator[RunOutcome, None, None]:
    """Do runs and yield how each ended, in the order they end; a failure is recorded and the others continue.

    Runs are taken from ``specs`` when they can begin, so it may be an iterator that depends on what has ended.

    Runs that another command is training are waited for: at the end all are stored or failed. Close the iterator if
    it is not exhausted, so that no process is left. Metrics depend neither on the pool nor on the order of the runs.

    Raises
    ------
    InputError
        If results cannot be written.
    """
    store, leases = ResultStore(task.results), Leases(task.results)

    def clean() -> None:
        store.remove_stale_files()
        leases.remove_stale()

    clean()
    to_do = specs
    try:
        while True:
            leased: list[RunSpec] = []
            with closing(pool.map(task, to_do)) as results:
                for result in results:
                    outcome = _lost(task, result) if isinstance(result, Lost) else result
                    if isinstance(outcome, InputError):
                        raise outcome
                    if isinstance(outcome, LeasedElsewhere):
                        leased.append(outcome.spec)
                    else:
                        yield outcome
            if leased:
                logger.info(f"{len(leased)} runs are being trained by another command: waiting for them")
            to_do = yield from _await(leased, task, leases)
            if not to_do:
                return
    finally:
        clean()


def _await(leased: list[RunSpec], task: RunTask, leases: Leases) -> Generator[RunOutcome, None, list[RunSpec]]:
    """Yield the runs that other processes end; return the rest as soon as some of them have no owner any more."""
    while leased:
        # Leases first: an owner stores its result before it releases the lease.
        held = {spec.id for spec in leased if leases.is_held(spec.id)}
        abandoned: list[RunSpec] = []
        waiting: list[RunSpec] = []
        for spec in leased:
            if outcome := task.find_outcome(spec):
                yield outcome
            else:
                (waiting if spec.id in held else abandoned).append(spec)
        if abandoned:
            return abandoned + waiting
        leased = waiting
        if leased:
            time.sleep(_POLL_SECONDS)
    return []


def _lost(task: RunTask, lost: Lost) -> RunOutcome:
    reason = (
        f"it exceeded --timeout and its process was killed: it was still running after {task.timeout:g} s"
        if lost.overdue
        else "its process was killed twice, usually because memory ran out: use fewer --jobs, or a smaller batch_size "
        "or image_size with --set"
    )
    return task.find_outcome(lost.item) or task.store(lost.item, Failure(reason), 0.0)

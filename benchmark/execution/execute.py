"""Many runs on a pool; one that fails, or whose process dies, stops no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from baselines import InputError
from benchmark.execution.leases import Leases
from benchmark.execution.pools import Lost, Pool
from benchmark.execution.run_task import Failure, LeasedElsewhere, RunOutcome, RunTask
from benchmark.protocol.runs import RunSpec
from benchmark.results.store import ResultStore

_POLL_SECONDS = 1.0


def execute(
    specs: Sequence[RunSpec], task: RunTask, pool: Pool, say: Callable[[str], None] | None = None
) -> Generator[RunOutcome, None, None]:
    """Do runs and yield how each ended, as they end; a failure is recorded and the others go on.

    Runs that another command is training are waited for: at the end all of them are stored or failed. Close the
    iterator where it is not used up, so that no process stays behind. Metrics depend neither on the pool nor on the
    order of the runs.

    Parameters
    ----------
    say : callable, optional
        Called with a line when there is only waiting left.

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
    to_do = list(specs)
    try:
        while to_do:
            leased = []
            with closing(pool.map(task, to_do)) as ends:
                for end in ends:
                    outcome = _lost(task, end) if isinstance(end, Lost) else end
                    if isinstance(outcome, InputError):
                        raise outcome
                    if isinstance(outcome, LeasedElsewhere):
                        leased.append(outcome.spec)
                    else:
                        yield outcome
            if leased and say:
                say(f"{len(leased)} runs are in work by another command: waiting for them")
            to_do = yield from _await(leased, task, leases)
    finally:
        clean()


def _await(leased: list[RunSpec], task: RunTask, leases: Leases) -> Generator[RunOutcome, None, list[RunSpec]]:
    """Yield the runs that others end; return those that others gave up, as soon as there are any."""
    while leased:
        held = {spec.id for spec in leased if leases.is_held(spec.id)}  # looked at first: who stores, then lets go
        given_up: list[RunSpec] = []
        waiting: list[RunSpec] = []
        for spec in leased:
            if outcome := task.find_outcome(spec):
                yield outcome
            else:
                (waiting if spec.id in held else given_up).append(spec)
        if given_up:
            return given_up + waiting
        leased = waiting
        if leased:
            time.sleep(_POLL_SECONDS)
    return []


def _lost(task: RunTask, lost: Lost) -> RunOutcome:
    why = (
        f"it exceeded --timeout and its process was killed: it was still running after {task.timeout:g} s"
        if lost.overdue
        else "its process was killed twice; the usual reason is that memory ran out: use fewer --jobs, or a smaller "
        "batch_size or image_size with --set"
    )
    return task.find_outcome(lost.item) or task.store(lost.item, Failure(why), 0.0)

"""Many runs on a pool; one that fails, or whose process dies, stops no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from baselines import InputError
from benchmark.claims import Claims
from benchmark.pools import Lost, Pool
from benchmark.runs import RunSpec
from benchmark.store import ResultStore
from benchmark.work import Failure, Finished, Work

_POLL_SECONDS = 1.0


def execute(
    specs: Sequence[RunSpec], work: Work, pool: Pool, say: Callable[[str], None] | None = None
) -> Generator[Finished, None, None]:
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
    store, claims = ResultStore(work.place.results), Claims(work.place.results)

    def clean() -> None:
        store.remove_left_overs()
        claims.remove_left_overs()

    clean()
    to_do = list(specs)
    try:
        while to_do:
            claimed = []
            with closing(pool.map(work, to_do)) as ends:
                for end in ends:
                    finished = _lost(work, end) if isinstance(end, Lost) else end
                    if isinstance(finished, InputError):
                        raise finished
                    if finished.status == "claimed":
                        claimed.append(finished.spec)
                    else:
                        yield finished
            if claimed and say:
                say(f"{len(claimed)} runs are in work by another command: waiting for them")
            to_do = yield from _await(claimed, work, claims)
    finally:
        clean()


def _await(claimed: list[RunSpec], work: Work, claims: Claims) -> Generator[Finished, None, list[RunSpec]]:
    """Yield the runs that others end; return those that others gave up, as soon as there are any."""
    while claimed:
        held = {spec.id for spec in claimed if claims.is_held(spec.id)}  # looked at first: who stores, then lets go
        given_up: list[RunSpec] = []
        waiting: list[RunSpec] = []
        for spec in claimed:
            if settled := work.settled(spec):
                yield settled
            else:
                (waiting if spec.id in held else given_up).append(spec)
        if given_up:
            return given_up + waiting
        claimed = waiting
        if claimed:
            time.sleep(_POLL_SECONDS)
    return []


def _lost(work: Work, lost: Lost) -> Finished:
    why = (
        f"it did not heed --timeout and its process was killed: after {work.timeout:g} s it was still at it"
        if lost.overdue
        else "its process was killed twice; the usual reason is that memory ran out: use fewer --jobs, or a smaller "
        "batch_size or image_size with --set"
    )
    return work.settled(lost.item) or work.keep(lost.item, Failure(why, {}), 0.0)

"""Many runs: one after the other or several at a time; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from joblib import Parallel, delayed

from benchmark.runs import RunSpec
from benchmark.store import ResultStore
from benchmark.work import Finished, Workplace, execute_one


def execute(
    specs: Sequence[RunSpec],
    place: Workplace,
    jobs: int = 1,
    on_step: Callable[[RunSpec, int], None] | None = None,
) -> Iterator[Finished]:
    """Do runs and yield how each ended, as they end; a failure is recorded and the others go on.

    Parameters
    ----------
    jobs : int
        Runs at a time, each in a process of its own; metrics do not depend on it.
    on_step : callable, optional
        Called with (run, iterations done); only where runs are done in this process.

    Raises
    ------
    InputError
        If results cannot be written.
    """
    store = ResultStore(place.results)
    store.remove_left_overs()
    if min(jobs, len(specs)) <= 1:
        for spec in specs:
            yield execute_one(spec, place, store, on_step)
        return
    parallel = Parallel(n_jobs=jobs, backend="loky", batch_size=1, return_as="generator_unordered")
    yield from parallel(delayed(execute_one)(spec, place, store) for spec in specs)

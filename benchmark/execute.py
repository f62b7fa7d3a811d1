"""Many runs: one after the other or several at a time; one that fails, or whose process dies, stops no other."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import joblib
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

from baselines import InputError
from benchmark.claims import Claims
from benchmark.orphans import end_with_parent
from benchmark.runs import RunSpec
from benchmark.store import ResultStore
from benchmark.work import Finished, Work, Workplace

_POLL_SECONDS = 1.0
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def execute(
    specs: Sequence[RunSpec],
    place: Workplace,
    jobs: int = 1,
    on_step: Callable[[RunSpec, int], None] | None = None,
    say: Callable[[str], None] | None = None,
    timeout: float | None = None,
    earlier: Mapping[str, str] | None = None,
    pool: Pool | None = None,
) -> Generator[Finished, None, None]:
    """Do runs and yield how each ended, as they end; a failure is recorded and the others go on.

    Runs that another command is training are waited for: at the end all of them are stored or failed. Close the
    iterator where it is not used up, so that no process stays behind.

    Parameters
    ----------
    jobs : int
        Runs at a time, each in a process of its own; metrics do not depend on it.
    on_step : callable, optional
        Called with (run, iterations done); only where runs are done in this process.
    say : callable, optional
        Called with a line when there is only waiting left.
    timeout : float, optional
        Seconds after which a run fails.
    earlier : mapping, optional
        Recorded failures of runs that are to be tried again, as ``work.read_failures`` gives them.
    pool : Pool, optional
        Where runs are done instead of in ``jobs`` processes of this machine.

    Raises
    ------
    InputError
        If results cannot be written.
    """
    store, claims = ResultStore(place.results), Claims(place.results)
    in_process = pool is None and min(jobs, len(specs)) <= 1
    pool = pool or (SequentialPool() if in_process else LokyPool(jobs))
    work = Work(place, timeout, earlier or {}, on_step if in_process else None)

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
                    finished = _lost(work, end.item) if isinstance(end, Lost) else end
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


def _lost(work: Work, spec: RunSpec) -> Finished:
    return work.settled(spec) or work.fail(
        spec,
        "its process was killed twice; the usual reason is that memory ran out: use fewer --jobs, or a smaller "
        "batch_size or image_size with --set",
    )


@dataclass(frozen=True)
class Lost:
    """An item whose worker died twice."""

    item: Any


class Pool(Protocol):
    """Where work is done."""

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Generator[Any, None, None]:
        """Yield what ``work`` returns as it ends, in any order; ``Lost`` for an item whose workers died."""
        ...


class SequentialPool:
    """Work in this process."""

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Generator[Any, None, None]:
        """Yield what ``work`` returns, item by item."""
        yield from map(work, items)


class LokyPool:
    """Work in processes of this machine.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Generator[Any, None, None]:
        """Yield what ``work`` returns as it ends, in any order; no process is left when the iterator is closed.

        When a process dies, those in work are done again, one at a time, so that the one it died of is found: an item
        whose process died twice is yielded as ``Lost``.
        """
        waiting, suspects = deque(items), deque[Any]()
        deaths: Counter[int] = Counter()
        while waiting or suspects:
            broken = False
            in_work: dict[Future[Any], Any] = {}
            jobs = min(self.jobs, len(waiting) + len(suspects))
            executor = self._executor(jobs)
            try:
                while (waiting or suspects or in_work) and not broken:
                    # Never more than there are processes: what is in work is then known when one dies.
                    while (waiting or suspects) and len(in_work) < (1 if suspects else jobs):
                        queue = suspects or waiting
                        with _interruptions_held():
                            in_work[executor.submit(work, queue[0])] = queue[0]
                        if deaths[id(queue.popleft())]:
                            break  # alone
                    for future in wait(in_work, return_when=FIRST_COMPLETED).done:
                        if isinstance(future.exception(), BrokenProcessPool):
                            broken = True
                        else:
                            deaths.pop(id(in_work.pop(future)), None)
                            yield future.result()
            except BrokenProcessPool:  # a process died while it had nothing to do
                pass
            finally:
                executor.shutdown(kill_workers=True)
            for future, item in in_work.items():
                if future.exception() is None:  # it ended just before another one died
                    yield future.result()
                elif deaths[id(item)]:
                    yield Lost(item)
                else:
                    deaths[id(item)] = 1
                    suspects.append(item)

    @staticmethod
    def _executor(jobs: int) -> ProcessPoolExecutor:
        threads = str(max(1, joblib.cpu_count() // jobs))
        return ProcessPoolExecutor(
            jobs, initializer=end_with_parent, initargs=(os.getpid(),), env=dict.fromkeys(_THREADS, threads)
        )


@contextmanager
def _interruptions_held() -> Iterator[None]:
    """Start processes that Ctrl-C in a terminal does not reach, and all of them before it is heeded here.

    The parent ends them. Blocking alone would not do: another thread may get the signal for the main one.
    """
    in_main = threading.current_thread() is threading.main_thread()
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number)) if in_main else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if held:
        signal.raise_signal(signal.SIGINT)

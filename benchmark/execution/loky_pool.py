"""Runs in processes of this machine, by joblib's loky."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

import joblib
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker
from joblib.externals.loky.process_executor import BrokenProcessPool

from benchmark.execution.orphans import end_with_parent
from benchmark.execution.pools import Lost

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class LokyPool:
    """Work in processes of this machine; one that dies takes only its own item along, and is replaced.

    Parameters
    ----------
    environments : sequence of mapping
        One per process: what its environment has beside this one's, e.g. which device it sees.
    limit : float, optional
        Seconds after which an item's process is killed.
    """

    def __init__(self, environments: Sequence[Mapping[str, str]], limit: float | None = None) -> None:
        self.environments, self.limit = environments, limit

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield what ``work`` returns as it ends, in any order; no process is left when the iterator is closed.

        An item whose process dies is done again when all others have ended, alone, as the usual reason is memory; it
        is ``Lost`` if its process dies again, or when it takes longer than the limit.
        """
        waiting, suspects = deque(items), deque[Any]()
        threads = str(max(1, joblib.cpu_count() // len(self.environments)))
        lanes = [_Lane(dict.fromkeys(_THREADS, threads) | dict(environment)) for environment in self.environments]
        idle, in_work = deque(lanes), dict[Future[Any], _Task]()
        try:
            while waiting or suspects or in_work:
                while idle and waiting:
                    task = _Task(idle.popleft(), waiting.popleft())
                    in_work[task.start(work)] = task
                if not in_work:
                    for lane in lanes:
                        lane.close()  # what an idle process holds is memory, too
                    task = _Task(idle.popleft(), suspects.popleft(), again=True)
                    in_work[task.start(work)] = task
                for future in wait(in_work, self._time_left(in_work.values()), FIRST_COMPLETED).done:
                    task = in_work.pop(future)
                    idle.append(task.lane)
                    if not isinstance(future.exception(), BrokenProcessPool):
                        yield future.result()
                        continue
                    task.lane.close()
                    if task.again:
                        yield Lost(task.item)
                    else:
                        suspects.append(task.item)
                for future in [future for future, task in in_work.items() if self._is_overdue(task)]:
                    task = in_work.pop(future)
                    task.lane.close()
                    idle.append(task.lane)
                    yield Lost(task.item, overdue=True)
        finally:
            for lane in lanes:
                lane.close()

    def _time_left(self, tasks: Iterable[_Task]) -> float | None:
        if self.limit is None:
            return None
        return max(0.0, min(task.began for task in tasks) + self.limit - time.monotonic())

    def _is_overdue(self, task: _Task) -> bool:
        return self.limit is not None and time.monotonic() - task.began >= self.limit


class _Lane:
    """One process at a time, started when there is something to do."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, work: Callable[[Any], Any], item: Any) -> Future[Any]:
        while True:
            with _interruptions_held():
                if self._executor is None:
                    self._executor = ProcessPoolExecutor(
                        1, initializer=end_with_parent, initargs=(os.getpid(),), env=dict(self._environment)
                    )
                try:
                    return self._executor.submit(work, item)
                except BrokenProcessPool:  # the process died while it had nothing to do
                    pass
            self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._executor is not None:
            self._executor.shutdown(kill_workers=True)
            self._executor = None


@dataclass
class _Task:
    """An item on a lane."""

    lane: _Lane
    item: Any
    again: bool = False
    began: float = 0.0

    def start(self, work: Callable[[Any], Any]) -> Future[Any]:
        self.began = time.monotonic()
        return self.lane.submit(work, self.item)


@contextmanager
def _interruptions_held() -> Iterator[None]:
    """Start processes that Ctrl-C in a terminal does not reach, and all of them before it is heeded here.

    The parent ends them. Blocking alone would not do: another thread may get the signal for the main one.
    """
    # Both start a process when first needed and unblock the signal after that: too early if it happened below.
    resource_tracker.ensure_running()
    loky_resource_tracker.ensure_running()
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

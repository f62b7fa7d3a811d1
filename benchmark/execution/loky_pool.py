"""Runs in processes of this machine, by loky."""

from __future__ import annotations

import multiprocessing.resource_tracker
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import loky.backend.resource_tracker
from loky import ProcessPoolExecutor
from loky.backend.synchronize import Lock
from loky.process_executor import BrokenProcessPool

from benchmark.execution.orphans import end_with_parent
from benchmark.execution.pools import Lost

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class LokyPool:
    """Work in processes of this machine; if one dies, only its own item is affected, and another replaces it.

    Parameters
    ----------
    environments : sequence of mapping
        One per process: environment variables to add to those of this process, e.g. which device it sees.
    limit : float, optional
        Seconds after which an item's process is killed.
    """

    def __init__(self, environments: Sequence[Mapping[str, str]], limit: float | None = None) -> None:
        self.environments, self.limit = environments, limit

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield the results of ``work`` in the order they arrive; closing the iterator ends all processes.

        An item whose process dies is tried again, alone, once all others have ended, as the usual reason is memory. It
        is ``Lost`` if its process dies again, or if it takes longer than the limit.
        """
        waiting, suspects = iter(items), deque[Any]()
        threads = str(max(1, loky.cpu_count() // len(self.environments)))
        slots = [_Slot(dict.fromkeys(_THREADS, threads) | dict(environment)) for environment in self.environments]
        idle, running = deque(slots), dict[Future[Any], _Attempt]()
        try:
            while True:
                # Items are taken one by one, as late as possible: what is still to do may depend on the results.
                for item in islice(waiting, len(idle)):
                    attempt = _Attempt(idle.popleft(), item)
                    running[attempt.start(work)] = attempt
                if not running and not suspects:
                    return
                if not running:
                    for slot in slots:
                        slot.close()  # idle processes take memory, too
                    attempt = _Attempt(idle.popleft(), suspects.popleft(), is_second=True)
                    running[attempt.start(work)] = attempt
                for future in wait(running, self._time_left(running.values()), FIRST_COMPLETED).done:
                    attempt = running.pop(future)
                    idle.append(attempt.slot)
                    if not isinstance(future.exception(), BrokenProcessPool):
                        yield future.result()
                        continue
                    attempt.slot.close()
                    if attempt.is_second:
                        yield Lost(attempt.item)
                    else:
                        suspects.append(attempt.item)
                for future in [future for future, attempt in running.items() if self._is_overdue(attempt)]:
                    attempt = running.pop(future)
                    attempt.slot.close()
                    idle.append(attempt.slot)
                    yield Lost(attempt.item, overdue=True)
        finally:
            for slot in slots:
                slot.close()

    def _time_left(self, attempts: Iterable[_Attempt]) -> float | None:
        if self.limit is None:
            return None
        return max(0.0, min(attempt.started for attempt in attempts) + self.limit - time.monotonic())

    def _is_overdue(self, attempt: _Attempt) -> bool:
        return self.limit is not None and time.monotonic() - attempt.started >= self.limit


def why_unavailable() -> str:
    """Return why this machine cannot start processes that share semaphores, which on Linux need /dev/shm; "" if it can.

    Examples
    --------
    >>> why_unavailable()
    ''
    """
    try:
        with _interrupts_deferred():
            Lock()
    except (ImportError, OSError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


class _Slot:
    """One process at a time, started when there is work."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, work: Callable[[Any], Any], item: Any) -> Future[Any]:
        while True:
            with _interrupts_deferred():
                if self._executor is None:
                    self._executor = ProcessPoolExecutor(
                        1, initializer=end_with_parent, initargs=(os.getpid(),), env=dict(self._environment)
                    )
                try:
                    future: Future[Any] = self._executor.submit(work, item)
                    return future
                except BrokenProcessPool:  # the process died while it was idle
                    pass
            self.close()

    def close(self) -> None:
        """End the process, even if it is busy."""
        if self._executor is not None:
            self._executor.shutdown(kill_workers=True)
            self._executor = None


@dataclass
class _Attempt:
    """An item in a slot."""

    slot: _Slot
    item: Any
    is_second: bool = False
    started: float = 0.0

    def start(self, work: Callable[[Any], Any]) -> Future[Any]:
        self.started = time.monotonic()
        return self.slot.submit(work, self.item)


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Start processes that Ctrl-C in a terminal does not reach, as this process ends them; it is handled afterwards.

    Blocking the signal is not enough, as another thread may receive it for the main one.
    """
    # Both start a process at first use and unblock the signal afterwards: too early if it happened below.
    multiprocessing.resource_tracker.ensure_running()
    loky.backend.resource_tracker.ensure_running()
    in_main = threading.current_thread() is threading.main_thread()
    deferred: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: deferred.append(number)) if in_main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if deferred:
        signal.raise_signal(signal.SIGINT)

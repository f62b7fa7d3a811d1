"""Work on the workers of a dask cluster (`docs/scaling-out.md`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from baselines import InputError
from benchmark.environment import comparable_versions
from benchmark.execution.pools import Lost

_LOOK_EVERY_SECONDS = 5.0


class DaskPool:
    """The workers of a running dask cluster, one item at a time on each.

    This speaks to `distributed` itself: joblib's dask backend calls back for results only, not for a task that failed,
    so a stream of results would wait for ever for an item whose workers died too often.

    A worker that dies is no loss: dask gives its items to the others, and one that comes later, e.g. restarted by its
    nanny, takes part once it has passed the same check. With no worker left the cluster is waited for.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://HOST:8786``.
    check : callable, optional
        Picklable; returns what must be equal here and on every worker, by name, e.g. digests of the data.
    timeout : float
        Seconds to wait for the scheduler, and then for a first worker.
    """

    def __init__(self, address: str, check: Callable[[], dict[str, str]] = dict, timeout: float = 10) -> None:
        self.address, self.check, self.timeout = address, check, timeout

    def ask(self, question: Callable[[], Any]) -> dict[str, Any]:
        """Return the answer of every worker that is there, by address; raises as ``map``."""
        _import_distributed()
        client = self._connect()
        try:
            return self._answers(client, question)
        finally:
            client.close()  # the scheduler then forgets what nobody waits for

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Generator[Any, None, None]:
        """Check all workers, then yield results as they come; items are taken as workers get to them.

        Raises
        ------
        InputError
            If `distributed` is not installed, the scheduler does not answer or goes away, there are no workers, or
            one of them differs from this process.
        """
        distributed = _import_distributed()
        admission = _Admission(self.check, _describe(1, self.check), uuid4().hex)
        client = self._connect()
        in_work: dict[Any, Any] = {}
        try:
            self._answers(client, admission)
            ended = distributed.as_completed(loop=client.loop, with_results=True, raise_errors=False)
            numbered = enumerate(items)

            def refill() -> None:
                # One in work on each and one that waits there, so that none is idle.
                while len(in_work) < 2 * max(1, len(self._workers(client))):
                    try:
                        index, item = next(numbered)
                    except StopIteration:
                        return
                    task = _Admitted(work, item, admission)
                    future = client.submit(task, key=f"run-{admission.token}-{index}", pure=False)
                    in_work[future] = item
                    ended.add(future)

            refill()
            for future, result in ended:
                item = in_work.pop(future)
                if future.status not in ("finished", "error"):
                    raise self._gone()
                refill()
                if future.status == "finished":
                    yield result
                elif isinstance(future.exception(), distributed.KilledWorker):
                    yield Lost(item)
                else:
                    raise future.exception()
        finally:
            client.close()  # the scheduler then forgets what nobody waits for

    def _connect(self) -> Any:
        import distributed

        # What they log when a connection ends, by plan or not, is tracebacks; what matters of it is said in one line.
        for name in ("distributed", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

        async def knock() -> None:
            comm = await distributed.comm.connect(self.address, timeout=self.timeout)
            comm.abort()

        try:
            # A client itself would wait without end for what takes a connection and says nothing.
            asyncio.run(asyncio.wait_for(knock(), self.timeout + 1))
            client = distributed.Client(self.address, timeout=self.timeout, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise InputError(
                f"no dask scheduler answers at '{self.address}' ({_first_line(error)}): start one with "
                "'dask scheduler' and give the address it prints, e.g. --scheduler tcp://HOST:8786"
            ) from None
        try:
            client.wait_for_workers(1, timeout=self.timeout)
        except TimeoutError:
            client.close()
            raise InputError(
                f"the dask scheduler at {self.address} has no workers: start one with "
                f"'dask worker {self.address} --nthreads 1'"
            ) from None
        return client

    def _workers(self, client: Any) -> list[str]:
        try:
            return list(client.nthreads())
        except OSError:  # distributed's CommClosedError is one
            raise self._gone() from None

    def _gone(self) -> InputError:
        return InputError(f"the dask scheduler at {self.address} went away: start it and run again to go on")

    def _answers(self, client: Any, question: Callable[[], Any]) -> dict[str, Any]:
        # As tasks, not by client.run: reading data would keep a worker from answering its scheduler.
        asked = {
            address: client.submit(question, workers=[address], allow_other_workers=False, pure=False)
            for address in self._workers(client)
        }
        answers = {}
        for address, answer in asked.items():
            while not answer.done() and address in self._workers(client):
                with suppress(TimeoutError):
                    answer.exception(timeout=_LOOK_EVERY_SECONDS)
            if not answer.done():  # so ends, e.g., a worker that cannot unpickle what it is sent
                raise InputError(
                    f"dask worker {address} went away when it was checked: see that the same packages are installed "
                    "there, this suite too (docs/scaling-out.md)"
                )
            answers[address] = answer.result()
        return answers


@dataclass(frozen=True)
class _Admission:
    """Compares the process it is called in with the one that made it."""

    check: Callable[[], dict[str, str]]
    expected: dict[str, str]
    token: str

    def __call__(self) -> None:
        from distributed import get_worker

        if self.token in _ADMITTED:
            return
        worker = get_worker()
        try:
            found = _describe(worker.state.nthreads, self.check)
        except InputError as error:
            raise InputError(f"dask worker {worker.address} is refused: {error}") from None
        differences = [
            f"{name} is {found.get(name, 'unknown')} there, {self.expected.get(name, 'unknown')} here"
            for name in {**self.expected, **found}
            if found.get(name) != self.expected.get(name)
        ]
        if differences:
            raise InputError(f"dask worker {worker.address} is refused: {'; '.join(differences)} (docs/scaling-out.md)")
        _ADMITTED.add(self.token)


# In a dask worker: the studies it may take part in.
_ADMITTED: set[str] = set()


class _Admitted:
    """One item's work, done only by a worker that may; a worker that came late is compared first."""

    def __init__(self, work: Callable[[Any], Any], item: Any, admission: _Admission) -> None:
        self._work, self._item, self._admission = work, item, admission

    def __call__(self) -> Any:
        self._admission()
        return self._work(self._item)


def _describe(threads: int, check: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return what must be equal in all processes of a study.

    One thread per dask worker: random numbers and settings of torch belong to the process, so that two runs in one
    would change each other's results.
    """
    return {"--nthreads": str(threads), **comparable_versions(), **check()}


def _import_distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError(
            "--backend dask needs the package distributed: pip install 'fewshot-defect-benchmark[dask]'"
        ) from None
    return distributed


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Work on the workers of a dask cluster (`docs/scaling-out.md`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any
from uuid import uuid4

from baselines.errors import InputError
from benchmark.environment import comparable_versions
from benchmark.execution.pools import Lost

_POLL_SECONDS = 5.0


class DaskPool:
    """The workers of a running dask cluster, one item at a time on each.

    It uses `distributed` itself, as joblib's dask backend reports results only: a stream of them would wait for ever
    for an item that failed because too many of its workers died.

    When a worker dies, dask gives its items to the others. One that comes later, e.g. restarted by its nanny, takes
    part once it has passed the same check. Without any worker left, the pool waits for one.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://HOST:8786``.
    check : callable, optional
        Picklable; returns what must be equal here and on every worker, by name, e.g. digests of the data.
    require : callable, optional
        Picklable; raises InputError on a worker that cannot execute the items, e.g. because it lacks the device.
    timeout : float
        Seconds to wait for the scheduler, and then for a first worker.
    """

    def __init__(
        self,
        address: str,
        check: Callable[[], dict[str, str]] = dict,
        require: Callable[[], object] = bool,
        timeout: float = 10,
    ) -> None:
        self.address, self.check, self.require, self.timeout = address, check, require, timeout

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Generator[Any, None, None]:
        """Check all workers, then yield the results of ``work`` in the order they arrive.

        Raises
        ------
        InputError
            If `distributed` is not installed, the scheduler does not answer or goes away, there are no workers, or
            one of them differs from this process.
        """
        distributed = _import_distributed()
        check = _WorkerCheck(self.check, self.require, _describe(1, self.check), uuid4().hex)
        client = self._connect(distributed)
        try:
            self._check_workers(client, check)
            submitted: dict[Any, Any] = {}
            completed = distributed.as_completed(loop=client.loop, with_results=True, raise_errors=False)
            numbered = enumerate(items)

            def submit() -> None:
                # One running and one waiting per worker, so that none is idle; not all, as dask counts the death
                # of a worker against every item it holds.
                free = 2 * max(1, len(self._workers(client))) - len(submitted)
                for number, item in islice(numbered, max(0, free)):
                    checked = partial(_check_and_work, check, work, item)
                    future = client.submit(checked, key=f"run-{check.token}-{number}", pure=False)
                    submitted[future] = item
                    completed.add(future)

            submit()
            for future, result in completed:
                item = submitted.pop(future)
                if future.status not in ("finished", "error"):
                    raise self._scheduler_lost()
                submit()
                if future.status == "finished":
                    yield result
                elif isinstance(future.exception(), distributed.KilledWorker):
                    yield Lost(item)
                else:
                    raise future.exception()
        finally:
            client.close()  # the scheduler then withdraws what was submitted

    def _connect(self, distributed: Any) -> Any:
        # When a connection ends, expected or not, these log tracebacks; errors that matter are raised here in one line.
        for name in ("distributed", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

        async def probe() -> None:
            comm = await distributed.comm.connect(self.address, timeout=self.timeout)
            comm.abort()

        try:
            # A client would wait for ever for a server that accepts connections and never answers.
            asyncio.run(asyncio.wait_for(probe(), self.timeout + 1))
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
            raise self._scheduler_lost() from None

    def _scheduler_lost(self) -> InputError:
        return InputError(
            f"connection to the dask scheduler at {self.address} lost: start it and give the same command again to "
            "resume"
        )

    def _check_workers(self, client: Any, check: _WorkerCheck) -> None:
        # As tasks, not by client.run, which would keep a worker from answering its scheduler while it reads data.
        checks = {
            address: client.submit(check, workers=[address], allow_other_workers=False, pure=False)
            for address in self._workers(client)
        }
        for address, future in checks.items():
            while not future.done() and address in self._workers(client):
                with suppress(TimeoutError):
                    future.exception(timeout=_POLL_SECONDS)
            if not future.done():  # e.g. a worker that cannot unpickle what it is sent
                raise InputError(
                    f"dask worker {address} went away while it was checked: make sure that the same packages are "
                    "installed there, including this one (docs/scaling-out.md)"
                )
            future.result()


@dataclass(frozen=True)
class _WorkerCheck:
    """Compares the worker that calls it with the process that made it."""

    check: Callable[[], dict[str, str]]
    require: Callable[[], object]
    expected: dict[str, str]
    token: str

    def __call__(self) -> None:
        from distributed import get_worker

        if self.token in _PASSED:
            return
        worker = get_worker()
        try:
            self.require()
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
        _PASSED.add(self.token)


# In a dask worker: tokens of the checks it has passed.
_PASSED: set[str] = set()


def _check_and_work(check: _WorkerCheck, work: Callable[[Any], Any], item: Any) -> Any:
    check()  # this worker may have come late
    return work(item)


def _describe(threads: int, check: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return what must be equal in all processes of a study.

    One thread per dask worker: random numbers and settings of torch are global to a process, so that two runs in one
    process would change each other's results.
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

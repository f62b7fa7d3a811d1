"""The dask pool: a real scheduler and real workers, some of them killed, some of them refused."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark import __version__ as benchmark_version
from benchmark.execution.dask_pool import DaskPool
from benchmark.execution.pools import Lost
from tests.execution.dask_cluster import running_scheduler, worker


def double(number: int) -> int:
    return 2 * number


@dataclass(frozen=True)
class Dying:
    """Doubles a number; the fatal one kills its process, the first ``times`` times."""

    folder: Path
    fatal: int
    times: int
    seconds: float = 0.05

    def __call__(self, number: int) -> int:
        with (self.folder / f"tried-{number}").open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        if number == self.fatal and self.tries(number) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * number

    def tries(self, number: int) -> int:
        return len((self.folder / f"tried-{number}").read_text().splitlines())


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a scheduler without workers."""
    with running_scheduler() as (_, address):
        yield address


def data_digest() -> dict[str, str]:
    return {"category widget": os.environ.get("TEST_DATA_DIGEST", "abc")}


def test_dask_workers_do_everything_even_if_one_is_killed(scheduler: str, tmp_path: Path) -> None:
    with worker(scheduler) as one, worker(scheduler) as other:
        work = Dying(tmp_path, fatal=3, times=1, seconds=0.2)
        results = list(DaskPool(scheduler, data_digest).map(work, range(8)))
        assert sorted(results) == [2 * number for number in range(8)]  # type: ignore[type-var]
        assert work.tries(3) == 2
        assert sorted(process.poll() is None for process in (one, other)) == [False, True]


def test_dask_gives_up_an_item_that_kills_workers_and_no_other(scheduler: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(worker(scheduler))
        results = list(DaskPool(scheduler).map(Dying(tmp_path, fatal=0, times=9, seconds=0.2), range(3)))
    assert sorted(results, key=str) == [2, 4, Lost(0)]


def test_dask_workers_that_differ_are_refused_before_anything_runs(scheduler: str, tmp_path: Path) -> None:
    work = Dying(tmp_path, fatal=-1, times=0)
    other = worker(scheduler, "--nthreads", "2", TEST_DATA_DIGEST="xyz")
    with worker(scheduler), other, pytest.raises(InputError) as refusal:
        list(DaskPool(scheduler, data_digest).map(work, range(4)))
    message = str(refusal.value)
    assert re.match(r"dask worker tcp://127\.0\.0\.1:\d+ is refused: ", message)
    assert "\n" not in message
    for difference in ("--nthreads is 2 there, 1 here", "category widget is xyz there, abc here"):
        assert difference in message
    assert not list(tmp_path.iterdir())


def test_a_dask_worker_that_differs_in_version_or_comes_late_does_nothing(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker(scheduler):
        with monkeypatch.context() as patch:
            patch.setattr("benchmark.__version__", "9.9")
            with pytest.raises(InputError, match=f"benchmark is {benchmark_version} there, 9.9 here"):
                list(DaskPool(scheduler).map(double, range(4)))
        results = DaskPool(scheduler, data_digest).map(Dying(tmp_path, -1, 0, seconds=0.5), range(200))
        next(results)
        with worker(scheduler, TEST_DATA_DIGEST="xyz") as late:
            with pytest.raises(InputError, match="category widget is xyz there, abc here"):
                list(results)
            assert str(late.pid) not in "".join(path.read_text() for path in tmp_path.iterdir()).splitlines()


def test_a_dask_worker_without_the_suite_is_refused(scheduler: str, tmp_path: Path) -> None:
    with (
        worker(scheduler, PYTHONPATH=str(tmp_path)),
        pytest.raises(InputError, match=r"dask worker tcp://.* the same packages"),
    ):
        list(DaskPool(scheduler, data_digest).map(double, range(4)))


def test_nothing_to_connect_to_is_one_line(scheduler: str) -> None:
    with pytest.raises(InputError, match="has no workers"):
        list(DaskPool(scheduler, timeout=1).map(double, [1]))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address in (f"tcp://127.0.0.1:{silent.getsockname()[1]}", "tcp://127.0.0.1:1", "nonsense://x", ""):
            with pytest.raises(InputError, match="no dask scheduler answers") as refusal:
                list(DaskPool(address, timeout=1).map(double, [1]))
            assert "\n" not in str(refusal.value)


def test_a_scheduler_that_goes_away_is_one_line(tmp_path: Path) -> None:
    with running_scheduler() as (process, address), worker(address):
        results = DaskPool(address).map(Dying(tmp_path, -1, 0, seconds=0.5), range(200))
        next(results)
        process.kill()
        with pytest.raises(InputError, match=f"{address} lost") as refusal:
            list(results)
        assert "\n" not in str(refusal.value)


def test_without_distributed_dask_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'fewshot-defect-benchmark\[dask\]'"):
        list(DaskPool("tcp://127.0.0.1:1").map(double, [1]))

"""A dask cluster for tests: real processes, killed at the end whatever happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from tests.conftest import REPOSITORY


@contextmanager
def started(
    *words: str, until: str, before: tuple[str, ...] = (), **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a dask command, behind the words ``before``; give it and the group of the first line that matches."""
    process = subprocess.Popen(
        [*before, sys.executable, "-P", "-m", "dask", *words],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(until, line):
                Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would block it
                yield process, found[1]
                return
        raise AssertionError(f"dask {words} did not start")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running_scheduler() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a scheduler without workers, and its address."""
    pytest.importorskip("distributed")
    words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    # Dask gives up an item at the death after so many; the default is 3.
    failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with started(*words, until=r"Scheduler at: +(tcp://\S+)", **failures) as running:
        yield running


@contextmanager
def worker(
    scheduler: str, *words: str, before: tuple[str, ...] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Start a worker without a nanny, which would restart it."""
    common = ("worker", scheduler, "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
    options = words or ("--nthreads", "1")
    with started(*common, *options, until=r"Registered to: +(tcp://\S+)", before=before, **environment) as one:
        yield one[0]

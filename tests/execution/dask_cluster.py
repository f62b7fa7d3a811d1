"""A dask cluster for tests: processes that are really started, and ended whatever happens."""

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
    """Run a dask command until it says something, and end it; give what it said. ``before``: what it is run by."""
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
                Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
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
    # Dask gives an item up after this many deaths and one more; 3 unless told.
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

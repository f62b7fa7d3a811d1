"""Output that cannot be written is one line and exit code 2, whichever verb prints it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.factories import store_run

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def run_into(target: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with target.open("w") as out:
        return subprocess.run(
            [sys.executable, "-m", "benchmark", *words],
            cwd=folder, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, timeout=120, check=False,
        )  # fmt: skip


@needs_full
def test_each_verb_that_prints_to_a_full_disk_says_so_in_one_line(tmp_path: Path) -> None:
    store_run(tmp_path / "results")
    for words in (
        ["tables", "--published"],
        ["report"],
        ["profile", "show"],
        ["data", "list"],
        ["tables", "--help"],
        ["--version"],
    ):
        done = run_into(FULL, tmp_path, *words)
        assert done.returncode == 2, (words, done.stderr)
        (line,) = done.stderr.splitlines()
        assert "standard output" in line, words


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmark", "tables", "--published"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0

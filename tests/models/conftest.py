"""A run with its model, trained once."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmark.cli import main
from tests.conftest import make_category, tiny_with

# A size that the images of a category are resized from.
OWN_SIZE = 48


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def do(folder: Path, *words: object) -> Done:
    """Run the command line in a folder, in this process: importing torch again would take seconds."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(map(str, words)))
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data/widget``, and in ``results`` a run with its model; its ninth test image is scored alone."""
    folder = tmp_path_factory.mktemp("trained")
    make_category(folder / "data" / "widget", test_normals=3, size=OWN_SIZE)
    words = ("--dataset", "folder", "--data-root", "data", "--method", "unet", "--shots", 1, "--seed", 0, "--jobs", 1)
    settings = tiny_with("iterations=120", "learning_rate=0.01", "curve_every=0")
    done = do(folder, "run", *words, *settings, "--keep-models", "--cache", "cache")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def run_folder(trained: Path) -> Path:
    """The folder of that run."""
    (folder,) = (trained / "results" / "runs").iterdir()
    return folder

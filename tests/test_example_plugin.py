"""The example plug-in, installed as its README says: listed, checked and run, also in worker processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.results.table import load_results
from tests.conftest import REPOSITORY, TINY, CommandLine, make_category
from tests.test_cli import same_results


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the example's package and its metadata."""
    folder = tmp_path_factory.mktemp("plugin")
    # A copy, for building writes beside the sources.
    shutil.copytree(REPOSITORY / "examples" / "plugin", folder / "source")
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", folder / "site"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *map(str, words), str(folder / "source")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def with_plugin(installed: Path, tmp_path: Path) -> CommandLine:
    """The command line in an environment that has the plug-in."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "benchmark", *map(str, words)],
            cwd=tmp_path,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(installed)]),
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_example_is_listed_behind_the_papers_methods(with_plugin: CommandLine) -> None:
    done = with_plugin("methods", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert [entry["name"] for entry in listed[-2:]] == ["dilated", "dilated_ours"]
    assert listed[-1]["label"] == "DilatedNet+NBR+CaP"
    assert listed[-1]["parameters"] == listed[-2]["parameters"] > 0
    assert listed[-1]["gmacs"] > 0
    assert "warning" not in done.stderr


def test_the_example_keeps_the_contract(with_plugin: CommandLine) -> None:
    done = with_plugin("methods", "--check", "dilated_ours")
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout


def test_the_example_runs_in_this_process_and_in_workers(with_plugin: CommandLine, tmp_path: Path) -> None:
    category = make_category(tmp_path / "data" / "widget")
    words = ("run", "--dataset", "folder", "--data-root", category.parent, *TINY, "--shots", 1, "--seed", 0)
    words += ("--method", "dilated_ours", "dilated+bn")
    for name, jobs in (("one", 1), ("two", 2)):
        done = with_plugin(*words, "--results", name, "--jobs", jobs)
        assert done.returncode == 0, done.stderr
        assert "failed" not in done.stderr
    assert "DilatedNet+BN (control)" in done.stdout
    same_results(tmp_path / "one", tmp_path / "two")
    assert load_results(tmp_path / "one")["method"].tolist() == ["dilated+bn", "dilated_ours"]

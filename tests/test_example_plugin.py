"""The example plug-in, installed as its README says: it is listed, fulfils the contract and runs, also in workers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmark.results.table import load_results
from tests.conftest import REPOSITORY, TINY, make_category
from tests.test_cli import same_results

# Runs several commands in one process, since importing takes longer than most of them.
COMMANDS = """
import contextlib, io, json, sys
from benchmark.cli import main

if __name__ == "__main__":
    outcomes = []
    for words in json.loads(sys.argv[1]):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = main(words)
        outcomes.append((code, output.getvalue()))
    print(json.dumps(outcomes))
"""


def install(folder: Path) -> Path:
    """Install the example below a folder; return the folder to add to Python's path."""
    shutil.copytree(REPOSITORY / "examples" / "plugin", folder / "source")  # a build writes beside the sources
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", folder / "site"]
    command = [sys.executable, "-m", "pip", *map(str, words), str(folder / "source")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_the_example_is_listed_checked_and_gives_the_same_results_in_workers(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(REPOSITORY), str(install(tmp_path / "plugin"))])
    data = make_category(tmp_path / "data" / "widget").parent
    run = ["run", "--dataset", "folder", "--data-root", str(data), *TINY, "--shots", "1", "--seed", "0"]
    run += ["--method", "dilated_ours", "dilated+bn"]
    commands = [
        ["methods", "--json"],
        ["methods", "--check", "dilated_ours"],
        [*run, "--results", "workers", "--jobs", "2"],
        [*run, "--results", "one", "--jobs", "1"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert "failed" not in done.stderr
    outcomes = json.loads(done.stdout)
    assert [code for code, _ in outcomes] == [0, 0, 0, 0], done.stderr

    listed, checked, _, _ = (output for _, output in outcomes)
    *_, baseline, ours = json.loads(listed)
    assert [entry["name"] for entry in (baseline, ours)] == ["dilated", "dilated_ours"]
    assert ours["label"] == "DilatedNet+NBR+CaP"
    assert ours["parameters"] == baseline["parameters"] > 0
    assert ours["gmacs"] > 0
    assert "pass" in checked
    assert "FAIL" not in checked

    same_results(tmp_path / "one", tmp_path / "workers")
    results = load_results(tmp_path / "one")
    assert results["method"].tolist() == ["dilated+bn", "dilated_ours"]
    assert results["label"].tolist() == ["DilatedNet+BN (control)", "DilatedNet+NBR+CaP"]

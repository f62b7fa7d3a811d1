"""Unit tests and the gate catch faults planted in copies of the project (docs/regression-gate.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.gate.faults import FAULTS, copy_with_fault, node_id

BASELINE = REPOSITORY / "tests" / "metrics" / "ci.json"
# Where the slow checks below store their runs, so that they can be resumed.
KEPT = os.environ.get("BENCHMARK_GATE_RESULTS")


def exit_codes(copies: dict[Path, str]) -> list[int]:
    """Return pytest's exit code for one test in each copy."""
    words = [str(word) for pair in copies.items() for word in pair]
    command = [sys.executable, "-m", "tests.gate.fork_tests", *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [int(line) for line in done.stdout.split()]


def test_each_fault_fails_its_unit_test(tmp_path: Path) -> None:
    copies = {
        copy_with_fault(fault, tmp_path / str(number)): node_id(fault) for number, fault in enumerate(FAULTS.values())
    }
    copies[copy_with_fault(None, tmp_path / "unchanged")] = node_id(next(iter(FAULTS.values())))
    codes = dict(zip([*FAULTS, "no fault"], exit_codes(copies), strict=True))
    assert codes == dict.fromkeys(FAULTS, 1) | {"no fault": 0}


def check(project: Path, results: Path, *words: object) -> dict[str, Any]:
    """Run ``check`` of a copy of the project against the committed baseline and return its JSON."""
    command = [sys.executable, "-m", "benchmark", "check", "--json"]
    options = ["--baseline", BASELINE, "--results", results, *words]
    environment = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(
        [*command, *map(str, options)], cwd=project, env=environment, stdout=subprocess.PIPE, check=False
    )
    assert done.returncode in (0, 1)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def summarise(report: dict[str, Any]) -> str:
    """The verdicts of the lines that fail, and how many of them are cells, methods or all cells."""
    lines = [line for line in report["lines"] if line["fails"]]
    counts = Counter("cell" if line["category"] else "method" if line["method"] else "all" for line in lines)
    failing = ", ".join(f"{count} {level}" for level, count in counts.items())
    return f"{', '.join(sorted({line['verdict'] for line in lines}))} ({failing})" if lines else "passed"


@pytest.mark.gate
@pytest.mark.parametrize("name", FAULTS)
def test_what_the_gate_finds_of_faults(name: str, tmp_path: Path) -> None:
    """Prints what the gate finds in both modes; unit tests catch each fault, see above."""
    project = copy_with_fault(FAULTS[name], tmp_path / "project")
    results = Path(KEPT or tmp_path) / "results"
    statistical = check(project, results, "--gate", "statistical")
    auto = check(project, results)
    print(f"{name}: {'/'.join(auto['gate'])}: {summarise(auto)}; statistical: {summarise(statistical)}")
    assert not statistical["passed"]
    if "statistical" not in auto["gate"]:
        assert not all(line["verdict"] == "identical" for line in auto["lines"])


@pytest.mark.gate
@pytest.mark.parametrize("repeat", range(10))
def test_unchanged_code_with_other_seeds_raises_no_alarm(repeat: int, tmp_path: Path) -> None:
    first = 20 + 4 * repeat  # seeds that the baseline lacks
    report = check(REPOSITORY, Path(KEPT or tmp_path) / "results", "--seed", *range(first, first + 4))
    assert list(report["gate"]) == ["statistical"]
    assert report["passed"], summarise(report)

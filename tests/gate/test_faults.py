"""Faults put into copies of the project are noticed by unit tests and by the gate (docs/regression-gate.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.gate.faults import FAULTS, copy_with_fault

BASELINE = REPOSITORY / "tests" / "metrics" / "ci.json"
# Where the runs of the slow checks below are kept, so that they go on where they were stopped.
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


def test_each_fault_fails_the_unit_test_that_guards_against_it(tmp_path: Path) -> None:
    copies = {
        copy_with_fault(fault, tmp_path / str(number)): fault.test for number, fault in enumerate(FAULTS.values())
    }
    copies[copy_with_fault(None, tmp_path / "whole")] = next(iter(FAULTS.values())).test
    codes = dict(zip([*FAULTS, "no fault"], exit_codes(copies), strict=True))
    assert codes == dict.fromkeys(FAULTS, 1) | {"no fault": 0}


def check(project: Path, results: Path, *words: object) -> dict[str, object]:
    """Run ``check`` of a copy of the project against the committed baseline and return what it found."""
    command = [
        sys.executable,
        "-m",
        "benchmark",
        "check",
        "--json",
        "--baseline",
        BASELINE,
        "--results",
        results,
        *words,
    ]
    environment = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(list(map(str, command)), cwd=project, env=environment, stdout=subprocess.PIPE, check=False)
    assert done.returncode in (0, 1)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def told(found: dict[str, object]) -> str:
    lines = [line for line in found["lines"] if line["fails"]]  # type: ignore[attr-defined]
    places = {"cell": 0, "method": 0, "all": 0}
    for line in lines:
        places["cell" if line["category"] else "method" if line["method"] else "all"] += 1
    said = ", ".join(f"{count} {place}" for place, count in places.items() if count)
    return f"{', '.join(sorted({line['verdict'] for line in lines}))} ({said})" if lines else "passed"


@pytest.mark.gate
@pytest.mark.parametrize("name", FAULTS)
def test_the_gate_tells_of_faults(name: str, tmp_path: Path) -> None:
    """Prints what the gate finds both ways with two of its four seeds; unit tests find each fault anyway, see above."""
    project = copy_with_fault(FAULTS[name], tmp_path / "project")
    results = Path(KEPT or tmp_path) / "results"
    statistical = check(project, results, "--seed", 0, 1, "--gate", "statistical")
    auto = check(project, results, "--seed", 0, 1)
    print(f"{name}: {'/'.join(auto['gate'])}: {told(auto)}; statistical: {told(statistical)}")  # type: ignore[arg-type]
    if "statistical" not in auto["gate"]:  # type: ignore[operator]
        assert not all(line["verdict"] == "identical" for line in auto["lines"])  # type: ignore[attr-defined]


@pytest.mark.gate
@pytest.mark.parametrize("repeat", range(20))
def test_unchanged_code_with_other_seeds_raises_no_alarm(repeat: int, tmp_path: Path) -> None:
    first = 20 + 2 * repeat  # seeds that the baseline does not hold
    found = check(REPOSITORY, Path(KEPT or tmp_path) / "results", "--seed", first, first + 1)
    assert list(found["gate"]) == ["statistical"]  # type: ignore[call-overload]
    assert found["passed"], told(found)

"""Reports of the gate: the printed table, JUnit XML and JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmark.gate.judge import Gate, judge
from benchmark.gate.outcomes import Cell, StoredRuns
from reports.gate import Report, as_junit, as_records, as_text
from tests.gate.factories import (
    CELLS,
    MACHINE,
    OTHER_MACHINE,
    lowered,
    make_baseline,
    make_outcomes,
    noisy,
    stored,
    with_terms,
)


def report_of(runs: StoredRuns, cells: tuple[Cell, ...] = CELLS) -> Report:
    baseline = make_baseline()
    if cells != CELLS:
        baseline = make_baseline(make_outcomes(lambda *_: 0.5, cells))
    return Report(judge(baseline, runs, cells, (0, 1), Gate.AUTO), baseline, "ci.json", MACHINE, ("a note",))


@pytest.fixture
def failing() -> Report:
    """The first cell is worse, the last one missing."""
    runs = lowered(make_outcomes(noisy), 0.1, CELLS[:1])
    del runs[CELLS[3]]
    return report_of(stored(runs))


def test_the_table_has_a_row_per_cell_and_then_each_failure_with_its_reason(failing: Report) -> None:
    lines = as_text(failing).splitlines()
    assert lines[0] == "ci on synthetic, against ci.json"
    assert lines[1].startswith("bit-level: hardware and versions are the baseline's")
    assert lines[2] == "a note"
    row = next(line for line in lines if line.split()[:3] == ["carpet", "1", "unet"])
    assert row.endswith("WORSE")
    assert "-0.1000" in row
    assert any(line.startswith("carpet unet 1-shot: WORSE, IOU fell by 0.1000, from 0.") for line in lines)
    assert "tile albunet 1-shot: MISSING, seed 0 was not run" in lines
    assert lines[-1] == "FAILED: 1 WORSE, 2 identical, 1 MISSING"


def test_the_table_shows_tolerances_only_where_they_apply() -> None:
    runs = make_outcomes(noisy)
    assert "tolerated" not in as_text(report_of(stored(runs)))
    text = as_text(report_of(stored(runs, OTHER_MACHINE)))
    assert "tolerated" in text
    assert text.splitlines()[-1] == "passed: 7 within tolerance"


def test_training_terms_have_a_table_of_their_own_where_tolerances_apply() -> None:
    runs = with_terms(make_outcomes(noisy), realism=0.3)
    assert "training terms" not in as_text(report_of(stored(runs)))
    head, _, table = as_text(report_of(stored(runs, OTHER_MACHINE))).partition(
        "means of training terms over the second half:"
    )
    assert "lambda" not in head
    rows = [line for line in table.splitlines() if line.startswith("carpet") and "1-shot" not in line]
    assert [row.split()[:3] for row in rows] == [["carpet", "1", "albunet"]]
    assert "+-" in rows[0]
    assert re.search(r"^carpet albunet 1-shot: WORSE, lambda rose by 0\.2972, from ", table, re.MULTILINE)


def test_junit_has_a_case_per_cell_and_marks_those_that_fail(failing: Report) -> None:
    suite = ElementTree.fromstring(as_junit(failing)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "0")
    cases = {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}
    assert set(cases) == {
        (f"{category}.1-shot", method) for category in ("carpet", "tile") for method in ("unet", "albunet")
    }
    worse = cases["carpet.1-shot", "unet"].find("failure")
    assert worse is not None
    assert worse.get("type") == "worse"
    assert "IOU fell by 0.1000" in (worse.get("message") or "")
    assert cases["carpet.1-shot", "albunet"].find("failure") is None
    properties = {item.get("name"): item.get("value") for item in suite.iter("property")}
    assert properties["processor"] == "abacus"
    assert "bit-level" in properties


def test_json_holds_everything(failing: Report) -> None:
    records = json.loads(json.dumps(as_records(failing), allow_nan=False))
    assert records["passed"] is False
    assert [line["verdict"] for line in records["lines"]] == ["worse", "identical", "identical", "missing"]
    first = records["lines"][0]["metrics"]["iou"]
    assert first["change"] == pytest.approx(-0.1)
    assert first["now"] - first["before"] == first["change"]
    pooled = as_records(report_of(stored(make_outcomes(noisy), OTHER_MACHINE)))["lines"][-1]
    assert (pooled["category"], pooled["method"], pooled["shots"]) == (None, None, None)
    assert pooled["metrics"]["iou"]["tolerance"] > 0


def test_hostile_names_break_neither_table_nor_xml() -> None:
    cell = Cell('<b>"&\x1b[31m\n', "[red]m\x00", 1)
    report = report_of(StoredRuns({}, {(cell, 0): "failed: \x07<oops>"}, (MACHINE,), ()), (cell,))
    report = replace(report, path="[bold]x.json")
    text = as_text(report)
    assert "[red]m" in text
    assert text.startswith("ci on synthetic, against [bold]x.json")
    assert not any(letter in text for letter in "\x1b\x00\x07")
    case = ElementTree.fromstring(as_junit(report)).find("testsuite/testcase/failure")
    assert case is not None
    assert "<oops>" in (case.get("message") or "")

"""The baseline's file: read as it was written, a line per run, and harmed ones refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from baselines import InputError
from benchmark.gate import assess
from benchmark.gate.baseline import SAME, Baseline, read_baseline, write_baseline
from benchmark.gate.outcomes import Outcomes
from reports.gate import describe_assessment, describe_update
from tests.gate.made_up import CELLS, lowered, make_baseline, make_outcomes, noisy


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return make_baseline(differs=0.002)


def equal(one: Baseline, other: Baseline) -> bool:
    """Equal but for the digits that tolerances lose in the file."""
    same = replace(one, calibrations={}) == replace(other, calibrations={})
    for kind, calibration in one.calibrations.items():
        there = other.calibrations[kind]
        same &= (calibration.seeds, calibration.critical) == (there.seeds, there.critical)
        for comparison, tolerance in calibration.tolerances.items():
            same &= abs(tolerance.allowed - there.tolerances[comparison].allowed) < 1e-6
    return same and set(one.calibrations) == set(other.calibrations)


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path, baseline: Baseline) -> None:
    path = tmp_path / "deep" / "ci.json"
    write_baseline(path, baseline)
    assert equal(read_baseline(path), baseline)
    assert [file.name for file in path.parent.iterdir()] == ["ci.json"]
    outcomes = make_outcomes(noisy)
    outcomes[CELLS[0]][0].metrics["auc"] = None
    write_baseline(path, make_baseline(outcomes))
    assert equal(read_baseline(path), make_baseline(outcomes))
    assert read_baseline(path).differs == {}


def test_a_change_of_one_run_is_a_change_of_one_line(tmp_path: Path, baseline: Baseline) -> None:
    texts = []
    for value in (0.5, 0.75):
        outcomes: Outcomes = {cell: dict(runs) for cell, runs in baseline.outcomes.items()}
        run = outcomes[CELLS[1]][4]
        outcomes[CELLS[1]][4] = replace(run, metrics=run.metrics | {"dc": value})
        write_baseline(tmp_path / "ci.json", replace(baseline, outcomes=outcomes))
        texts.append((tmp_path / "ci.json").read_text().splitlines())
    differing = [(a, b) for a, b in zip(*texts, strict=True) if a != b]
    assert len(differing) == 1
    assert '"method": "albunet", "shots": 1, "seed": 4' in differing[0][1]


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def harm(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return harm


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (Path.unlink, "no baseline at .*ci.json: name one with --baseline, or write it with check --update"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    "cut off": (lambda path: path.write_text(path.read_text()[:900]), "is not a baseline"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe"), "is not a baseline"),
    "a list": (lambda path: path.write_text("[1]"), "is not a baseline"),
    "another format": (edit(lambda c: c.update(format=7)), "has format 7, this version reads 1"),
    "no machine": (edit(lambda c: c.pop("machine")), "'machine' is missing"),
    "no protocol of a K": (edit(lambda c: c["protocols"].clear()), "it has no protocol for K = 1"),
    "no digest of a category": (edit(lambda c: c["images"].pop("tile")), "no digest of the images of tile"),
    "no runs": (edit(lambda c: c.update(runs=[])), "it holds no runs"),
    "a run without a metric": (edit(lambda c: c["runs"][3].pop("auc")), "'auc' is missing"),
    "a metric in percent": (
        edit(lambda c: c["runs"][3].update(iou=55.2)),
        "a metric is 55.2, not a number from 0 to 1",
    ),
    "a metric in words": (edit(lambda c: c["runs"][3].update(iou="high")), "a metric is 'high'"),
    "no tolerance for a cell": (edit(lambda c: c["tolerances"].pop(0)), "is missing: restore it, or write it again"),
    "a tolerance of nothing": (
        edit(lambda c: c["tolerances"][0]["iou"].__setitem__(1, 0)),
        "a tolerance is 0, not above",
    ),
    "a tolerance too short": (edit(lambda c: c["tolerances"][0].update(iou=[0.1])), "is not a baseline"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_baseline_is_refused_in_one_line(tmp_path: Path, baseline: Baseline, harm: str) -> None:
    path = tmp_path / "ci.json"
    write_baseline(path, baseline)
    do, message = HARMS[harm]
    do(path)
    with pytest.raises(InputError, match=message) as refusal:
        read_baseline(path)
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_checks_of_other_numbers_of_seeds_have_tolerances_of_their_own(baseline: Baseline) -> None:
    kind, two = baseline.calibration((0, 1))
    assert (kind, two) == (SAME, baseline.calibrations[SAME])
    kind, three = baseline.calibration((0, 1, 2))
    assert (kind, three.seeds) == (SAME, 3)
    assert baseline.calibration((0, 99))[0] != SAME
    comparison = next(iter(two.tolerances))
    assert three.tolerances[comparison].allowed < two.tolerances[comparison].allowed


def test_an_update_tells_what_changes(baseline: Baseline) -> None:
    assert describe_update(None, baseline).splitlines() == [
        "baseline of 4 cells, 12 seeds each, with differences to another machine"
    ]
    assert "every run came out as before" in describe_update(baseline, baseline)
    outcomes = lowered(baseline.outcomes, 0.1, CELLS[2:3])
    del outcomes[CELLS[0]]
    text = describe_update(baseline, replace(baseline, outcomes=outcomes, machine={"processor": "slide rule"}))
    assert "processor: abacus -> slide rule" in text
    assert "torch: 2 -> None" in text
    rows = [line.split() for line in text.splitlines() if line.startswith(("carpet", "tile"))]
    assert [row[:3] for row in rows] == [["carpet", "1", "unet"], ["tile", "1", "unet"]]
    assert rows[0][4] == "-"
    assert float(rows[1][3]) - float(rows[1][4]) == pytest.approx(0.1, abs=2e-4)


def test_an_assessment_says_what_checks_find(baseline: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assess, "_SPLITS", 5)
    text = describe_assessment(baseline, 2)
    assert "checks of 2 seeds, same seeds; a baseline of 12, resampled" in text
    assert "checks of 2 seeds, other seeds; a baseline of 12, resampled" in text
    assert len([line for line in text.splitlines() if line.startswith(("carpet", "tile", "all "))]) == 2 * 7

"""The baseline's file: read as it was written, a line per run, corrupted ones refused by the name of the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from baselines.errors import InputError
from benchmark.gate.assess import assess
from benchmark.gate.baseline import Baseline, Pairing
from benchmark.gate.baseline_file import read_baseline, write_baseline
from benchmark.gate.outcomes import Outcomes
from reports.gate import describe_assessments, describe_update
from tests.conftest import REPOSITORY
from tests.gate.factories import CELLS, lowered, make_baseline, make_outcomes, noisy, with_metrics


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return make_baseline(differs=0.002)


def equal(one: Baseline, other: Baseline) -> bool:
    """Equal up to the rounding of tolerances in the file."""
    same = replace(one, calibrations={}) == replace(other, calibrations={})
    for pairing, calibration in one.calibrations.items():
        twin = other.calibrations[pairing]
        same &= (calibration.seeds, calibration.critical) == (twin.seeds, twin.critical)
        for comparison, tolerance in calibration.tolerances.items():
            same &= abs(tolerance.allowed - twin.tolerances[comparison].allowed) < 1e-6
    return same and set(one.calibrations) == set(other.calibrations)


def test_the_committed_baseline_is_written_back_byte_for_byte(tmp_path: Path) -> None:
    committed = REPOSITORY / "tests" / "metrics" / "ci.json"
    write_baseline(tmp_path / "ci.json", read_baseline(committed))
    assert (tmp_path / "ci.json").read_bytes() == committed.read_bytes()


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path, baseline: Baseline) -> None:
    path = tmp_path / "deep" / "ci.json"
    write_baseline(path, baseline)
    assert equal(read_baseline(path), baseline)
    assert [file.name for file in path.parent.iterdir()] == ["ci.json"]
    outcomes = make_outcomes(noisy)
    outcomes[CELLS[0]][0] = with_metrics(outcomes[CELLS[0]][0], auc=None)
    write_baseline(path, make_baseline(outcomes))
    assert equal(read_baseline(path), make_baseline(outcomes))
    assert read_baseline(path).differs == {}


def test_a_change_of_one_run_is_a_change_of_one_line(tmp_path: Path, baseline: Baseline) -> None:
    texts = []
    for value in (0.5, 0.75):
        outcomes: Outcomes = {cell: dict(runs) for cell, runs in baseline.outcomes.items()}
        run = outcomes[CELLS[1]][4]
        outcomes[CELLS[1]][4] = with_metrics(run, dc=value)
        write_baseline(tmp_path / "ci.json", replace(baseline, outcomes=outcomes))
        texts.append((tmp_path / "ci.json").read_text().splitlines())
    differing = [(a, b) for a, b in zip(*texts, strict=True) if a != b]
    assert len(differing) == 1
    assert '"method": "albunet", "shots": 1, "seed": 4' in differing[0][1]


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def corrupt(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return corrupt


# What is done to the file, and what of it the error names.
CORRUPTIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (Path.unlink, "no baseline at"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    "cut off": (lambda path: path.write_text(path.read_text()[:900]), "truncated"),
    "not text": (lambda path: path.write_bytes(b"\xff\xfe"), "malformed"),
    "a list": (lambda path: path.write_text("[1]"), "expected object"),
    "another format": (edit(lambda c: c.update(format=7, runs=[])), "format: is 7, this version reads 3"),
    "no machine": (edit(lambda c: c.pop("machine")), "machine: missing"),
    "no protocol of a K": (edit(lambda c: c["protocols"].clear()), r"protocols\.1: missing"),
    "a setting in words": (edit(lambda c: c["protocols"]["1"].update(width="x")), r"protocols.*\.width: .* got str"),
    "no digest of a category": (edit(lambda c: c["images"].pop("tile")), r"images\.tile: missing"),
    "no runs": (edit(lambda c: c.update(runs=[])), "runs: expected array of length >= 1"),
    "a run without a metric": (edit(lambda c: c["runs"][3].pop("auc")), r"runs\[3\]\.auc: missing"),
    "a run without a term": (edit(lambda c: c["runs"][3].pop("applied")), r"runs\[3\]\.applied: missing"),
    "a term in words": (edit(lambda c: c["runs"][3].update(nbr="low")), r"runs\[3\]\.nbr: .* got str"),
    "a metric in percent": (edit(lambda c: c["runs"][3].update(iou=55.2)), r"runs\[3\]\.iou: expected float <= 1"),
    "a metric in words": (edit(lambda c: c["runs"][3].update(iou="high")), r"runs\[3\]\.iou: .* got str"),
    "an unknown status": (edit(lambda c: c["runs"][3].update(status="so")), r"runs\[3\]\.status: .*'so'"),
    "too few differences": (edit(lambda c: c["runs"][3].update(differs=[0])), r"runs\[3\]\.differs: .* length >= 8"),
    "no critical values": (edit(lambda c: c["critical"].pop("same seeds")), r"critical\.same seeds: missing"),
    "no tolerance for a cell": (
        edit(lambda c: c["tolerances"].pop(0)),
        "tolerances: missing for .*, carpet unet",
    ),
    "no tolerance for a metric": (edit(lambda c: c["tolerances"][4].pop("dc")), "unet over its cells, dc"),
    "no tolerance for a term": (
        edit(lambda c: next(line for line in c["tolerances"] if "nbr" in line).pop("nbr")),
        "tolerances: missing for .*, nbr",
    ),
    "a tolerance of zero": (
        edit(lambda c: c["tolerances"][0]["iou"].__setitem__(1, 0)),
        r"tolerances\[0\]\.iou\[1\]: expected float >= 1e-06",
    ),
    "half a tolerance": (edit(lambda c: c["tolerances"][0].update(iou=[0.1])), r"tolerances\[0\]\.iou: .* length 2"),
}


def test_a_corrupted_baseline_is_refused_in_one_line_that_names_the_field(tmp_path: Path, baseline: Baseline) -> None:
    for number, (corrupt, named) in enumerate(CORRUPTIONS.values()):
        path = tmp_path / f"{number}.json"
        write_baseline(path, baseline)
        corrupt(path)
        with pytest.raises(InputError, match=named) as refusal:
            read_baseline(path)
        assert "\n" not in str(refusal.value)
        assert str(path) in str(refusal.value)


def test_checks_of_other_numbers_of_seeds_have_tolerances_of_their_own(baseline: Baseline) -> None:
    two, three = baseline.calibration((0, 1)), baseline.calibration((0, 1, 2))
    assert two is baseline.calibrations[Pairing.SAME_SEEDS]
    assert three.seeds == 3
    assert baseline.calibration((0, 99)) is baseline.calibrations[Pairing.OTHER_SEEDS]
    comparison = next(iter(two.tolerances))
    assert three.tolerances[comparison].allowed < two.tolerances[comparison].allowed


def test_an_update_shows_what_changes(baseline: Baseline) -> None:
    assert describe_update(None, baseline).splitlines() == [
        "baseline of 4 cells, 12 seeds each, with differences to another machine"
    ]
    assert "no run changed" in describe_update(baseline, baseline)
    outcomes = lowered(baseline.outcomes, 0.1, CELLS[2:3])
    del outcomes[CELLS[0]]
    text = describe_update(baseline, replace(baseline, outcomes=outcomes, machine={"processor": "slide rule"}))
    assert "processor: abacus -> slide rule" in text
    assert "torch: 2 -> None" in text
    rows = [line.split() for line in text.splitlines() if line.startswith(("carpet", "tile"))]
    assert [row[:3] for row in rows] == [["carpet", "1", "unet"], ["tile", "1", "unet"]]
    assert rows[0][4] == "-"
    assert float(rows[1][3]) - float(rows[1][4]) == pytest.approx(0.1, abs=2e-4)


def test_an_assessment_shows_what_checks_detect(baseline: Baseline) -> None:
    text = describe_assessments(assess(baseline, 2), 2)
    assert "checks of 2 seeds, same seeds; a baseline of 12, resampled" in text
    assert "checks of 2 seeds, other seeds; a baseline of 12, resampled" in text
    assert len([line for line in text.splitlines() if line.startswith(("carpet", "tile", "all "))]) == 2 * 7

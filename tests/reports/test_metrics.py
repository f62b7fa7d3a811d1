"""The verb ``metrics``: means over runs, groups of test images, formats, and what is missing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.results.metrics import DEFINITIONS, SIZES, measure
from benchmark.results.stored_run import StoredRun
from benchmark.results.table import load_results
from reports.collect import result_sets
from reports.metrics import measure_runs
from reports.run_numbers import read_numbers, stored_runs
from tests.factories import store_run
from tests.results.test_upgrade import to_format_2

LABELS = {definition.name: definition.label.format("0.5") for definition in DEFINITIONS}


def printed(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["metrics", "--results", str(root), *words]) == 0
    return capsys.readouterr().out


def records(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[tuple[str, str, str], dict[str, str]]:
    rows = csv.DictReader(io.StringIO(printed(root, capsys, "--format", "csv", *words)))
    return {(row["section"], row["row"], row["column"]): row for row in rows}


def test_a_number_is_the_mean_over_seeds_then_over_categories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = {
        category: [store_run(tmp_path, iou, category=category, seed=seed).id for seed, iou in enumerate(values)]
        for category, values in (("carpet", (0.2, 0.4)), ("wood", (0.9,)))
    }
    found = records(tmp_path, capsys)
    for name in ("iou", "pixel_ap", "aupro_0.05", "best_f1", "training_iou", "boundary_iou", "image_f1_largest"):
        per_category = []
        for ids in stored.values():
            runs = [StoredRun(tmp_path / "runs" / run_id) for run_id in ids]
            per_category.append(np.mean([measure(run.images, run.predictions, 0.5)[name] for run in runs]))
        cell = found["1-shot", LABELS[name], "U-Net"]
        assert float(cell["value"]) == pytest.approx(np.mean(per_category)), name
        assert (cell["basis"], cell["partial"]) == ("2/2 categories, 3/4 runs", "True")
    assert float(found["1-shot", LABELS["iou"], "U-Net"]["value"]) == pytest.approx((0.3 + 0.9) / 2)
    assert float(found["1-shot", LABELS["regions"], "U-Net"]["value"]) == 2  # one in each category
    assert len(found) == len(DEFINITIONS)


def test_groups_are_printed_in_order_and_a_category_keeps_the_deviation_over_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, iou in enumerate((0.2, 0.4)):
        store_run(tmp_path, iou, category="wood", seed=seed, label="scratch")
        store_run(tmp_path, iou, category="carpet", seed=seed, label="hole")
        store_run(tmp_path, iou, category="carpet", method="albunet", shots=5, seed=seed, label="hole")

    def sections(*words: str) -> list[str]:
        return list(dict.fromkeys(section for section, _, _ in records(tmp_path, capsys, *words)))

    assert sections() == ["1-shot", "5-shot"]
    assert sections("--by", "category") == ["1-shot, carpet", "1-shot, wood", "5-shot, carpet"]
    assert sections("--by", "defect") == ["1-shot, carpet, hole", "1-shot, wood, scratch", "5-shot, carpet, hole"]
    # The one defective image of each run is marked in 100 of 4096 pixels; the normal ones are in every group.
    by_size = records(tmp_path, capsys, "--by", "size")
    assert float(by_size[f"1-shot, {SIZES[1]}", LABELS["iou"], "U-Net"]["value"]) == pytest.approx(0.3)
    assert (f"1-shot, {SIZES[0]}", LABELS["iou"], "U-Net") not in by_size
    assert float(by_size[f"1-shot, {SIZES[0]}", LABELS["normal_images"], "U-Net"]["value"]) == 2
    cell = records(tmp_path, capsys, "--by", "category")["1-shot, wood", LABELS["iou"], "U-Net"]
    assert float(cell["std"]) == pytest.approx(np.std([0.2, 0.4], ddof=1))


def test_runs_without_logits_count_for_what_they_have_and_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, iou in enumerate((0.2, 0.4)):
        run = store_run(tmp_path, iou, seed=seed)
    to_format_2(tmp_path / "runs" / run.id)
    content = json.loads(printed(tmp_path, capsys, "--format", "json"))
    assert any(note.startswith("1 of 2 runs were stored before logits were") for note in content["notes"])
    cells = {cell["row"]: cell for cell in content["cells"]}
    assert cells[LABELS["iou"]]["value"] == pytest.approx(0.3)
    assert (cells[LABELS["pixel_ap"]]["n"], cells[LABELS["pixel_ap"]]["undefined"]) == (1, 1)
    text = printed(tmp_path, capsys)
    assert "[1/2 seeds]" in text
    assert r"\begin{table" in printed(tmp_path, capsys, "--format", "latex")


def test_a_run_that_cannot_be_read_is_named_and_has_no_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [store_run(tmp_path, iou, seed=seed).id for seed, iou in enumerate((0.2, 0.4))]
    store_run(tmp_path, seed=2, status="failed")
    path = tmp_path / "runs" / runs[1] / "predictions.npz"
    path.write_bytes(b"")
    found = records(tmp_path, capsys)["1-shot", LABELS["iou"], "U-Net"]
    assert (float(found["value"]), found["n"], found["of"]) == (0.2, "1", "3")
    problems: list[str] = []
    (results,) = result_sets(load_results(tmp_path))
    (measured,) = measure_runs(results, read_numbers(stored_runs(tmp_path, runs), problems, [None]), [None])
    assert measured.groups
    assert len(problems) == 1
    assert problems[0].startswith(f"{path} cannot be read")
    path.with_name("images.csv").unlink()
    (tmp_path / "runs" / runs[0] / "images.csv").unlink()
    assert main(["metrics", "--results", str(tmp_path)]) == 2
    assert "can be measured" in capsys.readouterr().err.splitlines()[-1]

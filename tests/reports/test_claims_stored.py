"""Claims judged by the files of stored runs, not only by their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.results.run_result import CURVE_COLUMNS, Sample
from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
from benchmark.score import IMAGE_COLUMNS
from reports.collect import PAPER_CATEGORIES, ResultSet, result_sets
from tests.factories import make_result, make_spec
from tests.reports.made_up import OURS, verdict


def store(root: Path, category: str, method: str, fp: int, tp: int, soon: bool, lambdas: Sequence[float] = ()) -> None:
    """Store a 1-shot run on made-up images: of 1000 normal and 100 defect pixels, fp and tp are predicted."""
    rows = [
        ("test/good/0.png", "good", 0, 0, 0, 1100, 0, 0.1),
        ("test/cut/7.png", "cut", tp, fp, 100 - tp, 1000 - fp, tp + fp, 0.9),
    ]
    result = make_result()
    curve = pd.DataFrame(np.nan, index=range(160), columns=list(CURVE_COLUMNS))
    curve = curve.assign(iteration=range(1, 161), pasted=0)
    readings = {40: 0.46 if soon else 0.2, 80: 0.48 if soon else 0.4, 160: 0.5}
    curve["test_iou"] = curve["iteration"].map(readings)
    pictures = {kind: Image.new("L", (8, 8)) for kind in ("image", "truth", "normal")}
    result = replace(
        result,
        images=pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)),
        curve=curve,
        parameters=1000 + (method == "unet"),
        samples=tuple(Sample("pasted", (), "train/good/0.png", "cut", None, pictures, value) for value in lambdas),
    )
    ResultStore(root).save(make_spec(category, method, dataset="mvtec-ad", settings=["iterations=160"]), result)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Seven categories in which B+NBR predicts less background than B, and B+NBR+CaP detects more of the defects."""
    for number, category in enumerate(PAPER_CATEGORIES[:7]):
        store(tmp_path, category, "albunet", fp=100 + number, tp=50, soon=False)
        store(tmp_path, category, "albunet_nbr", fp=40, tp=40, soon=True)
        store(tmp_path, category, OURS, fp=40, tp=60 + number, soon=True)
    return tmp_path


def only_set(root: Path) -> ResultSet:
    (found,) = result_sets(load_results(root))
    return found


def test_background_defects_and_convergence_come_from_the_files(stored: Path) -> None:
    results = only_set(stored)
    background = verdict(results, "nbr-cleans-background", stored)
    assert background.outcome == "supported"
    # Half of the images is defective: 0.1 less 0.04 of their normal pixels, nothing on the others.
    assert background.comparisons[0].lowest == pytest.approx(0.03)
    found = verdict(results, "cap-fills-defects", stored)
    assert (found.outcome, found.comparisons[0].lowest) == ("supported", pytest.approx(0.2))
    faster = verdict(results, "converges-faster", stored)
    # 90 % of the best of the slowest is 0.45, which B reaches at the end and the others after 40 of 160 iterations.
    assert [item.difference for item in faster.comparisons[:2]] == pytest.approx([0.75, 0.75])
    capped = [np.minimum([0, *rise], 0.45) / 0.45 for rise in ((0.46, 0.48, 0.5), (0.2, 0.4, 0.5))]
    areas = [float(np.trapezoid(heights, [0, 0.25, 0.5, 1])) for heights in capped]
    assert [item.difference for item in faster.comparisons[2:4]] == pytest.approx([areas[0] - areas[1]] * 2)
    assert faster.outcome == "inconclusive"  # at 5-shot nothing was run
    assert verdict(results, "nbr-cleans-background").reason == "needs the runs' files, not only their metrics"


def test_unreadable_files_are_reported_and_their_runs_left_out(stored: Path) -> None:
    results = only_set(stored)
    (stored / "runs" / results.runs["id"][0] / "images.csv").unlink()
    found = verdict(results, "nbr-cleans-background", stored)
    assert found.comparisons[0].n == 6
    assert "bottle (B (AlbuNet): 0 of 1 seeds)" in found.left_out[0]
    assert "1 unreadable run, the first: " in found.left_out[1]
    assert "images.csv" in found.left_out[1]
    others = verdict(results, "cap-fills-defects", stored)
    assert not others.left_out


def test_the_size_of_the_network_comes_from_the_runs(stored: Path, tmp_path: Path) -> None:
    found = verdict(only_set(stored), "no-cost-at-inference", stored)
    assert found.outcome == "supported"
    assert "B+NBR: albunet, 1,000 parameters" in found.figures
    path = next((stored / "runs").glob(f"carpet_{OURS}_*/run.json"))
    path.write_text(
        path.read_text(encoding="utf-8").replace('"parameters": 1000', '"parameters": 1001'), encoding="utf-8"
    )
    assert verdict(only_set(stored), "no-cost-at-inference", stored).outcome == "contradicted"


@pytest.mark.parametrize(
    ("hazelnut", "tile", "expected"),
    [
        ((0.99, 0.96), (0.97, 0.90), "supported"),
        ((0.99, 0.94), (0.90, 0.90), "inconclusive"),
        ((0.94, 0.95), (0.90, 0.90), "contradicted"),
        ((0.96, 0.97), (0.98, 0.98), "contradicted"),
    ],
)
def test_lambda_comes_from_the_stored_pasted_images(
    tmp_path: Path, hazelnut: Sequence[float], tile: Sequence[float], expected: str
) -> None:
    store(tmp_path, "hazelnut", OURS, 0, 50, True, hazelnut)
    store(tmp_path, "tile", OURS, 0, 50, True, tile)
    assert verdict(only_set(tmp_path), "realistic-lambda", tmp_path).outcome == expected

"""Two real categories of MVTec AD from their 512 px files to tables; skipped if they are not available."""

from __future__ import annotations

import csv
import json
from importlib import resources
from pathlib import Path

import pytest

from baselines.methods import PAPER_METHODS
from benchmark.cli import main
from benchmark.data.datasets import open_dataset
from benchmark.protocol.draws import draw_shots
from benchmark.results.table import load_results
from tests.conftest import TINY

CATEGORIES = ("bottle", "toothbrush")
COMMITTED = resources.files("data_manifests") / "mvtec_ad"


@pytest.fixture
def mvtec(real_data: Path) -> Path:
    folder = real_data / "mvtec_ad"
    if not folder.is_dir():
        pytest.skip("bottle and toothbrush of MVTec AD are not here (set BENCHMARK_REAL_DATA)")
    return folder


def test_the_files_are_those_of_the_committed_manifest_but_for_their_size(
    mvtec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "verify", "--dataset", "mvtec-ad", "--data-root", str(mvtec), "--ignore-size", "--json"]
    assert main([*words, "--category", "bottle"]) == 0
    assert json.loads(capsys.readouterr().out)["categories"]["bottle"]["problems"] == []
    # The copy at hand lacks the normal test images of toothbrush, and nothing else.
    assert main([*words, "--category", "toothbrush"]) == 1
    problems = json.loads(capsys.readouterr().out)["categories"]["toothbrush"]["problems"]
    assert [(problem["kind"], problem["file"]) for problem in problems] == [
        ("missing", f"toothbrush/test/good/{number:03}.png") for number in range(12)
    ]


def test_the_draws_are_the_committed_ones(mvtec: Path) -> None:
    with COMMITTED.joinpath("draws.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    dataset = open_dataset("mvtec-ad", mvtec)
    keys = {(row["category"], row["shots_per"], row["draws"], row["shots"], row["seed"]) for row in rows}
    compared = 0
    for category, shots_per, draws, shots, seed in keys:
        if category not in CATEGORIES:
            continue
        key = {"category": category, "shots_per": shots_per, "draws": draws, "shots": shots, "seed": seed}
        committed = [row["image"] for row in rows if key.items() <= row.items()]
        draw = draw_shots(dataset.manifest(category), int(shots), int(seed), shots_per, draws)
        assert list(draw.names) == committed, key
        compared += 1
    assert compared >= 2 * 2 * 5


def test_every_method_runs_on_both_categories(
    mvtec: Path, shared_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = [method.name for method in PAPER_METHODS]
    words = ["run", "--dataset", "mvtec-ad", "--data-root", str(mvtec), "--category", *CATEGORIES, "--seed", "0", *TINY]
    words += ["--jobs", "1", "--cache", str(shared_cache), "--results", str(tmp_path), "--shots"]
    assert main([*words, "1", "--method", *methods]) == 0
    assert main([*words, "5", "--method", "albunet_nbr_cap"]) == 0
    table = load_results(tmp_path)
    assert len(table) == 2 * len(methods) + 2
    assert table["iou"].notna().all()
    # Test images: all but the drawn ones of bottle's three types and of toothbrush's one.
    images = table.groupby(["category", "shots"])[["defective_images", "normal_images"]].agg(
        lambda x: x.unique().item()
    )
    assert images.to_dict("index") == {
        ("bottle", 1): {"defective_images": 60, "normal_images": 20},
        ("bottle", 5): {"defective_images": 48, "normal_images": 20},
        ("toothbrush", 1): {"defective_images": 29, "normal_images": 0},
        ("toothbrush", 5): {"defective_images": 25, "normal_images": 0},
    }
    capsys.readouterr()
    assert main(["tables", "--table", "II", "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "bottle" in printed
    assert "toothbrush" in printed
    # Without normal test images there is neither an AUC nor an ACC.
    assert table[table["category"] == "toothbrush"][["auc", "acc"]].isna().all(axis=None)

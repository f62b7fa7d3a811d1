"""Studies on real defect images with tiny settings; skipped if the images are not available."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.results.table import load_results
from tests.conftest import TINY, CommandLine
from tests.models.conftest import do

STUDY = ("--method", "albunet_nbr_cap", "--shots", 1, 5, "--seed", 0, "--jobs", 1, "--cache", "cache")


def test_stained_hazelnuts_in_mvtec_layout(real_data: Path, tmp_path: Path) -> None:
    done = do(tmp_path, "run", "--dataset", "folder", "--data-root", real_data / "hazelnut_toy", *STUDY, *TINY)
    assert done.returncode == 0, done.stderr
    assert (
        "hazelnut_toy: 1 of 51 images are not 512 x 512 px like the others; all are resized to a square" in done.stderr
    )
    table = load_results(tmp_path / "results")
    assert len(table) == 2
    assert table["dataset"].unique().tolist() == ["folder:hazelnut_toy"]
    assert table.groupby("shots")["scored_images"].unique().map(list).to_dict() == {1: [16], 5: [12]}


def test_imported_magnetic_tiles(real_data: Path, tmp_path: Path) -> None:
    assert do(tmp_path, "data", "import", "magnetic-tile", real_data / "magnetic_tile", "data").returncode == 0
    done = do(tmp_path, "run", "--dataset", "folder", "--data-root", "data", *STUDY, *TINY)
    assert done.returncode == 0, done.stderr
    assert "magnetic_tile: images are 103 to 632 px wide and" in done.stderr
    assert "4 defective images have no mask pixel above 127 and are left out" in done.stderr
    assert "no mask pixel left at 64 px: they count for AUC and ACC, not for IOU and DC" in done.stderr
    table = load_results(tmp_path / "results")
    assert len(table) == 2
    assert table.groupby("shots")["defective_images"].unique().map(list).to_dict() == {1: [383], 5: [363]}
    assert (table["scored_images"] < table["defective_images"]).all()
    assert table["iou"].notna().all()
    assert pytest.approx(190) == table["normal_images"]


@pytest.mark.slow
def test_stains_on_real_hazelnuts_are_learned(real_data: Path, command_line: CommandLine, tmp_path: Path) -> None:
    words = ("--method", "albunet_nbr_cap", "--shots", 5, "--seed", 0, 1)
    done = command_line("run", "--dataset", "folder", "--data-root", real_data / "hazelnut_toy", *words)
    assert done.returncode == 0, done.stderr
    assert load_results(tmp_path / "results")["iou"].min() > 0.3

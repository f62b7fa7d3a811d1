"""MVTec AD: the committed manifest agrees with the paper's counts, and a folder of that shape can be run."""

from __future__ import annotations

import csv
import json
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.data.manifest import CategoryManifest, read_images
from benchmark.data.mvtec import PublishedMvtecAD
from benchmark.protocol.draws import draw_shots
from benchmark.results.table import load_results
from tests.conftest import CommandLine
from tests.data.mvtec_tree import write_tree

COMMITTED = Path(str(resources.files("data_manifests"))) / "mvtec_ad"
TABLE_1 = Path(str(resources.files("reports"))) / "paper" / "tables" / "table_1_image_counts.csv"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def committed_manifests() -> list[CategoryManifest]:
    return read_images(COMMITTED / "images.csv", "mvtec-ad", "")


def test_the_counts_reproduce_the_committed_manifest_byte_for_byte(tmp_path: Path) -> None:
    assert main(["data", "manifest", "--dataset", "mvtec-ad", "--out", str(tmp_path / "out")]) == 0
    for name in ("dataset.json", "images.csv", "draws.csv", "draw_digests.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (COMMITTED / name).read_bytes(), name


def test_the_committed_manifest_is_read_as_it_was_made() -> None:
    published = PublishedMvtecAD()
    assert committed_manifests() == [published.manifest(category) for category in published.categories()]
    with pytest.raises(InputError, match="'botle': did you mean 'bottle'"):
        published.manifest("botle")


def test_the_manifest_states_which_columns_are_unknown() -> None:
    described = json.loads((COMMITTED / "dataset.json").read_text())
    assert set(described["unknown"]) == {"sha256", "mask_sha256", "mask_levels", "defect_pixels"}
    columns = set(rows_of(COMMITTED / "images.csv")[0])
    assert not columns & {"sha256", "mask_sha256", "mask_levels"}


def test_totals_equal_the_published_ones() -> None:
    manifests = committed_manifests()
    records = [record for manifest in manifests for record in manifest.records]
    assert Counter((record.split, record.defective) for record in records) == {
        ("train", False): 3629,
        ("test", False): 467,
        ("test", True): 1258,
    }
    assert sum(len(manifest.defect_types) for manifest in manifests) == 73
    assert len({(manifest.category, record.name) for manifest in manifests for record in manifest.records}) == 5354


def test_table_1_of_the_paper_follows_from_the_manifest_for_both_k() -> None:
    printed = {row["category"]: row for row in rows_of(TABLE_1)}
    assert len(printed) == 15
    for manifest in committed_manifests():
        row = printed.pop(manifest.category)
        for shots in (1, 5):
            draw = draw_shots(manifest, shots, 0, "category")
            defective = [index for index in draw.test if manifest.records[index].defective]
            counted = (len(draw.shots), len(draw.normals), len(defective), len(draw.test) - len(defective))
            keys = (f"train_defect_{shots}shot", "train_normal", f"test_defect_{shots}shot", "test_normal")
            assert counted == tuple(int(row[key]) for key in keys), (manifest.category, shots)
    assert not printed


def test_five_draws_of_both_readings_are_listed_with_their_digests() -> None:
    listed = rows_of(COMMITTED / "draw_digests.csv")
    assert len(listed) == 15 * 2 * 2 * 5
    manifests = {manifest.category: manifest for manifest in committed_manifests()}
    drawn: dict[tuple[str, ...], list[str]] = {}
    for row in rows_of(COMMITTED / "draws.csv"):
        drawn.setdefault((row["category"], row["shots_per"], row["shots"], row["seed"]), []).append(row["image"])
    for row in listed:
        key = (row["category"], row["shots_per"], row["shots"], row["seed"])
        draw = draw_shots(manifests[row["category"]], int(row["shots"]), int(row["seed"]), row["shots_per"])
        assert (row["digest"], row["images"]) == (draw.digest, str(len(drawn[key])))
        assert drawn.pop(key) == list(draw.names)
    assert not drawn


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 5,354 images and 1,258 masks by name, 32 px each."""
    return write_tree(tmp_path_factory.mktemp("mvtec") / "data", side=32)


def test_a_folder_of_that_shape_passes_verification_and_has_the_committed_draws(
    tree: Path, shared_cache: Path, tmp_path: Path
) -> None:
    words = ["--dataset", "mvtec-ad", "--data-root", str(tree)]
    assert main(["data", "verify", *words, "--ignore-size"]) == 0
    assert main(["data", "verify", *words, "--category", "toothbrush"]) == 1
    assert main(["data", "manifest", *words, "--out", str(tmp_path / "out"), "--cache", str(shared_cache)]) == 0
    for name in ("draws.csv", "draw_digests.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (COMMITTED / name).read_bytes(), name
    names = [(row["category"], row["name"], row["mask"]) for row in rows_of(tmp_path / "out" / "images.csv")]
    assert names == [(row["category"], row["name"], row["mask"]) for row in rows_of(COMMITTED / "images.csv")]


def test_the_profile_paper_needs_1650_runs(
    tree: Path, shared_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--dataset", "mvtec-ad", "--data-root", str(tree), "--cache", str(shared_cache), "--device", "cpu"]
    assert main(["plan", "--all", "--profile", "paper", *words, "--results", str(tmp_path / "results"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["distinct_runs"], plan["stored"], plan["to_do"]) == (1650, 0, 1650)


def test_the_same_plan_is_made_without_the_images(command_line: CommandLine) -> None:
    words = ("plan", "--profile", "paper", "--json", "--device", "cpu", "--dataset", "mvtec-ad")
    done = command_line(*words, "--all", "--table", "II")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["distinct_runs"], plan["studies"]) == (1650, {"table II": 7 * 15 * 2 * 5})
    (line,) = done.stderr.splitlines()
    assert "stored runs are not recognised without the images" in line
    assert "--data-root DIR" in line


def test_a_run_of_it_still_needs_the_images(command_line: CommandLine) -> None:
    done = command_line("run", "--all", "--dataset", "mvtec-ad")
    assert done.returncode == 2
    assert done.stderr == "error: --dataset mvtec-ad needs --data-root DIR, the folder that contains the categories\n"


def test_runs_use_the_committed_draws(tree: Path, shared_cache: Path, tmp_path: Path) -> None:
    words = ["--dataset", "mvtec-ad", "--data-root", str(tree), "--cache", str(shared_cache), "--device", "cpu"]
    what = ["--method", "unet", "albunet_nbr_cap", "--category", "toothbrush", "--shots", "1", "--seed", "3"]
    tiny = ["--set", "image_size=64", "iterations=2", "width=0.1", "curve_every=2"]
    assert main(["run", *what, *tiny, *words, "--jobs", "1", "--results", str(tmp_path / "results")]) == 0
    results = load_results(tmp_path / "results")
    assert set(results["dataset"]) == {"mvtec-ad"}
    assert sorted(results["method"]) == ["albunet_nbr_cap", "unet"]
    (listed,) = [
        row["digest"]
        for row in rows_of(COMMITTED / "draw_digests.csv")
        if (row["category"], row["shots_per"], row["shots"], row["seed"]) == ("toothbrush", "defect_type", "1", "3")
    ]
    for path in (tmp_path / "results" / "runs").glob("*/run.json"):
        assert listed in path.read_text()

"""``replay``: a stored run is trained again, and what does not agree is found."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.results.stored_run import StoredRun
from benchmark.schema import to_builtins
from benchmark.score import summarise
from tests.conftest import make_category, tiny_with
from tests.models.conftest import Done, do

SEEDS = range(6)
METHOD = "unet+nbr+cap"


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data/widget`` and six seeds of a run in ``results``."""
    folder = tmp_path_factory.mktemp("stored")
    make_category(folder / "data" / "widget")
    words = ("--dataset", "folder", "--data-root", "data", "--method", METHOD, "--shots", 1, "--seed", *SEEDS)
    settings = tiny_with("iterations=12", "learning_rate=0.01")
    done = do(folder, "run", *words, "--jobs", 1, *settings, "--cache", "cache")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def results(stored: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    shutil.copytree(stored / "results", tmp_path / "results")
    return tmp_path / "results"


def run_of(results: Path, seed: int = 3) -> Path:
    (folder,) = (results / "runs").glob(f"*_s{seed}_*")
    return folder


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


def shift(folder: Path, found: float) -> None:
    """Let a run have found this share of each defect, in its pixel counts and its metrics."""
    images = StoredRun(folder).images.copy()
    defect = images["tp"] + images["fn"]
    images["tp"] = np.rint(found * defect).astype(int)
    images["fn"] = defect - images["tp"]
    images["predicted_area"] = images["tp"] + images["fp"]
    images.to_csv(folder / "images.csv", index=False)
    edit(folder, lambda record: record.update(metrics=to_builtins(summarise(images))))


def replay(stored: Path, results: Path, *words: object, seed: int = 3) -> Done:
    more = ("--data-root", stored / "data", "--cache", stored / "cache")
    return do(results.parent, "replay", results, "--run", run_of(results, seed).name, *more, *words)


def elsewhere(folder: Path) -> None:
    edit(folder, lambda record: record["environment"].update(torch="2.0", code="0123456789abcdef"))


def test_the_same_code_and_machine_agree_to_the_bit(stored: Path) -> None:
    before = {path: path.read_bytes() for path in (stored / "results").rglob("*") if path.is_file()}
    done = replay(stored, stored / "results")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "AGREES to the bit"
    assert "8 of 8 test images have the same pixel counts" in done.stdout
    assert {path: path.read_bytes() for path in before} == before
    found = json.loads(replay(stored, stored / "results", "--json").stdout)
    assert found["agrees"] is found["identical"] is True
    assert found["differing"] == {}
    assert set(found["measures"]) == {"iou", "dc", "auc", "acc", "nbr", "realism", "applied", "segmentation"}


def test_a_run_of_a_method_from_a_file_is_refused(stored: Path, results: Path) -> None:
    edit(run_of(results), lambda record: record.update(method_file="mine.py"))
    edit(run_of(results), lambda record: record["identity"].update(file_digest="f" * 64))
    done = replay(stored, results)
    assert done.returncode == 2
    assert re.fullmatch(r"error: run \S+ cannot be replayed: .* the file mine.py \(SHA-256 f{12}\).*\n", done.stderr)


def test_other_versions_are_named_even_if_every_bit_is_the_same(stored: Path, results: Path) -> None:
    elsewhere(run_of(results))
    done = replay(stored, results)
    assert done.returncode == 0
    assert "torch: 2.0 stored, 2." in done.stdout
    assert "code: 0123456789abcdef stored, " in done.stdout
    assert done.stdout.splitlines()[-1] == "AGREES to the bit, although code, versions or hardware differ"


def test_with_the_same_code_and_machine_any_difference_is_one(stored: Path, results: Path) -> None:
    edit(run_of(results), lambda record: record["terms"].update(nbr=record["terms"]["nbr"] + 1e-9))
    done = replay(stored, results)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("DISAGREES: code, versions and hardware are the same")


def test_elsewhere_the_spread_of_the_stored_seeds_decides(stored: Path, results: Path) -> None:
    images = StoredRun(run_of(results)).images
    defects = images[images["tp"] + images["fn"] > 0]
    share = float((defects["tp"] / (defects["tp"] + defects["fn"])).mean())
    for seed in set(SEEDS) - {3}:
        shift(run_of(results, seed), 0.5 + 0.05 * seed)
    shift(run_of(results), min(0.95, share + 0.05))
    elsewhere(run_of(results))
    among_others = replay(stored, results)
    assert among_others.returncode == 0, among_others.stdout
    assert among_others.stdout.splitlines()[-1] == "AGREES within the tolerances of the regression gate"
    shift(run_of(results), 0.0)  # its own number does not widen the tolerance
    assert replay(stored, results).returncode == 1
    shift(run_of(results), min(0.95, share + 0.05))
    for seed in set(SEEDS) - {3}:  # all stored seeds are the same, so that hardly anything is tolerated
        shutil.copyfile(run_of(results) / "images.csv", run_of(results, seed) / "images.csv")
        metrics = json.loads((run_of(results) / "run.json").read_text())["metrics"]
        edit(run_of(results, seed), lambda record, metrics=metrics: record.update(metrics=metrics))
    alone = replay(stored, results)
    assert alone.returncode == 1
    assert alone.stdout.splitlines()[-1] == "DISAGREES: IOU, DC by more than the tolerance"


def test_without_enough_seeds_a_difference_cannot_be_judged(stored: Path, results: Path) -> None:
    shutil.rmtree(run_of(results, 1))
    shift(run_of(results), 0.9)
    elsewhere(run_of(results))
    done = replay(stored, results)
    assert done.returncode == 2
    assert "which other torch, code may explain" in done.stderr
    assert "IOU 0." in done.stderr
    assert "4 seeds are too few" in done.stderr


def test_metrics_that_are_not_those_of_the_pixel_counts_are_found_without_training(stored: Path, results: Path) -> None:
    edit(run_of(results), lambda record: record["metrics"].update(dc=0.75))
    done = replay(stored, results)
    assert done.returncode == 1
    assert "DISAGREES: the DC in its run.json is 0.75, by the pixel counts in its images.csv 0." in done.stdout
    assert "to do" not in done.stderr


def test_a_draw_that_the_protocol_does_not_give_is_found_without_training(stored: Path, results: Path) -> None:
    edit(run_of(results), lambda record: record["identity"].update(draw_digest="0" * 64))
    done = replay(stored, results)
    assert done.returncode == 1
    assert "DISAGREES: its protocol draws other training images" in done.stdout
    assert "to do" not in done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record["identity"].update(data_digest="0" * 64), ("images of category widget", "--data-root")),
        (lambda record: record["identity"].update(training_version=2), ("version 2 of training",)),
        (lambda record: record["identity"]["recipe"].update(nbr="euclidean"), ("its recipe has nbr = 'euclidean'",)),
        (lambda record: record["identity"]["settings"].update(width=0.2), ("its settings has width = 0.2",)),
        (lambda record: record.update(method="gone"), ("unknown method 'gone'",)),
        (lambda record: record.update(category="gone"), ("unknown category 'gone'",)),
    ],
)
def test_a_run_of_other_images_or_another_definition_is_refused(
    stored: Path, results: Path, change: Callable[[dict[str, Any]], object], words: tuple[str, ...]
) -> None:
    edit(run_of(results), change)
    done = replay(stored, results)
    assert done.returncode == 2
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_run_is_chosen_by_name_at_random_or_because_it_is_the_only_one(stored: Path, results: Path) -> None:
    assert "has 6 runs: name one with --run ID, or take any with --random" in do(stored, "replay", "results").stderr
    assert "did you mean '" in do(stored, "replay", "results", "--run", run_of(results).name[:-2]).stderr
    assert "give their folder, --data-root DIR" in do(stored, "replay", "results", "--random").stderr
    more = ("--data-root", stored / "data", "--cache", stored / "cache")
    assert do(stored, "replay", "results", "--random", *more).stdout.endswith("AGREES to the bit\n")
    for seed in SEEDS[1:]:
        shutil.rmtree(run_of(results, seed))
    assert do(results.parent, "replay", "results", *more).stdout.startswith("widget unet+nbr+cap 1-shot seed 0 ")

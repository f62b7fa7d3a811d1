"""``predict``: the numbers of scoring, at any image size, with bad files named."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from benchmark.data.images import to_pixels
from benchmark.models.find import Photo
from benchmark.models.predict import Prediction, Tiling, predict
from benchmark.models.trained import TrainedModel, load_model
from tests.conftest import REPOSITORY, TINY, write_image
from tests.models.conftest import OWN_SIZE, do


def scored(run_folder: Path) -> pd.DataFrame:
    return pd.read_csv(run_folder / "images.csv").set_index("name")


def predicted(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / "predictions.csv")
    return table.assign(name=table["file"].str.extract(r"(test/.*)")[0]).set_index("name")


def same_as_scored(run_folder: Path, out: Path, count: int) -> None:
    before, now = scored(run_folder), predicted(out)
    common = before.index.intersection(now.index)
    assert len(common) == count
    assert now.loc[common, "score"].equals(before.loc[common, "predicted_area"].rename("score"))
    assert now.loc[common, "max_probability"].equals(before.loc[common, "max_probability"])


@pytest.fixture(scope="module")
def whole(trained: Path) -> Path:
    """Predictions for every test image of the run, and its training images."""
    done = do(trained, "predict", next((trained / "results/runs").iterdir()), "data/widget/test", "--out", "whole")
    assert done.returncode == 0, done.stderr
    assert "11 images, " in done.stdout
    return trained / "whole"


def test_test_images_get_the_numbers_of_scoring_to_the_bit(run_folder: Path, whole: Path) -> None:
    same_as_scored(run_folder, whole, 9)
    assert 0 < scored(run_folder)["predicted_area"].max() < 64 * 64


def test_so_do_any_of_them_in_any_order(trained: Path, run_folder: Path, tmp_path: Path) -> None:
    names = list(scored(run_folder).index)
    assert len(names) % 8 == 1  # the last one was scored in a batch of its own
    for number, some in enumerate((names[:1], names[-1:], [names[-1], names[0], names[4]], names[::-1])):
        files = [trained / "data" / "widget" / name for name in some]
        assert do(tmp_path, "predict", run_folder, *files, "--out", number).returncode == 0
        same_as_scored(run_folder, tmp_path / str(number), len(some))


def test_masks_have_the_images_own_size_and_the_areas_of_the_table(whole: Path) -> None:
    table = predicted(whole)
    for _, row in table.iterrows():
        mask = np.asarray(Image.open(whole / row["mask"]))
        assert mask.shape == (row["height"], row["width"]) == (OWN_SIZE, OWN_SIZE)
        assert set(np.unique(mask)) <= {0, 255}
        assert (mask > 0).sum() == row["area"]
        assert row["fraction"] == row["area"] / OWN_SIZE**2
        assert row["anomalous"] == (row["score"] >= 1)
        overlay = Image.open(whole / row["mask"].replace("masks", "overlays").replace(".png", ".jpg"))
        assert overlay.size == (OWN_SIZE, OWN_SIZE)
    assert table["area"].max() > 0


def test_thresholds_are_the_runs_the_one_of_training_images_or_the_users(
    trained: Path, run_folder: Path, whole: Path, tmp_path: Path
) -> None:
    image = trained / "data" / "widget" / "test" / "hole" / "000.png"
    chosen = load_model(run_folder / "model.safetensors", torch.device("cpu")).description.training_threshold
    scores = {}
    for asked, value in {"protocol": 0.5, "training": chosen, "0.001": 0.001}.items():
        done = do(tmp_path, "predict", run_folder, image, "--out", asked, "--threshold", asked)
        assert f"anomalous at threshold {value:g}\n" in done.stdout, done.stderr
        scores[asked] = predicted(tmp_path / asked)["score"].item()
    assert scores["0.001"] > scores["protocol"]


@pytest.fixture(scope="module")
def model(run_folder: Path) -> TrainedModel:
    return load_model(run_folder / "model.safetensors", torch.device("cpu"))


def predict_one(model: TrainedModel, path: Path, tiling: Tiling | None = None) -> Prediction:
    ((_, found),) = predict(model, [Photo(path, "x")], tiling)
    assert isinstance(found, Prediction)
    return found


def test_a_map_is_enlarged_bilinearly(model: TrainedModel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 130, 3), dtype=np.uint8)
    found = predict_one(model, write_image(tmp_path / "x.png", pixels))
    assert found.image.tolist() == pixels.tolist()
    small = torch.from_numpy(found.seen)[None, None]
    expected = torch.nn.functional.interpolate(small, (100, 130), mode="bilinear", align_corners=False)[0, 0]
    assert found.seen.shape == (64, 64)
    assert np.abs(found.probability - expected.numpy()).max() < 1e-5


def test_tiles_are_predicted_as_images_of_their_own(model: TrainedModel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    found = predict_one(model, write_image(tmp_path / "x.png", pixels), Tiling(64, 0.0))
    halves = model.predictor.probabilities(np.stack([pixels[:, :64], pixels[:, 64:]]))
    assert np.abs(found.probability - np.concatenate([*halves], axis=1)).max() < 1e-6
    assert found.seen is found.probability


def test_where_tiles_overlap_their_mean_is_taken_and_no_pixel_is_left_out(model: TrainedModel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (90, 150, 3), dtype=np.uint8)
    tiling = Tiling(40, 0.5)
    found = predict_one(model, write_image(tmp_path / "x.png", pixels), tiling).probability
    total, weight = np.zeros((2, 90, 150))
    line = [min(i + 1, 40 - i, 20) / 20 for i in range(40)]
    for top in (0, 17, 33, 50):
        for left in (0, 18, 37, 55, 73, 92, 110):
            tile = Image.fromarray(pixels[top : top + 40, left : left + 40])
            seen = model.probabilities(to_pixels(tile, 64)[None])[0]
            own = np.asarray(Image.fromarray(seen).resize((40, 40), Image.Resampling.BILINEAR))
            total[top : top + 40, left : left + 40] += np.outer(line, line) * own
            weight[top : top + 40, left : left + 40] += np.outer(line, line)
    assert weight.min() > 0
    assert np.abs(found - total / weight).max() < 1e-4


def test_an_image_smaller_than_a_tile_is_mirrored(model: TrainedModel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (20, 64, 3), dtype=np.uint8)
    found = predict_one(model, write_image(tmp_path / "x.png", pixels), Tiling(64, 0.25))
    mirrored = np.concatenate([pixels, pixels[::-1], pixels, pixels[::-1]])[:64]
    expected = model.probabilities(mirrored[None])[0, :20]
    assert found.probability.shape == (20, 64)
    assert np.abs(found.probability - expected).max() < 1e-6


def test_bad_files_are_named_and_the_others_go_on(trained: Path, run_folder: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(trained / "data" / "widget" / "test" / "good", photos)
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n")
    (photos / "phone.heic").write_bytes(b"unread")
    done = do(tmp_path, "predict", run_folder, "photos", "--out", "out", "--tile", 48)
    assert done.returncode == 1
    assert "warning: unreadable image photos/broken.png" in done.stderr
    assert "warning: photos/phone.heic is left out" in done.stderr
    assert "2 of 5 images have no prediction" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == ["000.png", "001.png", "002.png"]
    assert (predicted(tmp_path / "out")["score"] == predicted(tmp_path / "out")["area"]).all()


def test_predictions_are_replaced_only_on_request_and_nothing_else_is(
    trained: Path, run_folder: Path, tmp_path: Path
) -> None:
    image = trained / "data" / "widget" / "test" / "hole" / "001.png"
    words = ("predict", run_folder, image, "--out", "out")
    (tmp_path / "out").mkdir()
    assert do(tmp_path, *words).returncode == 0  # an empty folder is no output
    before = (tmp_path / "out" / "predictions.csv").read_text()
    again = do(tmp_path, *words, "--threshold", "0.001")
    assert again.returncode == 2
    assert "out exists already" in again.stderr
    assert (tmp_path / "out" / "predictions.csv").read_text() == before
    assert do(tmp_path, *words, "--threshold", "0.001", "--overwrite").returncode == 0
    assert (tmp_path / "out" / "predictions.csv").read_text() != before
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    foreign = do(tmp_path, *words, "--overwrite")
    assert foreign.returncode == 2
    assert "holds more than predictions (mine.txt)" in foreign.stderr
    assert not list(tmp_path.glob(".*"))


def test_an_interrupted_prediction_writes_nothing(trained: Path, run_folder: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2000):
        os.link(trained / "data" / "widget" / "test" / "hole" / "000.png", photos / f"{number}.png")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", "predict", run_folder, "photos", "--out", "out"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
        # Tests started in the background may ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while process.poll() is None and not list(tmp_path.glob(".out~*/masks/*")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted: nothing was written" in said
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_written_synthetic_images_get_the_numbers_of_scoring(tmp_path: Path) -> None:
    words = ("--method", "albunet_nbr_cap", "--category", "toothbrush", "--shots", 1, "--seed", 0, "--jobs", 1)
    assert do(tmp_path, "run", *words, *TINY, "--keep-models", "--cache", "cache").returncode == 0
    assert do(tmp_path, "data", "generate", "--out", "images", "--size", 64, "--category", "toothbrush").returncode == 0
    (run,) = (tmp_path / "results" / "runs").iterdir()
    done = do(tmp_path, "predict", run.name, "images/toothbrush/test", "--out", "out")
    assert done.returncode == 0, done.stderr
    same_as_scored(run, tmp_path / "out", len(scored(run)))


def test_real_photos_get_the_numbers_of_scoring(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "mvtec_ad"
    words = ("--dataset", "mvtec-ad", "--data-root", root, "--category", "toothbrush", "--method", "unet")
    done = do(
        tmp_path, "run", *words, "--shots", 1, "--seed", 0, "--jobs", 1, *TINY, "--keep-models", "--cache", "cache"
    )
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "results" / "runs").iterdir()
    assert do(tmp_path, "predict", run.name, root / "toothbrush" / "test", "--out", "out").returncode == 0
    same_as_scored(run, tmp_path / "out", len(scored(run)))

"""``run --keep-models``: a trained network is stored together with its run, and changes nothing else of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import benchmark.training.one_run
from baselines import create_network
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.model_file import MODEL_FILE, digest_weights, read_description, read_weights
from benchmark.training.one_run import RunContext, train_and_score
from benchmark.training.predict import Predictor
from tests.conftest import tiny_with
from tests.models.conftest import do


def words(root: Path, *more: object) -> tuple[object, ...]:
    selected = ("--method", "unet", "albunet_nbr_cap", "--shots", 1, "--seed", 0, "--jobs", 1, "--cache", "cache")
    return ("run", "--dataset", "folder", "--data-root", root, *selected, *tiny_with(), *more)


def same_files(one: Path, other: Path) -> None:
    names = {path.name for path in one.iterdir()}
    assert names == {path.name for path in other.iterdir()} - {MODEL_FILE}
    for name in ("images.csv", "curve.csv", "roc.csv", "gradients.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    records = [json.loads((folder / "run.json").read_text()) for folder in (one, other)]
    for record in records:
        del record["timings"], record["created"]
    assert records[0] == records[1]


def test_a_model_is_kept_with_its_run_which_is_otherwise_the_same(category: Path, tmp_path: Path) -> None:
    assert do(tmp_path, *words(category.parent, "--results", "without")).returncode == 0
    kept = do(tmp_path, *words(category.parent, "--results", "kept", "--keep-models"))
    assert kept.returncode == 0, kept.stderr
    assert "2 models will take about " in kept.stderr
    for folder in (tmp_path / "kept" / "runs").iterdir():
        same_files(tmp_path / "without" / "runs" / folder.name, folder)
        description = read_description(folder / MODEL_FILE)
        assert description.run == folder.name
        assert (description.protocol.image_size, description.protocol.width) == (64, 0.1)
        assert (description.identity.category, description.identity.shots, description.identity.seed) == (
            "widget",
            1,
            0,
        )
        weights = read_weights(folder / MODEL_FILE, description)
        network = create_network(description.network, width=0.1)
        before = digest_weights(network.state_dict())
        network.load_state_dict(weights)
        assert digest_weights(network.state_dict()) not in (before, "")


def test_runs_stored_without_a_model_are_announced_trained_again_and_replaced(category: Path, tmp_path: Path) -> None:
    assert do(tmp_path, *words(category.parent)).returncode == 0
    runs = tmp_path / "results" / "runs"
    before = {path.name: path.stat().st_ino for path in runs.iterdir()}
    again = do(tmp_path, *words(category.parent, "--keep-models"))
    assert again.returncode == 0, again.stderr
    assert "2 stored runs have no model: they are trained again, and replaced" in again.stderr
    after = {path.name: path.stat().st_ino for path in runs.iterdir()}
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in before)
    assert all((path / MODEL_FILE).is_file() for path in runs.iterdir())
    for more in ((), ("--keep-models",)):
        nothing = do(tmp_path, *words(category.parent, *more))
        assert "0 to do" in nothing.stderr
        assert {path.name: path.stat().st_ino for path in runs.iterdir()} == after


def test_a_run_that_fails_when_it_is_trained_again_keeps_its_result_and_the_command_says_so(
    category: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = words(category.parent)
    assert do(tmp_path, *run).returncode == 0
    files = {path: path.read_bytes() for path in (tmp_path / "results" / "runs").rglob("*.csv")}

    def fail(*_: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(benchmark.training.one_run, "keep_model", fail)
    failed = do(tmp_path, *run, "--keep-models")
    assert failed.returncode == 1
    assert "2 runs failed" in failed.stderr
    assert {path: path.read_bytes() for path in files} == files
    assert do(tmp_path, *run).returncode == 0
    monkeypatch.undo()
    assert do(tmp_path, *run, "--keep-models").returncode == 1
    assert do(tmp_path, *run, "--keep-models", "--retry-failed").returncode == 0
    assert len(list((tmp_path / "results" / "runs").glob(f"*/{MODEL_FILE}"))) == 2
    assert not list((tmp_path / "results" / "failures").iterdir())


def test_the_weights_are_those_that_were_scored(shared_cache: Path, tmp_path: Path) -> None:
    profile = load_profile("quick", ["image_size=64", "width=0.1", "iterations=2", "curve_every=0"])
    spec = select_runs(SyntheticDataSet(), profile, [Selection(["unet"], ["toothbrush"], [1], [0])])[0]
    context = RunContext(SyntheticDataSet(), ImageCache(shared_cache), torch.device("cpu"), keep_model=True)
    result = train_and_score(spec, context)
    assert result.model is not None
    network = create_network("unet", width=0.1)
    network.load_state_dict(result.model.weights)
    network.to(memory_format=torch.channels_last)
    arrays = context.cache.arrays(context.dataset, "toothbrush", 64)
    predictor = Predictor(network, spec.protocol, torch.device("cpu"))
    predicted = {index: probability for index, _, probability in predictor.predict(arrays, spec.draw.test)}
    assert [float(predicted[i].max()) for i in spec.draw.test] == result.images["max_probability"].tolist()

"""Pretrained weights are had before any training, and every run says which ones it started from."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest
import torch
import torchvision

from baselines.networks import pretrained
from baselines.networks.pretrained import PretrainedWeights
from benchmark.cli import main

IMAGENET = ("--set", "image_size=64", "iterations=1", "curve_every=0", "weights=imagenet", "width=1")


def run_words(category: Path, tmp_path: Path, *methods: str) -> list[str]:
    words = ["run", "--dataset", "folder", "--data-root", str(category.parent), "--method", *methods]
    words += ["--shots", "1", "--seed", "0", "--jobs", "1", *IMAGENET]
    return [*words, "--results", str(tmp_path / "results"), "--cache", str(tmp_path / "cache")]


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch"


def test_weights_that_cannot_be_had_stop_everything_before_it_starts(
    category: Path,
    tmp_path: Path,
    torch_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as nobody:  # bound, but not listening: a connection is refused
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/resnet34-b627a593.pth"
        monkeypatch.setitem(pretrained.WEIGHTS, "resnet34", PretrainedWeights(url))
        assert main(run_words(category, tmp_path, "unet", "albunet")) == 2
    announced, *errors = capsys.readouterr().err.splitlines()
    path = torch_home / "hub" / "checkpoints" / "resnet34-b627a593.pth"
    assert announced == f"downloading {url} to {path.parent}"
    assert len(errors) == 1
    assert errors[0].startswith(f"error: pretrained weights not found: downloading {url} failed (urlopen error ")
    assert f"put torchvision's resnet34-b627a593.pth at {path}, give its folder with --weights-dir" in errors[0]
    assert not list(path.parent.iterdir())
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "cache" / "arrays").exists()


def test_a_run_records_the_weights_it_started_from(
    category: Path, tmp_path: Path, torch_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = torch_home / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    path = checkpoints / "weights.pth"
    torch.save(torchvision.models.resnet34(weights=None).state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = path.rename(checkpoints / f"resnet34-{digest[:8]}.pth").name
    source = f"http://127.0.0.1:9/{file}"
    monkeypatch.setitem(pretrained.WEIGHTS, "resnet34", PretrainedWeights(source))
    assert main(run_words(category, tmp_path, "unet", "albunet")) == 0
    stored = [json.loads(run.read_text()) for run in (tmp_path / "results" / "runs").glob("*/run.json")]
    assert {run["method"]: run["pretrained"] for run in stored} == {
        "unet": None,
        "albunet": {"encoder": "resnet34", "file": file, "sha256": digest, "source": source},
    }

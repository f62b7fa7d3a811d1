"""``export``: an ONNX file that gives torch's numbers without this package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from baselines import create_network, get_method, method_names
from benchmark.models.onnx_file import OnnxOptions, export_onnx
from benchmark.models.trained import TrainedModel, load_model
from benchmark.results.model_file import ModelDescription, Normalisation
from benchmark.training.predict import Predictor, to_input
from tests.conftest import REPOSITORY
from tests.factories import make_spec
from tests.models.conftest import do
from tests.refusal import assert_refused

NETWORKS = tuple(dict.fromkeys(get_method(name).network for name in method_names()))


def untrained(network: str) -> TrainedModel:
    """A network with random weights, and batch-norm statistics of random images, as a model."""
    spec = make_spec(method=network, settings=["image_size=64", "width=0.1"])
    description = ModelDescription(
        run=spec.id, dataset="x", label=network, identity=spec.identity, protocol=spec.protocol,
        normalisation=Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        training_threshold=0.5, weights_sha256="",
    )  # fmt: skip
    torch.manual_seed(0)
    built = create_network(network, width=0.1)
    with torch.no_grad():
        built(torch.randn(4, 3, 64, 64))
    return TrainedModel(description, Predictor(built.eval(), spec.protocol, torch.device("cpu")))


def check_export(model: TrainedModel, path: Path, options: OnnxOptions) -> None:
    """Compare an exported file with what torch predicts from the same pixels, for several numbers of images."""
    export_onnx(model, path, options)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count in (1, 2, 5):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
        given = pixels if options.normalise else to_input(pixels, "imagenet", torch.device("cpu")).numpy()
        (found,) = session.run([options.output], {options.input: given})
        if not options.sigmoid:
            found = 1 / (1 + np.exp(-found))
        assert found.shape == (count, 1, 64, 64)
        assert np.abs(found[:, 0] - model.predictor.probabilities(pixels)).max() < 1e-4


@pytest.mark.parametrize(("network", "whole"), [("unet", False), ("albunet", True)])
def test_an_exported_network_is_the_network(network: str, whole: bool, tmp_path: Path) -> None:
    check_export(untrained(network), tmp_path / "model.onnx", OnnxOptions(normalise=whole, sigmoid=whole))
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.slow  # seconds for each network
@pytest.mark.parametrize("network", NETWORKS)
def test_the_network_of_every_method_can_be_exported(network: str, tmp_path: Path) -> None:
    check_export(untrained(network), tmp_path / "model.onnx", OnnxOptions(normalise=True, sigmoid=True))


class Drifting(torch.nn.Module):
    """Computes something else when it is exported than otherwise."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :1] + (1e-3 if torch.compiler.is_exporting() else 0.0)


def test_a_file_that_differs_from_torch_is_not_written(tmp_path: Path) -> None:
    model = untrained("unet")
    wrong = TrainedModel(model.description, Predictor(Drifting(), model.predictor.protocol, torch.device("cpu")))  # type: ignore[arg-type]
    assert_refused(lambda: export_onnx(wrong, tmp_path / "x.onnx", OnnxOptions()), "differs", "not written")
    assert not list(tmp_path.iterdir())


def test_the_example_gives_the_masks_of_predict_without_this_package(
    trained: Path, run_folder: Path, tmp_path: Path
) -> None:
    photo = trained / "data" / "widget" / "test" / "hole" / "002.png"
    words = ("export", run_folder, "--format", "onnx", "--normalise", "--sigmoid", "--out", "model.onnx")
    done = do(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "input 'images': uint8 (N, 64, 64, 3); output 'probabilities': float32 (N, 1, 64, 64)" in done.stdout
    assert "model.onnx exists already" in do(tmp_path, *words).stderr
    assert do(tmp_path, "predict", run_folder, photo, "--out", "out").returncode == 0
    example = REPOSITORY / "examples" / "onnx" / "predict.py"
    assert not {"benchmark", "baselines", "torch"} & set(example.read_text().split())
    subprocess.run([sys.executable, example, "model.onnx", photo, "mask.png"], cwd=tmp_path, check=True)
    mask, expected = (np.asarray(Image.open(tmp_path / name)) > 0 for name in ("mask.png", "out/masks/002.png"))
    seen = load_model(run_folder / "model.safetensors", torch.device("cpu"))
    assert seen.image_size == 64
    assert mask.shape == expected.shape
    assert (mask != expected).mean() < 1e-3


def test_missing_packages_are_named(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from benchmark.cli import main

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run_folder)]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: export needs onnxscript: pip install ")
    assert not list(tmp_path.iterdir())

"""Export to ONNX: one file that runs without this package, checked against torch before it gets its name."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from baselines.errors import InputError
from benchmark.atomic import replace_file
from benchmark.models.trained import TrainedModel
from benchmark.results.model_file import Normalisation
from benchmark.schema import to_builtins

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
# Of images in a batch when traced and when checked.
_TRACED, _CHECKED = 2, (1, 3)


@dataclass(frozen=True)
class OnnxOptions:
    """What becomes part of the exported graph beside the network.

    Attributes
    ----------
    normalise : bool
        Whether the input is RGB, uint8 (N, size, size, 3), as image libraries read it; otherwise the normalised
        float32 (N, 3, size, size).
    sigmoid : bool
        Whether the output is probabilities instead of logits; float32 (N, 1, size, size).
    """

    normalise: bool = False
    sigmoid: bool = False

    @property
    def input(self) -> str:
        return "images" if self.normalise else "normalised"

    @property
    def output(self) -> str:
        return "probabilities" if self.sigmoid else "logits"


def check_packages() -> None:
    """Check that what export needs is installed.

    Raises
    ------
    InputError
        If not.
    """
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"export needs {', '.join(missing)}: pip install 'fewshot-defect-benchmark[onnx]', or these packages"
        )


def export_onnx(model: TrainedModel, path: Path, options: OnnxOptions) -> float:
    """Write a model as an ONNX file for any number of images at once.

    Parameters
    ----------
    path : Path
        Replaced if it exists.

    Returns
    -------
    float
        The largest difference between ONNX Runtime and torch, at most ``TOLERANCE``; relative where logits exceed 1.

    Raises
    ------
    InputError
        If the network cannot be exported, the two differ by more, or the file cannot be written; nothing is written.
    """
    check_packages()
    graph = _Graph(model, options).eval()
    with replace_file(path) as temporary:
        _export(model, graph, temporary, options)
        _describe(model, temporary, options)
        difference = max(_difference(graph, temporary, _examples(model, options, count)) for count in _CHECKED)
        if not difference <= TOLERANCE:
            raise InputError(
                f"the exported network differs from torch's by {difference:.2g}, more than {TOLERANCE:g}: it is not "
                "written"
            )
    return difference


class _Graph(nn.Module):
    """The network with what is done before and after it."""

    def __init__(self, model: TrainedModel, options: OnnxOptions) -> None:
        super().__init__()
        self.network = model.predictor.network
        self.options = options
        self.normalisation = model.description.normalisation

    def forward(self, images: Tensor) -> Tensor:
        if self.options.normalise:
            images = _normalised(images, self.normalisation)
        logits: Tensor = self.network(images)
        return logits.sigmoid() if self.options.sigmoid else logits


def _examples(model: TrainedModel, options: OnnxOptions, count: int) -> Tensor:
    """Return random input for the graph, the same at each call."""
    size = model.image_size
    pixels = torch.from_numpy(np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8))
    return pixels if options.normalise else _normalised(pixels, model.description.normalisation)


def _normalised(pixels: Tensor, normalisation: Normalisation) -> Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normalisation.mean, normalisation.std))
    return (pixels.permute(0, 3, 1, 2).float() / 255 - mean) / std


def _export(model: TrainedModel, graph: nn.Module, path: Path, options: OnnxOptions) -> None:
    try:
        with _quiet():
            torch.onnx.export(
                graph,
                (_examples(model, options, _TRACED),),
                str(path),
                input_names=[options.input],
                output_names=[options.output],
                dynamic_shapes=({0: torch.export.Dim("images", min=1)},),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except OSError:
        raise
    except Exception as error:  # the exporter raises errors of many kinds
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"network {model.description.network} cannot be exported to ONNX: {line}") from error


def _describe(model: TrainedModel, path: Path, options: OnnxOptions) -> None:
    """Add what a user of the file needs to its metadata."""
    import onnx

    loaded = onnx.load(str(path))
    description = model.description
    metadata: dict[str, Any] = {
        "run": description.run,
        "method": description.identity.method,
        "image_size": description.protocol.image_size,
        "threshold": description.protocol.threshold,
        "training_threshold": description.training_threshold,
        "description": json.dumps(to_builtins(description), ensure_ascii=False),
    }
    onnx.helper.set_model_props(loaded, {key: str(value) for key, value in metadata.items()})
    onnx.save(loaded, str(path))


def _difference(graph: nn.Module, path: Path, images: Tensor) -> float:
    """Return how far ONNX Runtime and torch differ, relative to values above 1."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.inference_mode():
        expected = graph(images).numpy()
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    return float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's own messages, which concern its developers."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

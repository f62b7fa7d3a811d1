"""``predictions.npz``: what is kept of a run's predicted maps, and reading what was kept before format 3."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from baselines.errors import InputError
from benchmark.histograms import LINEAR_EDGES, LOGIT_EDGES, Histograms, Regions, from_regions

PREDICTIONS_FILE = "predictions.npz"
# Of runs stored before format 3: per image, 256 even bins of the probability on normal and on defective pixels.
LINEAR_FILE = "histograms.npz"
# The arrays of one set of images, each with its type and number of dimensions.
_ARRAYS = {
    "normal": (np.uint32, 2),
    "region_image": (np.uint32, 1),
    "region_start": (np.uint32, 1),
    "region_bin": (np.uint16, 1),
    "region_count": (np.uint32, 1),
}
_READ_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


T = TypeVar("T")


@dataclass(frozen=True)
class Predictions:
    """What is kept of the predicted maps of a run.

    Attributes
    ----------
    test : Histograms
        Of the test images, in the order of ``images.csv``.
    training : Histograms
        Of the K annotated training images.
    max_logit : np.ndarray, float32, shape (images,)
        The largest logit of each test image.
    boundary : np.ndarray, int64, shape (images, 3)
        TP, FP and FN of each test image within the boundary band, as ``score.boundary_counts`` returns them.
    """

    test: Histograms
    training: Histograms
    max_logit: np.ndarray
    boundary: np.ndarray


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions in the present format; the caller makes it atomic."""
    np.savez_compressed(path, **to_arrays(predictions))  # type: ignore[arg-type]  # it has another keyword, of type bool


def to_arrays(predictions: Predictions) -> dict[str, np.ndarray]:
    """Return the arrays of the file, by name."""
    return {
        "max_logit": predictions.max_logit.astype(np.float32),
        "boundary": predictions.boundary.astype(np.uint32),
        **_to_arrays("test", predictions.test),
        **_to_arrays("training", predictions.training),
    }


def read_predictions(path: Path, images: int, repeat: str) -> Predictions:
    """Return the predictions of a stored run of format 3.

    Parameters
    ----------
    images : int
        Number of its test images.
    repeat : str
        What to do about a file that cannot be read.

    Raises
    ------
    InputError
        If the file is missing, cut off or inconsistent.
    """
    return _read(path, repeat, lambda arrays: _parse(arrays, images))


def read_linear(path: Path, images: int, repeat: str) -> Histograms:
    """Return the histograms of a run stored before format 3, without regions; otherwise as ``read_predictions``."""
    return _read(path, repeat, lambda arrays: _parse_linear(arrays, images))


def _read(path: Path, repeat: str, parse: Callable[[Mapping[str, np.ndarray]], T]) -> T:
    try:
        with np.load(path) as arrays:
            return parse({name: arrays[name] for name in arrays.files})
    except _READ_ERRORS as error:
        raise InputError(f"{path} cannot be read ({error or type(error).__name__}): {repeat}") from error


def _to_arrays(prefix: str, histograms: Histograms) -> dict[str, np.ndarray]:
    regions = histograms.regions
    assert regions is not None
    values = (histograms.normal, regions.image, regions.starts, regions.bins, regions.counts)
    return {
        f"{prefix}_{name}": value.astype(kind) for (name, (kind, _)), value in zip(_ARRAYS.items(), values, strict=True)
    }


def _parse(arrays: Mapping[str, np.ndarray], images: int) -> Predictions:
    max_logit, boundary = arrays["max_logit"], arrays["boundary"]
    _require(max_logit.shape == (images,) and max_logit.dtype == np.float32, "max_logit", max_logit)
    _require(boundary.shape == (images, 3) and boundary.dtype == np.uint32, "boundary", boundary)
    test, training = (_from_arrays(prefix, arrays) for prefix in ("test", "training"))
    if len(test.normal) != images:
        raise ValueError(f"test_normal has {len(test.normal)} images, not {images}")
    return Predictions(test, training, max_logit, boundary.astype(np.int64))


def _from_arrays(prefix: str, arrays: Mapping[str, np.ndarray]) -> Histograms:
    for name, (kind, dimensions) in _ARRAYS.items():
        value = arrays[f"{prefix}_{name}"]
        _require(value.dtype == kind and value.ndim == dimensions, f"{prefix}_{name}", value)
    normal, image, starts, bins, counts = (arrays[f"{prefix}_{name}"].astype(np.int64) for name in _ARRAYS)
    size = len(LOGIT_EDGES) + 1
    checks: tuple[tuple[bool, str], ...] = (
        (normal.shape[1] == size, f"{prefix}_normal does not have {size} bins"),
        (not len(image) or image.max() < len(normal), f"{prefix}_region_image names an image that is not there"),
        (not len(bins) or bins.max() < size, f"{prefix}_region_bin names a bin that is not there"),
        (bool((counts > 0).all()), f"{prefix}_region_count has a zero"),
        (
            len(starts) == len(image) + 1
            and starts[0] == 0
            and bool((np.diff(starts) > 0).all())
            and starts[-1] == len(bins) == len(counts),
            f"{prefix}_region_start does not divide the entries among the regions",
        ),
    )
    for holds, problem in checks:
        if not holds:
            raise ValueError(problem)
    return from_regions(normal, Regions(image, starts, bins, counts))


def _parse_linear(arrays: Mapping[str, np.ndarray], images: int) -> Histograms:
    counts = arrays["histograms"]
    _require(counts.shape == (images, 2, len(LINEAR_EDGES) + 1) and counts.dtype == np.uint32, "histograms", counts)
    normal, defective = counts.astype(np.int64).transpose(1, 0, 2)
    return Histograms(LINEAR_EDGES, normal, defective)


def _require(holds: bool, name: str, value: np.ndarray) -> None:
    if not holds:
        raise ValueError(f"{name} is {value.dtype} {value.shape}")

"""The few images of a run that people look at: input, truth and prediction as small pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from benchmark.data.cache import CategoryArrays
from benchmark.data.draws import Draw
from benchmark.score import iou, scored

LARGEST_SIDE = 256


@dataclass(frozen=True)
class Sample:
    """One image to keep.

    Attributes
    ----------
    role : {"train", "test"}
    reasons : tuple of str
        Why it was chosen: ``first`` of its label, ``best`` or ``worst`` IOU of the run.
    name, label : str
        As in the manifest.
    iou : float or None
        Of this image; None where it has none.
    pictures : dict
        ``image`` RGB, ``truth`` 0/255, and for test images ``prediction``, probability times 255; uint8.
    """

    role: str
    reasons: tuple[str, ...]
    name: str
    label: str
    iou: float | None
    pictures: dict[str, Image.Image]


def choose_samples(
    arrays: CategoryArrays, draw: Draw, images: pd.DataFrame, predictions: Mapping[int, np.ndarray]
) -> Iterator[Sample]:
    """Yield the first training image of each defect type, then test images: firsts of each label, best and worst.

    Parameters
    ----------
    images : pd.DataFrame
        One row per test image in the order of ``draw.test``.
    predictions : mapping
        Position in the manifest to probability times 255, uint8 (H, W).
    """
    records = arrays.manifest.records
    firsts = {records[index].label: index for index in reversed(draw.shots)}
    for label, index in sorted(firsts.items()):
        yield Sample("train", ("first",), records[index].name, label, None, _pictures(arrays, index))

    values = pd.Series(iou(images["tp"], images["fp"], images["fn"]), index=images.index).where(scored(images))
    chosen: dict[int, list[str]] = {}
    for row in images.drop_duplicates("label").index:
        chosen.setdefault(row, []).append("first")
    if values.notna().any():
        chosen.setdefault(values.idxmax(), []).append("best")
        chosen.setdefault(values.idxmin(), []).append("worst")
    for row, reasons in sorted(chosen.items()):
        index = draw.test[row]
        pictures = _pictures(arrays, index) | {"prediction": _small(predictions[index])}
        value = None if np.isnan(values[row]) else float(values[row])
        yield Sample("test", tuple(reasons), records[index].name, records[index].label, value, pictures)


def _pictures(arrays: CategoryArrays, index: int) -> dict[str, Image.Image]:
    truth = arrays.masks[index].astype(np.uint8) * 255
    return {"image": _small(arrays.images[index]), "truth": _small(truth)}


def _small(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
    return picture

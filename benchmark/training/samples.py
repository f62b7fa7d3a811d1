"""Sample images of a run for the report: input, ground truth and prediction as small pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from PIL import Image

from baselines.pasting.base import Pasting
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.draws import Draw
from benchmark.random_streams import stream
from benchmark.results.run_result import Sample
from benchmark.score import iou, scored
from benchmark.training.pasting import paste_images

LARGEST_SIDE = 256
# Fig. 10 shows four of each category, in this size at most.
PASTED, PASTED_SIDE = 4, 128


def choose_samples(
    arrays: CategoryArrays, draw: Draw, images: pd.DataFrame, predictions: Mapping[int, np.ndarray]
) -> Iterator[Sample]:
    """Yield the first training image of each defect type, then the first test image of each label, best and worst.

    Parameters
    ----------
    images : pd.DataFrame
        One row per test image in the order of ``draw.test``.
    predictions : mapping
        Index in the manifest to probability times 255, uint8 (H, W).
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
        pictures = _pictures(arrays, index) | {"prediction": _picture(predictions[index])}
        value = None if np.isnan(values[row]) else float(values[row])
        yield Sample("test", tuple(reasons), records[index].name, records[index].label, value, pictures)


def pasted_samples(
    arrays: CategoryArrays,
    draw: Draw,
    seed: int,
    pasting: Pasting,
    realism: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Iterator[Sample]:
    """Yield the first training image's defect pasted onto a few normal images, with lambda (Fig. 10).

    Parameters
    ----------
    pasting : Pasting
        That of the run's recipe.
    realism : callable
        ``Predictor.realism``.
    """
    records, source = arrays.manifest.records, draw.shots[0]
    rng = stream("pasted samples", arrays.manifest.category, len(draw.shots), seed)
    chosen = sorted(rng.choice(draw.normals, min(PASTED, len(draw.normals)), replace=False).tolist())
    repeated = [source] * len(chosen)
    defective = arrays.images[repeated]
    pasted, masks = paste_images(pasting, defective, arrays.masks[repeated], arrays.images[chosen], rng)
    for index, image, mask, value in zip(chosen, pasted, masks, realism(defective, pasted), strict=True):
        pixels = {"image": image, "truth": _as_picture(mask), "normal": arrays.images[index]}
        pictures = {kind: _picture(values, PASTED_SIDE) for kind, values in pixels.items()}
        yield Sample("pasted", (), records[index].name, records[source].label, None, pictures, float(value))


def _pictures(arrays: CategoryArrays, index: int) -> dict[str, Image.Image]:
    return {"image": _picture(arrays.images[index]), "truth": _picture(_as_picture(arrays.masks[index]))}


def _as_picture(mask: np.ndarray) -> np.ndarray:
    pixels: np.ndarray = mask.astype(np.uint8) * 255
    return pixels


def _picture(pixels: np.ndarray, side: int = LARGEST_SIDE) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((side, side), Image.Resampling.BOX)
    return picture

"""Predictions for images of any size: resized as in training, or cut into overlapping tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from baselines.errors import InputError
from benchmark.data.images import open_image, to_pixels, to_rgb
from benchmark.models.find import Photo
from benchmark.models.trained import TrainedModel
from benchmark.training.predict import BATCH_SIZE


@dataclass(frozen=True)
class Tiling:
    """How an image is cut into square tiles.

    Attributes
    ----------
    side : int
        Of a tile, in pixels of the image; each tile is resized to the size of the network.
    overlap : float
        Of neighbouring tiles, as a share of their side, in [0, 1).

    Examples
    --------
    >>> Tiling(100, 0.25).starts(250)
    [0, 75, 150]
    """

    side: int
    overlap: float

    def starts(self, length: int) -> list[int]:
        """Return where tiles begin along a side of an image, which is at least as long as a tile."""
        step = max(1.0, self.side * (1 - self.overlap))
        last = length - self.side
        return [round(start) for start in np.linspace(0, last, math.ceil(last / step) + 1)]

    def weights(self) -> np.ndarray:
        """Return the weight of each pixel of a tile, float32 (side, side): falling to its edges where tiles overlap."""
        ramp = max(1, round(self.side * self.overlap))
        from_edge = np.minimum(np.arange(1, self.side + 1), np.arange(self.side, 0, -1))
        line = np.minimum(from_edge, ramp) / ramp
        return np.outer(line, line).astype(np.float32)


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes
    ----------
    image : np.ndarray, uint8, shape (H, W, 3)
        The upright image at its own size.
    probability : np.ndarray, float32, shape (H, W)
        Of a defect, at the image's own size.
    seen : np.ndarray, float32
        The map that the image's score comes from: as the network returned it, (image_size, image_size), which is what
        scoring counts; of a tiled image ``probability``.
    """

    image: np.ndarray
    probability: np.ndarray
    seen: np.ndarray


def predict(
    model: TrainedModel, photos: Sequence[Photo], tiling: Tiling | None = None
) -> Iterator[tuple[Photo, Prediction | InputError]]:
    """Yield the prediction for each image, or why there is none.

    Without tiles an image is decoded and resized as for training, and its map is resized back.

    Examples
    --------
    >>> list(predict(load_model(path, device), photos))  # doctest: +SKIP
    """
    for start in range(0, len(photos), BATCH_SIZE):
        batch = photos[start : start + BATCH_SIZE]
        opened = [_open(photo) for photo in batch]
        images = [image for image in opened if isinstance(image, Image.Image)]
        maps = iter(_whole(model, images) if tiling is None else [_tiled(model, image, tiling) for image in images])
        for photo, image in zip(batch, opened, strict=True):
            yield photo, image if isinstance(image, InputError) else _prediction(photo, image, next(maps))


def _open(photo: Photo) -> Image.Image | InputError:
    try:
        return open_image(photo.path)
    except InputError as error:
        return error


def _prediction(photo: Photo, image: Image.Image, seen: np.ndarray) -> Prediction | InputError:
    if not np.isfinite(seen).all():
        return InputError(f"the network's output for image {photo.path} is not finite")
    return Prediction(np.asarray(to_rgb(image)), _resized(seen, image.size), seen)


def _whole(model: TrainedModel, images: Sequence[Image.Image]) -> list[np.ndarray]:
    if not images:
        return []
    return list(model.probabilities(np.stack([to_pixels(image, model.image_size) for image in images])))


def _tiled(model: TrainedModel, image: Image.Image, tiling: Tiling) -> np.ndarray:
    """Return the weighted mean of the maps of all tiles, float32 (H, W); an image smaller than a tile is mirrored."""
    width, height = image.size
    side = tiling.side
    missing = [(0, max(0, side - length)) for length in (height, width)]
    pixels = np.pad(np.asarray(to_rgb(image)), (*missing, (0, 0)), mode="symmetric")
    corners = [(top, left) for top in tiling.starts(pixels.shape[0]) for left in tiling.starts(pixels.shape[1])]
    total, weight = np.zeros((2, *pixels.shape[:2]), dtype=np.float32)
    window = tiling.weights()
    for start in range(0, len(corners), BATCH_SIZE):
        batch = corners[start : start + BATCH_SIZE]
        tiles = [Image.fromarray(pixels[top : top + side, left : left + side]) for top, left in batch]
        for (top, left), seen in zip(batch, _whole(model, tiles), strict=True):
            place = np.s_[top : top + side, left : left + side]
            total[place] += window * _resized(seen, (side, side))
            weight[place] += window
    probability: np.ndarray = (total / weight)[:height, :width]
    return probability


def _resized(probability: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a map resized bilinearly to (width, height)."""
    if probability.shape == size[::-1]:
        return probability
    return np.asarray(Image.fromarray(probability).resize(size, Image.Resampling.BILINEAR))

"""Pictures for pages: what a prediction got right and wrong, and images as data URIs."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.data.images import open_image

# Okabe and Ito's palette: told apart by colour-blind readers too.
HIT, FALSE_ALARM, MISS = (0, 158, 115), (213, 94, 0), (86, 180, 233)
_OPACITY = 0.7
# Of 0 to 6: half the time of the usual 4, for a few per cent more bytes.
_EFFORT = 2


def outcome(image: Path, truth: Path, prediction: Path, threshold: float) -> Image.Image:
    """Paint hits, false alarms and misses over the grey image.

    Parameters
    ----------
    image, truth, prediction : Path
        A stored sample's pictures, all of one size; the prediction holds probability times 255.
    threshold : float
        In [0, 1].

    Raises
    ------
    InputError
        If a picture is missing or damaged.
    """
    grey = np.asarray(open_image(image).convert("L"))[..., None].repeat(3, axis=2)
    marked = np.asarray(open_image(truth).convert("L")) > 127
    predicted = np.asarray(open_image(prediction).convert("L")) >= np.rint(threshold * 255)
    for area, colour in (
        (marked & predicted, HIT),
        (~marked & predicted, FALSE_ALARM),
        (marked & ~predicted, MISS),
    ):
        grey = paint(grey, area, colour, _OPACITY)
    return Image.fromarray(grey)


def paint(image: np.ndarray, area: np.ndarray, colour: tuple[int, int, int], opacity: float) -> np.ndarray:
    """Return a uint8 image (H, W, 3) with the pixels of ``area``, bool (H, W), painted over."""
    painted = image.copy()
    painted[area] = np.rint((1 - opacity) * image[area] + opacity * np.array(colour)).astype(np.uint8)
    return painted


def data_uri(picture: Path | Image.Image, quality: int | None = None) -> str:
    """Return a picture as a ``data:`` URI; InputError if its file is missing or damaged.

    Parameters
    ----------
    quality : int, optional
        1 to 100 for WebP with loss; without it nothing is lost.
    """
    image = open_image(picture) if isinstance(picture, Path) else picture
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=quality is None, quality=quality or 60, method=_EFFORT)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()

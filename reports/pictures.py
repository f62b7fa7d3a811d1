"""Pictures for pages: predictions compared with their masks, and images as data URIs."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.data.images import open_image

# Okabe and Ito's palette, which colour-blind readers can distinguish.
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = (0, 158, 115), (213, 94, 0), (86, 180, 233)
_OPACITY = 0.7
# From 0 to 6: takes half the time of the default, 4, for a few per cent more bytes.
_EFFORT = 2


def paint_outcome(image: Path, truth: Path, prediction: Path, threshold: float) -> Image.Image:
    """Paint true positives, false positives and false negatives over the image in grey.

    Parameters
    ----------
    image, truth, prediction : Path
        A stored sample's pictures, all of the same size; the prediction is probability times 255.
    threshold : float
        In [0, 1].

    Raises
    ------
    InputError
        If a picture is missing or corrupted.
    """
    grey = np.asarray(open_image(image).convert("L"))[..., None].repeat(3, axis=2)
    annotated = np.asarray(open_image(truth).convert("L")) > 127
    predicted = np.asarray(open_image(prediction).convert("L")) >= np.rint(threshold * 255)
    for area, colour in (
        (annotated & predicted, TRUE_POSITIVE),
        (~annotated & predicted, FALSE_POSITIVE),
        (annotated & ~predicted, FALSE_NEGATIVE),
    ):
        grey = paint(grey, area, colour, _OPACITY)
    return Image.fromarray(grey)


def paint(image: np.ndarray, area: np.ndarray, colour: tuple[int, int, int], opacity: float) -> np.ndarray:
    """Return a uint8 image (H, W, 3) with a colour blended over the pixels of ``area``, bool (H, W).

    Examples
    --------
    >>> paint(np.zeros((1, 2, 3), np.uint8), np.array([[True, False]]), (200, 100, 0), 0.5)[0].tolist()
    [[100, 50, 0], [0, 0, 0]]
    """
    painted = image.copy()
    painted[area] = np.rint((1 - opacity) * image[area] + opacity * np.array(colour)).astype(np.uint8)
    return painted


def outline(image: np.ndarray, area: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return a uint8 image (H, W, 3) with a line around ``area``, bool (H, W), whose pixels stay as they are.

    Examples
    --------
    >>> outline(np.zeros((1, 3, 3), np.uint8), np.array([[True, False, False]]), (9, 9, 9))[0, :, 0].tolist()
    [0, 9, 0]
    """
    from scipy import ndimage  # slow to import, and not needed to list images

    width = max(1, round(len(image) / 128))
    return paint(image, ndimage.binary_dilation(area, iterations=width) & ~area, colour, 1.0)


def data_uri(picture: Path | Image.Image, quality: int | None = None) -> str:
    """Return a picture as a ``data:`` URI; InputError if its file is missing or corrupted.

    Parameters
    ----------
    quality : int, optional
        1 to 100 for lossy WebP; lossless if not given.

    Examples
    --------
    >>> data_uri(Image.new("L", (1, 1)))[:23]
    'data:image/webp;base64,'
    """
    image = open_image(picture) if isinstance(picture, Path) else picture
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=quality is None, quality=quality or 60, method=_EFFORT)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()

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
    grey = np.asarray(open_image(image).convert("L"), dtype=np.float64)[..., None].repeat(3, axis=2)
    marked = np.asarray(open_image(truth).convert("L")) > 127
    predicted = np.asarray(open_image(prediction).convert("L")) >= np.rint(threshold * 255)
    for area, colour in (
        (marked & predicted, HIT),
        (~marked & predicted, FALSE_ALARM),
        (marked & ~predicted, MISS),
    ):
        grey[area] = (1 - _OPACITY) * grey[area] + _OPACITY * np.array(colour)
    return Image.fromarray(grey.astype(np.uint8))


def data_uri(picture: Path | Image.Image) -> str:
    """Return a picture as a ``data:`` URI, WebP without loss; InputError if its file is missing or damaged."""
    image = open_image(picture) if isinstance(picture, Path) else picture
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=60)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()

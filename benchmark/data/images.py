"""Read an image or a mask file, whatever its mode, and bring it to the size of a profile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from baselines import InputError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MASK_THRESHOLD = 127
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I")  # 16-bit grey, which Pillow's convert() clips instead of scaling


def open_image(path: Path) -> Image.Image:
    """Open and fully decode an image, upright.

    Raises
    ------
    InputError
        If the file is missing, is no image, or is cut off.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).replace(str(path), "").replace("''", "the file").strip() or type(error).__name__
        raise InputError(f"unreadable image {path}: {reason}") from error


def _narrow(image: Image.Image) -> Image.Image:
    if image.mode in _WIDE_MODES:
        return Image.fromarray((np.asarray(image, dtype=np.int64).clip(0, 65535) // 257).astype(np.uint8))
    return image


def read_image(path: Path, size: int) -> np.ndarray:
    """Return an image as uint8 (size, size, 3), bilinear (Section IV-E); grey images get three equal channels.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    image = _narrow(open_image(path)).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def binary_mask(image: Image.Image) -> Image.Image:
    """Return a mask of 0 and 255: defective where the stored value is above 127."""
    return _narrow(image).convert("L").point(lambda value: 255 * (value > MASK_THRESHOLD))


def read_mask(path: Path, size: int) -> np.ndarray:
    """Return a mask as bool (size, size), nearest neighbour (Section IV-E).

    Raises
    ------
    InputError
        If it cannot be read.
    """
    mask = binary_mask(open_image(path))
    return np.asarray(mask.resize((size, size), Image.Resampling.NEAREST)) > 0

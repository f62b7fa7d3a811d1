"""Read image and mask files of any mode and resize them."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from baselines.errors import InputError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MASK_THRESHOLD = 127
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I")  # 16-bit grey; Pillow's convert() clips instead of scaling
_EXIF_ORIENTATION = 0x0112


def open_image(path: Path) -> Image.Image:
    """Open and decode an image, rotated upright.

    Raises
    ------
    InputError
        If the file is missing, not an image, truncated or too large, or has floating-point pixels.
    """
    try:
        with Image.open(path) as image:
            _check_mode(path, image.mode)
            image.load()
            return ImageOps.exif_transpose(image)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on corrupted files
        raise _unreadable(path, error) from error


def read_header(path: Path) -> tuple[int, int, str]:
    """Return width and height of the upright image, and its mode, without decoding the pixels.

    Raises
    ------
    InputError
        As ``open_image``, if the header shows it.
    """
    try:
        with Image.open(path) as image:
            _check_mode(path, image.mode)
            width, height = image.size
            # Pillow decodes the whole PNG to look for the tag; cameras do not write PNGs.
            sideways = image.format != "PNG" and image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
            return (height, width, image.mode) if sideways else (width, height, image.mode)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _check_mode(path: Path, mode: str) -> None:
    if mode == "F":
        raise InputError(
            f"image {path} has floating-point pixels of unknown range: save it with 8 or 16 bits per channel"
        )


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, Image.DecompressionBombError):
        return InputError(
            f"unreadable image {path}: its header declares more than {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels"
        )
    if path.is_file() and not path.stat().st_size:
        return InputError(f"unreadable image {path}: the file is empty")
    if isinstance(error, UnidentifiedImageError):
        return InputError(f"unreadable image {path}: not an image file, or truncated")
    reason = str(error).replace(str(path), "").replace("''", "the file").strip() or type(error).__name__
    return InputError(f"unreadable image {path}: {' '.join(reason.split())}")


def _narrow(image: Image.Image) -> Image.Image:
    if image.mode in _WIDE_MODES:
        return Image.fromarray((np.asarray(image, dtype=np.int64).clip(0, 65535) // 257).astype(np.uint8))
    return image


def read_image(path: Path, size: int) -> np.ndarray:
    """Return an image as uint8 (size, size, 3), resized bilinearly (Section IV-E); grey becomes three equal channels.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    image = _narrow(open_image(path)).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def grey_mask(image: Image.Image) -> Image.Image:
    """Return a mask as 8-bit grey: the brightest channel of colours; transparent pixels are black.

    Examples
    --------
    >>> grey_mask(Image.new("RGB", (1, 1), (10, 0, 200))).getpixel((0, 0))
    200
    """
    image = _narrow(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    return reduce(ImageChops.lighter, image.convert("RGB").split())


def count_levels(image: Image.Image) -> int:
    """Return the number of distinct grey values of a mask; more than two mean it is not binary.

    Examples
    --------
    >>> count_levels(Image.new("L", (4, 4)))
    1
    """
    return len(np.unique(np.asarray(image if image.mode in _WIDE_MODES else grey_mask(image))))


def binary_mask(image: Image.Image) -> Image.Image:
    """Return a mask of 0 and 255: a pixel is defective if its value, or its brightest channel, is above 127.

    Examples
    --------
    >>> [binary_mask(Image.new("L", (1, 1), value)).getpixel((0, 0)) for value in (127, 128)]
    [0, 255]
    """
    return grey_mask(image).point(lambda value: 255 * (value > MASK_THRESHOLD))


def nonzero_mask(image: Image.Image) -> Image.Image:
    """Return a mask of 0 and 255 from one of class numbers: a pixel is defective if its stored value is not 0.

    Examples
    --------
    >>> [nonzero_mask(Image.new("L", (1, 1), number)).getpixel((0, 0)) for number in (0, 1, 2)]
    [0, 255, 255]
    """
    stored = np.asarray(image)
    marked = stored if stored.ndim == 2 else stored[..., :3].any(axis=2)
    return Image.fromarray(np.where(marked != 0, 255, 0).astype(np.uint8))


def read_mask(path: Path, size: int) -> np.ndarray:
    """Return a mask as bool (size, size), resized by nearest neighbour (Section IV-E).

    Raises
    ------
    InputError
        If it cannot be read.
    """
    mask = binary_mask(open_image(path))
    return np.asarray(mask.resize((size, size), Image.Resampling.NEAREST)) > 0


def check_mask_size(path: Path, mask_path: Path, mask_size: tuple[int, int]) -> tuple[int, int, str]:
    """Return width and height of an upright image, and its mode, after checking that its mask has the same size.

    Parameters
    ----------
    mask_size : tuple of int
        Width and height of the upright mask.

    Raises
    ------
    InputError
        If the two differ, or the image cannot be read.
    """
    width, height, mode = read_header(path)
    if mask_size == (width, height):
        return width, height, mode
    fix = "the mask must have the size of its image"
    if mask_size == (height, width):
        with Image.open(path) as image:
            if image.size == mask_size:
                fix = (
                    "the photo is rotated upright because of its EXIF orientation: rotate its mask too, or remove the "
                    "tag from the photo"
                )
    raise InputError(
        f"mask {mask_path} is {mask_size[0]} x {mask_size[1]} px but its image {path} is {width} x {height}: {fix}"
    )

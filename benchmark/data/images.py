"""Read image and mask files of any mode and resize them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageOps, UnidentifiedImageError

from baselines.errors import InputError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
# Images that are not read, so that they can be named.
OTHER_EXTENSIONS = (
    *(".gif", ".jfif", ".jpe", ".jp2", ".pbm", ".pgm", ".ppm", ".pnm"),
    *(".avif", ".heic", ".heif", ".tga", ".dng", ".raw"),
)
MASK_THRESHOLD = 127
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I")  # 16-bit grey; Pillow's convert() clips instead of scaling
_SIDEWAYS = 5  # EXIF orientations from here on swap width and height
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PNG_MARKERS = (b"eXIf", b"Raw profile type", b"xmp")


@dataclass(frozen=True)
class Header:
    """What is known of an image file without its pixels.

    Attributes
    ----------
    width, height : int
        Of the upright image, in pixels.
    mode : str
        Colour mode of the file.
    orientation : int
        EXIF orientation of the stored pixels, 1 to 8; 1 is upright, from 5 on width and height are swapped.

    Examples
    --------
    >>> Header(40, 30, "RGB", orientation=6).size
    (40, 30)
    """

    width: int
    height: int
    mode: str
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright image."""
        return self.width, self.height


def read_upright(path: Path, pixels: bool = True) -> tuple[Image.Image, Header]:
    """Read an image file; the only function that does.

    Parameters
    ----------
    pixels : bool
        Whether the returned image must be decoded. If not, pixels are decoded only where the header alone does not
        give the upright size.

    Returns
    -------
    image : Image.Image
        The upright image; closed and not decoded if ``pixels`` is false.
    header : Header

    Raises
    ------
    InputError
        If the file is missing, not an image, truncated or too large, or has floating-point pixels.
    """
    try:
        # From an open file, as Pillow maps grey TIFF files given by name with width and height of the upright image.
        with path.open("rb") as file, Image.open(file) as image:
            mode = image.mode
            if mode == "F":
                raise InputError(
                    f"image {path} has floating-point pixels of unknown range: save it with 8 or 16 bits per channel"
                )
            orientation = _orientation(path, image)
            upright: Image.Image = image
            # Whether the size before decoding is upright depends on the format and on Pillow's version.
            if pixels or orientation != 1:
                image.load()
                upright = ImageOps.exif_transpose(image)
            return upright, Header(*upright.size, mode, orientation)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on corrupted files
        raise _unreadable(path, error) from error


def open_image(path: Path) -> Image.Image:
    """Open and decode an image, rotated upright; raises as ``read_upright``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     Image.new("L", (4, 2), 7).save(file.name)
    ...     open_image(Path(file.name)).size
    (4, 2)
    """
    return read_upright(path)[0]


def read_header(path: Path) -> Header:
    """Return size and mode of the upright image, if possible without decoding it; raises as ``read_upright``."""
    return read_upright(path, pixels=False)[1]


def open_mask(path: Path, image_path: Path, photo: Header) -> Image.Image:
    """Open a mask and turn it like its image.

    A mask is turned by its own EXIF orientation. One without, drawn on the stored pixels of a photo that lies sideways,
    is recognised by its size and turned by the orientation of the photo.

    Parameters
    ----------
    path, image_path : Path
        The mask and its image.
    photo : Header
        Of the image.

    Raises
    ------
    InputError
        If the two differ in size, or the mask cannot be read.
    """
    mask, header = read_upright(path)
    turned = turn_like_photo(mask, header, photo)
    if turned is None:
        raise InputError(
            f"mask {path} is {header.width} x {header.height} px but its image {image_path} is "
            f"{photo.width} x {photo.height}: the mask must have the size of its image"
            + ("; an EXIF orientation turns one of them" if (photo.orientation, header.orientation) != (1, 1) else "")
        )
    return turned


def turn_like_photo(mask: Image.Image, header: Header, photo: Header) -> Image.Image | None:
    """Return a mask turned like its photo, as ``open_mask`` says; None if they differ in size."""
    if header.size == photo.size:
        return mask
    if header.orientation == 1 and photo.orientation >= _SIDEWAYS and header.size == photo.size[::-1]:
        return mask.transpose(_TO_UPRIGHT[photo.orientation])
    return None


def is_turn_unknown(mask: Header, photo: Header) -> bool:
    """Return whether a mask may be drawn on the upright photo or on its stored pixels, which have the same size."""
    turned = photo.orientation != 1 and mask.orientation == 1
    return turned and (photo.orientation < _SIDEWAYS or photo.width == photo.height)


def _orientation(path: Path, image: Image.Image) -> int:
    # Pillow decodes a whole PNG to look for a tag that may come after the pixels.
    if image.format == "PNG" and not any(marker in path.read_bytes() for marker in _PNG_MARKERS):
        return 1
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in _TO_UPRIGHT else 1


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


def to_pixels(image: Image.Image, size: int) -> np.ndarray:
    """Return an image as uint8 (size, size, 3), resized bilinearly (Section IV-E); grey becomes three equal channels.

    Examples
    --------
    >>> to_pixels(Image.new("L", (4, 2), 7), 8).shape
    (8, 8, 3)
    """
    return np.asarray(to_rgb(image).resize((size, size), Image.Resampling.BILINEAR))


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode as 8-bit RGB.

    Examples
    --------
    >>> to_rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
    (255, 255, 255)
    """
    return _narrow(image).convert("RGB")


def to_mask(binary: Image.Image, size: int) -> np.ndarray:
    """Return a mask of 0 and 255 as bool (size, size), resized by nearest neighbour (Section IV-E).

    Examples
    --------
    >>> bool(to_mask(Image.new("L", (4, 2), 255), 8).all())
    True
    """
    return np.asarray(binary.resize((size, size), Image.Resampling.NEAREST)) > 0


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

    Opacity is not a class number: fully opaque background stays 0.

    Examples
    --------
    >>> [nonzero_mask(Image.new("L", (1, 1), number)).getpixel((0, 0)) for number in (0, 1, 2)]
    [0, 255, 255]
    """
    stored = np.atleast_3d(np.asarray(image))
    marked = stored[..., [band != "A" for band in image.getbands()]].any(axis=2)
    return Image.fromarray(np.where(marked, 255, 0).astype(np.uint8))


# By what masks hold: grey values, or class numbers.
MASK_READERS: dict[str, Callable[[Image.Image], Image.Image]] = {"grey": binary_mask, "classes": nonzero_mask}


def hidden_marks(image: Image.Image) -> int | None:
    """Return what a mask without a pixel above 127 shows all the same.

    Returns
    -------
    int or None
        The highest stored value, e.g. the number of classes; 0 for black paint on a transparent ground; None if the
        mask is empty.

    Examples
    --------
    >>> hidden_marks(Image.new("L", (1, 1), 3)), hidden_marks(Image.new("L", (1, 1), 0))
    (3, None)
    """
    bands = image.getbands()
    stored = np.atleast_3d(np.asarray(image))
    opaque = stored[..., bands.index("A")] > MASK_THRESHOLD if "A" in bands else np.ones(stored.shape[:2], dtype=bool)
    highest = int(stored[..., [band != "A" for band in bands]][opaque].max(initial=0))
    return highest or (0 if opaque.any() and not opaque.all() else None)

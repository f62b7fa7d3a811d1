"""Contact sheets: a data set at a glance, with its normal images and each defect type under its mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from baselines.errors import InputError
from benchmark.atomic import replace_file
from reports.pages import write_page
from reports.pictures import data_uri, outline, paint

PICTURE_SUFFIXES = (".jpg", ".png", ".webp")
# Magenta: occurs in no product.
_MASK = (255, 0, 220)
_QUALITY = 85
_MARGIN, _CAPTION = 6, 18


@dataclass(frozen=True)
class Shot:
    """One image, uint8 (size, size, 3), and its mask, bool (size, size), None for a normal image."""

    image: np.ndarray
    mask: np.ndarray | None


@dataclass(frozen=True)
class Label:
    """Some images of one label: its split and name, the number of its images, and those shown."""

    split: str
    name: str
    count: int
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class CategorySheet:
    """One category: its labels, normal ones first."""

    category: str
    labels: tuple[Label, ...]


def write_contact_sheet(sheets: Sequence[CategorySheet], title: str, path: Path) -> Path:
    """Write a page (``.html``) of all shots, or a picture (``.jpg``, ``.png``, ``.webp``) with one of each label.

    Raises
    ------
    InputError
        If the suffix is a different one, or the file cannot be written.
    """
    if path.suffix == ".html":
        return write_page(path, "contact_sheet.html", title=title, sheets=sheets, plain=_plain, marked=_marked)
    if path.suffix not in PICTURE_SUFFIXES:
        raise InputError(f"{path} must end in .html for a page, or {', '.join(PICTURE_SUFFIXES)} for a picture")
    picture = draw_overview(sheets)
    with replace_file(path) as temporary:
        picture.save(temporary, Image.registered_extensions()[path.suffix], quality=_QUALITY)
    return path


def draw_overview(sheets: Sequence[CategorySheet]) -> Image.Image:
    """Draw one row per category: a normal image, then one of each defect type with its mask outlined."""
    font = ImageFont.load_default(12)
    lines = [
        [sheet.labels[0], *(label for label in sheet.labels if label.shots[0].mask is not None)] for sheet in sheets
    ]
    side = sheets[0].labels[0].shots[0].image.shape[0]
    step = side + _MARGIN
    width, height = max(map(len, lines)) * step + _MARGIN, len(lines) * (step + _CAPTION) + _MARGIN
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    for row, (sheet, labels) in enumerate(zip(sheets, lines, strict=True)):
        for column, label in enumerate(labels):
            left, top = _MARGIN + column * step, _MARGIN + row * (step + _CAPTION)
            shot = label.shots[0]
            caption = sheet.category if shot.mask is None else label.name.replace("_", " ")
            pen.text((left, top), _fit(caption, side, lambda text: pen.textlength(text, font=font)), "black", font=font)
            picture.paste(Image.fromarray(outlined(shot)), (left, top + _CAPTION))
    return picture


def outlined(shot: Shot) -> np.ndarray:
    """Return the image, uint8 (size, size, 3), with a line around its defect, which stays visible.

    Examples
    --------
    >>> shot = Shot(np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=bool))
    >>> bool(outlined(shot).any()), bool(outlined(Shot(shot.image, None)).any())
    (True, False)
    """
    return shot.image if shot.mask is None else outline(shot.image, shot.mask, _MASK)


def _fit(caption: str, width: float, length: Callable[[str], float]) -> str:
    """Shorten a caption to the width of its picture."""
    if length(caption) <= width:
        return caption
    while caption and length(caption + "…") > width:
        caption = caption[:-1]
    return caption + "…"


def _plain(shot: Shot) -> str:
    return data_uri(Image.fromarray(shot.image), _QUALITY)


def _marked(shot: Shot) -> str:
    if shot.mask is None:
        return _plain(shot)
    return data_uri(Image.fromarray(paint(outlined(shot), shot.mask, _MASK, 0.35)), _QUALITY)

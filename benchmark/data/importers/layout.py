"""Shared by all importers: the images to write, and writing them atomically."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from baselines.errors import InputError
from benchmark.atomic import new_folder
from benchmark.data.choices import HELD_OUT
from benchmark.data.files import visible, walk
from benchmark.data.images import EXTENSIONS, binary_mask, grey_mask, open_mask, read_header
from benchmark.data.manifest import GOOD
from benchmark.data.names import check_path
from benchmark.random_streams import stream


@dataclass(frozen=True)
class Picture:
    """One image to import.

    Attributes
    ----------
    path : Path
        The image as published.
    split : {"train", "test"}
    label : str
        ``good`` or a defect type.
    mask : Path or None
        The mask as published; None for normal images.
    stem : str
        File name without extension; that of ``path`` if empty.
    """

    path: Path
    split: str
    label: str
    mask: Path | None = None
    stem: str = ""

    @property
    def name(self) -> str:
        return f"{self.stem or self.path.stem}{self.path.suffix}"


@dataclass(frozen=True)
class Layout:
    """A published layout.

    Attributes
    ----------
    name : str
        Name on the command line.
    folder : str
        Folder to write below the destination.
    find : callable
        Takes the source and the seed and returns the pictures of each category; the category ``""`` is the folder
        itself. Raises InputError if the source does not have this layout.
    binary : callable
        Converts a published mask to 0 and 255.
    """

    name: str
    folder: str
    find: Callable[[Path, int], Mapping[str, Sequence[Picture]]]
    binary: Callable[[Image.Image], Image.Image] = binary_mask


@dataclass(frozen=True)
class ImportedCategory:
    """Statistics of one imported category.

    Attributes
    ----------
    name : str
    images : dict
        (split, label) to number of images.
    grey_masks : int
        Number of masks with other values than 0 and 255, which were made binary.
    empty_masks : int
        Number of defective images whose mask is empty.
    full_masks : int
        Number of masks that mark more than half of the image.
    """

    name: str
    images: dict[tuple[str, str], int]
    grey_masks: int
    empty_masks: int
    full_masks: int


@dataclass(frozen=True)
class Imported:
    """An imported data set.

    Attributes
    ----------
    folder : Path
        For ``--data-root``.
    categories : tuple of ImportedCategory
    notes : tuple of str
        What was left out, and what looks wrong.
    """

    folder: Path
    categories: tuple[ImportedCategory, ...]
    notes: tuple[str, ...] = ()


def import_layout(layout: Layout, source: Path, destination: Path, seed: int = 0) -> Imported:
    """Write a published data set below the destination in MVTec AD's layout, atomically.

    Images are copied byte for byte; masks are written as PNG files of 0 and 255.

    Parameters
    ----------
    seed : int
        Draws the normal images held out for testing if the source has no split of its own.

    Raises
    ------
    InputError
        If the source does not have this layout, a file cannot be read, or the target exists already.
    """
    check_source(source)
    target = destination / layout.folder
    check_new(target)
    return write_categories(target, layout.find(source, seed), layout.binary)


def check_source(source: Path) -> None:
    """Raise InputError unless the source is a directory without links that lead nowhere."""
    if not source.is_dir():
        raise InputError(f"{source} is not a directory: give the folder that contains the images to import")
    deque(walk(source), maxlen=0)


def check_new(target: Path) -> None:
    """Raise InputError if the target exists."""
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already: name another destination or remove it first")


def write_categories(
    target: Path, found: Mapping[str, Sequence[Picture]], binary: Callable[[Image.Image], Image.Image]
) -> Imported:
    """Write the pictures of each category; the category ``""`` is the target itself.

    Raises
    ------
    InputError
        If a file cannot be read, a mask and its image differ in size, two pictures would get the same name, or the
        target cannot be written.
    """
    for category, pictures in found.items():
        _check_names(category or target.name, pictures)
    with new_folder(target) as folder:
        written = [
            _write_category(folder / category, category or target.name, pictures, binary)
            for category, pictures in found.items()
        ]
    return Imported(target, tuple(written))


def hold_out(normals: Iterable[Path], key: str, seed: int, share: float = HELD_OUT) -> list[Picture]:
    """Return normal images as pictures, a random share of them for testing.

    Parameters
    ----------
    key : str
        Part of the seed: each key draws different images.
    """
    normals = sorted(normals)
    order = np.argsort(stream(key, seed).random(len(normals)), kind="stable")
    held = {normals[i] for i in order[: round(len(normals) * share)]}
    return [Picture(path, "test" if path in held else "train", GOOD) for path in normals]


def image_files(folder: Path) -> list[Path]:
    """Return the visible image files directly in a folder, sorted; none if it is missing."""
    if not folder.is_dir():
        return []
    return [path for path in visible(folder)[1] if path.suffix.lower() in EXTENSIONS]


def find_mask(folder: Path, stem: str, image: Path) -> Path:
    """Return the mask with a stem; InputError if there is none or several."""
    found = [path for path in image_files(folder) if path.stem == stem]
    if len(found) != 1:
        problem = "is missing" if not found else f"exists {len(found)} times; keep one"
        raise InputError(f"the mask {folder / stem}.png (or another image type) of {image} {problem}")
    return found[0]


def _check_names(category: str, pictures: Sequence[Picture]) -> None:
    stems = Counter((picture.split, picture.label, Path(picture.name).stem) for picture in pictures)
    for picture in pictures:
        check_path(picture.path)
        split, label, stem = picture.split, picture.label, Path(picture.name).stem
        if stems[split, label, stem] > 1:
            raise InputError(
                f"category {category}: two images would be named {split}/{label}/{stem}, one of them {picture.path}; "
                "rename one"
            )


def _write_category(
    folder: Path, name: str, pictures: Sequence[Picture], binary: Callable[[Image.Image], Image.Image]
) -> ImportedCategory:
    images: Counter[tuple[str, str]] = Counter()
    grey = empty = full = 0
    for picture in pictures:
        images[picture.split, picture.label] += 1
        target = folder / picture.split / picture.label / picture.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if picture.mask is not None:
            mask_target = folder / "ground_truth" / picture.label / f"{target.stem}_mask.png"
            is_grey, share = _write_mask(picture, mask_target, binary)
            grey, empty, full = grey + is_grey, empty + (share == 0), full + (share > 0.5)
        try:
            shutil.copyfile(picture.path, target)
        except FileNotFoundError as error:
            raise InputError(f"image {picture.path} is missing") from error
    return ImportedCategory(name, dict(images), grey, empty, full)


def _write_mask(picture: Picture, target: Path, binary: Callable[[Image.Image], Image.Image]) -> tuple[bool, float]:
    """Write a binary copy of a mask; return whether the original was not binary, and the share of marked pixels."""
    assert picture.mask is not None
    stored = open_mask(picture.mask, picture.path, read_header(picture.path))
    mask = binary(stored)
    target.parent.mkdir(parents=True, exist_ok=True)
    mask.save(target)
    values = set(np.unique(np.asarray(grey_mask(stored))).tolist())
    return not values <= {0, 255}, mask.histogram()[255] / (mask.width * mask.height)

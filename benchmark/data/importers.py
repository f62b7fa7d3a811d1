"""Bring published data sets into MVTec AD's folder layout."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from baselines import InputError
from benchmark.atomic import new_folder
from benchmark.data.images import binary_mask, open_image
from benchmark.random_streams import stream

MAGNETIC_TILE_TEST_SHARE = 0.2


@dataclass(frozen=True)
class ImportSummary:
    """What an importer wrote.

    Attributes
    ----------
    folder : Path
        The category's folder.
    images : dict
        (split, label) to number of images.
    grey_masks : int
        Masks that held other values than 0 and 255 and were made binary.
    empty_masks : int
        Defective images in whose mask nothing is marked.
    """

    folder: Path
    images: dict[tuple[str, str], int]
    grey_masks: int
    empty_masks: int


def import_magnetic_tile(source: Path, destination: Path, seed: int = 0) -> ImportSummary:
    """Write the magnetic-tile defect images (Huang et al.) as ``destination/magnetic_tile`` in MVTec AD's layout.

    The published folders are ``MT_<Kind>/Imgs/NAME.jpg`` with the mask ``NAME.png`` beside it. Images are
    copied byte for byte; masks are written as 0 and 255 (above 127 is defect). The data set has no split:
    every defective image goes to ``test``, and of the normal ones (``MT_Free``) a fifth, drawn by ``seed``.

    Raises
    ------
    InputError
        If the source is not in that layout, a file cannot be read, or the destination exists already.
    """
    folders = {
        path.name.removeprefix("MT_").lower(): path / "Imgs"
        for path in sorted(source.glob("MT_*"))
        if (path / "Imgs").is_dir()
    }
    if "free" not in folders or len(folders) < 2:
        raise InputError(f"{source} is not the magnetic-tile layout: expected MT_Free/Imgs, MT_Blowhole/Imgs, ...")
    target = destination / "magnetic_tile"
    if target.exists():
        raise InputError(f"{target} exists already: name another destination or remove it first")

    normals = sorted(folders.pop("free").glob("*.jpg"))
    order = np.argsort(stream("magnetic-tile", seed).random(len(normals)), kind="stable")
    held_out = {normals[i] for i in order[: round(len(normals) * MAGNETIC_TILE_TEST_SHARE)]}
    images: dict[tuple[str, str], int] = {}
    grey = empty = 0
    with new_folder(target) as folder:
        for path in normals:
            _copy(path, folder, "test" if path in held_out else "train", "good", images)
        for kind, source_folder in folders.items():
            masks = folder / "ground_truth" / kind
            masks.mkdir(parents=True)
            for path in sorted(source_folder.glob("*.jpg")):
                _copy(path, folder, "test", kind, images)
                is_grey, is_empty = _write_mask(path.with_suffix(".png"), masks / f"{path.stem}_mask.png")
                grey, empty = grey + is_grey, empty + is_empty
    return ImportSummary(target, images, grey, empty)


IMPORTERS: dict[str, Callable[[Path, Path, int], ImportSummary]] = {"magnetic-tile": import_magnetic_tile}


def _copy(path: Path, folder: Path, split: str, label: str, images: dict[tuple[str, str], int]) -> None:
    target = folder / split / label
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target / path.name)
    images[split, label] = images.get((split, label), 0) + 1


def _write_mask(source: Path, target: Path) -> tuple[bool, bool]:
    """Write a binary copy of a mask; return whether it was not binary, and whether it is empty."""
    stored = open_image(source).convert("L")
    values = np.unique(np.asarray(stored))
    mask: Image.Image = binary_mask(stored)
    mask.save(target)
    return not set(values.tolist()) <= {0, 255}, mask.getextrema() == (0, 0)

"""Decoded images, once per (category content, size): uint8 arrays on disk, shared read-only by all runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from baselines import InputError
from benchmark.atomic import new_folder, remove_stale_files
from benchmark.data.cache_folder import (
    ABOUT_FILE,
    ARRAYS,
    IMAGES_FILE,
    MASKS_FILE,
    cache_folder,
    make_room,
    mark_used,
    show_size,
)
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import CategoryManifest

_ATTEMPTS = 3
_BYTES_PER_PIXEL = 4  # three of the image, one of the mask


@dataclass(frozen=True)
class CategoryArrays:
    """Every image of a category at one size, in the order of its manifest.

    Attributes
    ----------
    manifest : CategoryManifest
    images : np.ndarray, uint8, shape (N, size, size, 3)
        RGB, memory-mapped and read-only.
    masks : np.ndarray, bool, shape (N, size, size)
        True on defects, memory-mapped and read-only.
    """

    manifest: CategoryManifest
    images: np.ndarray
    masks: np.ndarray

    @property
    def size(self) -> int:
        return self.images.shape[1]

    @cached_property
    def vanished(self) -> frozenset[str]:
        """Names of the annotated defective images whose mask has no pixel left at this size."""
        filled = np.asarray(self.masks.any(axis=(1, 2)))
        return frozenset(
            record.name
            for record, any_pixel in zip(self.manifest.records, filled, strict=True)
            if record.defective and not record.unannotated and not any_pixel
        )


def load_arrays(
    dataset: DataSet, category: str, size: int, cache: Path | None, on_image: Callable[[int, int], None] | None = None
) -> CategoryArrays:
    """Return a category's arrays, decoding them first if no earlier run did.

    They are mapped, not read: what is used of them is what takes memory. Two processes that decode at once both
    finish; the first to do so is kept. An entry that another command removes in between is made again.

    Parameters
    ----------
    cache : Path or None
        As ``cache_folder`` takes it.
    on_image : callable, optional
        Called with (images done, images in all) while decoding.

    Raises
    ------
    InputError
        If the category cannot be used, an image cannot be read, or the cache cannot be written.
    """
    manifest = dataset.manifest(category)
    folder = _folder(manifest, size, cache)
    for _ in range(_ATTEMPTS):
        if not folder.is_dir():
            _decode(dataset, manifest, size, folder, on_image)
        mark_used(folder)
        try:
            return _open(manifest, size, folder)
        except (OSError, ValueError) as error:
            if folder.is_dir():
                raise InputError(
                    f"cached images in {folder} are damaged ({error}); delete that folder and run again"
                ) from error
    raise InputError(f"cached images in {folder} vanish as soon as they are made: give each command its own --cache")


def keep_below(dataset: DataSet, categories: Iterable[str], size: int, cache: Path | None, limit: int) -> str | None:
    """Remove what was used longest ago until, with the categories to come, the cache is below a limit.

    What these categories need is never removed, even where it alone is above the limit.

    Parameters
    ----------
    limit : int
        Bytes.

    Returns
    -------
    str or None
        What was done, or could not be, as a line for people; None if nothing had to be.
    """
    manifests = [dataset.manifest(category) for category in categories]
    folders = {_folder(manifest, size, cache): len(manifest.records) for manifest in manifests}
    needed = sum(count * size * size * _BYTES_PER_PIXEL for folder, count in folders.items() if not folder.is_dir())
    removed, total = make_room(cache, limit, needed, folders)
    said = []
    if removed:
        said.append(f"{show_size(sum(entry.size for entry in removed))} of earlier images removed")
    if total > limit:
        said.append(f"{show_size(total)} will be there, above --cache-limit {show_size(limit)}")
    return f"cache {cache_folder(cache)}: {', '.join(said)}" if said else None


def _folder(manifest: CategoryManifest, size: int, cache: Path | None) -> Path:
    return cache_folder(cache) / ARRAYS / f"{manifest.digest[:24]}-{size}"


def _open(manifest: CategoryManifest, size: int, folder: Path) -> CategoryArrays:
    images = np.load(folder / IMAGES_FILE, mmap_mode="r")
    masks = np.load(folder / MASKS_FILE, mmap_mode="r")
    shape = (len(manifest.records), size, size)
    if (images.shape, masks.shape) != ((*shape, 3), shape):
        raise ValueError(f"{images.shape} and {masks.shape} are not the shapes of {len(manifest.records)} images")
    return CategoryArrays(manifest, images, masks)


def _decode(
    dataset: DataSet,
    manifest: CategoryManifest,
    size: int,
    folder: Path,
    on_image: Callable[[int, int], None] | None,
) -> None:
    count = len(manifest.records)
    about = {"dataset": dataset.name, "category": manifest.category, "size": size, "images": count}
    remove_stale_files(folder.parent)
    with new_folder(folder) as temporary:
        (temporary / ABOUT_FILE).write_text(json.dumps(about), encoding="utf-8")
        images = _new_array(temporary / IMAGES_FILE, np.uint8, (count, size, size, 3))
        masks = _new_array(temporary / MASKS_FILE, np.bool_, (count, size, size))
        for index, record in enumerate(manifest.records):
            images[index], masks[index] = dataset.read(manifest.category, record, size)
            if on_image:
                on_image(index + 1, count)
        images.flush()
        masks.flush()


def _new_array(path: Path, kind: type, shape: tuple[int, ...]) -> np.memmap:
    array = np.lib.format.open_memmap(path, "w+", kind, shape)
    if hasattr(os, "posix_fallocate"):  # on a full disk an error here, and not a signal when the pixels are written
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array

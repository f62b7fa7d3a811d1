"""Decoded images, once per (category content, size): uint8 arrays on disk, shared read-only by all runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from baselines import InputError
from benchmark.atomic import new_folder, remove_left_overs
from benchmark.data.cache_folder import cache_folder
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import CategoryManifest


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

    Two processes that decode at once both finish; the first to do so is kept.

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
    folder = cache_folder(cache) / "arrays" / f"{manifest.digest[:24]}-{size}"
    if not folder.is_dir():
        _decode(dataset, manifest, size, folder, on_image)
    try:
        images = np.load(folder / "images.npy", mmap_mode="r")
        masks = np.load(folder / "masks.npy", mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InputError(
            f"cached images in {folder} are damaged ({error}); delete that folder and run again"
        ) from error
    return CategoryArrays(manifest, images, masks)


def _decode(
    dataset: DataSet,
    manifest: CategoryManifest,
    size: int,
    folder: Path,
    on_image: Callable[[int, int], None] | None,
) -> None:
    count = len(manifest.records)
    remove_left_overs(folder.parent)
    with new_folder(folder) as temporary:
        images = np.lib.format.open_memmap(temporary / "images.npy", "w+", np.uint8, (count, size, size, 3))
        masks = np.lib.format.open_memmap(temporary / "masks.npy", "w+", np.bool_, (count, size, size))
        for index, record in enumerate(manifest.records):
            images[index], masks[index] = dataset.read(manifest.category, record, size)
            if on_image:
                on_image(index + 1, count)
        images.flush()
        masks.flush()

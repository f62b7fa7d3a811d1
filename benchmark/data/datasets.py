"""The data sets, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from baselines.errors import InputError, unknown_name
from benchmark.data import synthetic
from benchmark.data.choices import DATASETS, MASKS_HOLD
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import GOOD, CategoryManifest, ImageRecord
from benchmark.data.mvtec import NAME as MVTEC_AD
from benchmark.data.mvtec import PublishedMvtecAD


class ImageList(Protocol):
    """What a data set contains by name, which is all that draws and counts of runs need."""

    name: str

    def categories(self) -> tuple[str, ...]:
        """Return the categories' names."""

    def manifest(self, category: str) -> CategoryManifest:
        """Return the images of a category; InputError if it is unknown or cannot be used."""


class DataSet(ImageList, Protocol):
    """A source of images: the embedded generator or a folder on disk."""

    def read(self, category: str, record: ImageRecord, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return an image, uint8 (size, size, 3), and its mask, bool (size, size)."""


class SyntheticDataSet:
    """The embedded synthetic data set, rendered at any size.

    Parameters
    ----------
    name : str
        One of ``synthetic.EDITIONS``.

    Examples
    --------
    >>> SyntheticDataSet().manifest("carpet").defect_types
    ['color', 'cut', 'hole', 'metal_contamination', 'thread']
    """

    def __init__(self, name: str = "synthetic") -> None:
        self.name = name
        # Rendered images have no file digests, so the version must differ between editions.
        edition = name.removeprefix(synthetic.EDITIONS[0])
        self._version = f"{synthetic.VERSION}{edition}"

    def categories(self) -> tuple[str, ...]:
        return synthetic.category_names()

    def manifest(self, category: str) -> CategoryManifest:
        if category not in self.categories():
            raise unknown_name("category", category, self.categories())
        records, mode = [], synthetic.category_mode(category)
        for (split, label), count in synthetic.counts(category).items():
            for index in range(count):
                mask = "" if label == GOOD else f"ground_truth/{label}/{index:03d}_mask.png"
                defect_pixels = 0 if label == GOOD else -1
                name = f"{split}/{label}/{index:03d}.png"
                records.append(ImageRecord(split, label, name, mask, mode=mode, defect_pixels=defect_pixels))
        return CategoryManifest(self.name, category, self._version, tuple(records))

    def read(self, category: str, record: ImageRecord, size: int) -> tuple[np.ndarray, np.ndarray]:
        index = int(Path(record.name).stem)
        return synthetic.render(category, record.split, record.label, index, size, self.name)


def open_dataset(
    name: str,
    root: Path | None = None,
    cache: ImageCache | None = None,
    masks_hold: str | None = None,
    strict: bool = False,
) -> DataSet:
    """Open a data set.

    Parameters
    ----------
    name : {"synthetic", "synthetic-validation", "mvtec-ad", "folder"}
    root : Path or None
        Folder of the images; None for the synthetic data sets.
    cache : ImageCache, optional
        For the manifests of folders; the user's own by default.
    masks_hold, strict
        Of ``FolderDataSet``; None for its default.

    Raises
    ------
    InputError
        If the name or the reading of masks is unknown, or the root is missing, superfluous or unusable.

    Examples
    --------
    >>> len(open_dataset("synthetic").categories())
    15
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    if name in synthetic.EDITIONS:
        if root is not None:
            raise InputError("the synthetic data set has no root: use --dataset folder with --data-root")
        if masks_hold is not None:
            raise InputError("--masks-hold says how mask files are read, and the synthetic data set has none")
        return SyntheticDataSet(name)
    if root is None:
        raise InputError(f"--dataset {name} needs --data-root DIR, the folder that contains the categories")
    if masks_hold is not None and masks_hold not in MASKS_HOLD:
        raise unknown_name("value of --masks-hold", masks_hold, MASKS_HOLD)
    return FolderDataSet(root, cache, MVTEC_AD if name == MVTEC_AD else None, masks_hold or MASKS_HOLD[0], strict)


def open_list(
    name: str,
    root: Path | None = None,
    cache: ImageCache | None = None,
    masks_hold: str | None = None,
    strict: bool = False,
) -> ImageList:
    """Open a data set whose images need not be here: MVTec AD without a root is the published list of its images.

    Raises
    ------
    InputError
        As ``open_dataset``.

    Examples
    --------
    >>> len(open_list("mvtec-ad").manifest("toothbrush").records)
    102
    """
    if name == MVTEC_AD and root is None:
        return PublishedMvtecAD()
    return open_dataset(name, root, cache, masks_hold, strict)

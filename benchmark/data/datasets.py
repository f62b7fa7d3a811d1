"""The data sets, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from baselines.errors import InputError, unknown_name
from benchmark.data import synthetic
from benchmark.data.choices import DATASETS
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


def open_dataset(name: str, root: Path | None = None, cache: ImageCache | None = None) -> DataSet:
    """Open a data set.

    Parameters
    ----------
    name : {"synthetic", "synthetic-validation", "mvtec-ad", "folder"}
    root : Path or None
        Folder of the images; None for the synthetic data sets.
    cache : ImageCache, optional
        For the manifests of folders; the user's own by default.

    Raises
    ------
    InputError
        If the name is unknown, or the root is missing, superfluous or unusable.

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
        return SyntheticDataSet(name)
    if root is None:
        raise InputError(f"--dataset {name} needs --data-root DIR, the folder that contains the categories")
    return FolderDataSet(root, cache, name=MVTEC_AD if name == MVTEC_AD else None)


def open_list(name: str, root: Path | None = None, cache: ImageCache | None = None) -> ImageList:
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
    return open_dataset(name, root, cache)

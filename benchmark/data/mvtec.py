"""MVTec AD as published: the list of its images, known without the files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib import resources
from pathlib import Path

from baselines.errors import unknown_name
from benchmark.data.manifest import GOOD, CategoryManifest, ImageRecord

NAME = "mvtec-ad"
# Columns missing from the committed list, which was written without the files.
UNKNOWN = {
    "mask_levels": "not known without the files",
    "sha256": "not known without the files; `data verify --checksums FILE` writes those of a copy",
    "mask_sha256": "as sha256",
    "defect_pixels": "not known without the files, therefore -1; the draws assume that no mask is empty",
}
_MISSING_COLUMNS = ("mask_levels", "sha256", "mask_sha256")


class PublishedMvtecAD:
    """The images of MVTec AD according to ``counts.csv``: names, sizes and modes, without pixels.

    Examples
    --------
    >>> PublishedMvtecAD().manifest("toothbrush").records[0].name
    'train/good/000.png'
    """

    name = NAME
    unknown = UNKNOWN
    columns = tuple(item.name for item in fields(ImageRecord) if item.name not in _MISSING_COLUMNS)

    def categories(self) -> tuple[str, ...]:
        """Return the categories, sorted by name."""
        return tuple(sorted({row["category"] for row in published_counts()}))

    def manifest(self, category: str) -> CategoryManifest:
        """Return the images of a category in the order of ``FolderDataSet``.

        Raises
        ------
        InputError
            If the category is unknown.
        """
        if category not in self.categories():
            raise unknown_name("category", category, self.categories())
        rows = [row for row in published_counts() if row["category"] == category]
        rows.sort(key=lambda row: (row["split"] != "train", row["label"] != GOOD, row["label"]))
        return CategoryManifest(NAME, category, "", tuple(record for row in rows for record in _records(row)))


def manifest_folder() -> Path:
    """Return the folder of the committed list of images.

    Examples
    --------
    >>> manifest_folder().name
    'mvtec_ad'
    """
    return Path(str(resources.files("data_manifests"))) / "mvtec_ad"


@cache
def published_counts() -> tuple[dict[str, str], ...]:
    """Return the rows of ``counts.csv``: how many images of each category, split and label, their size and mode.

    Examples
    --------
    >>> published_counts()[0]["images"]
    '280'
    """
    with (manifest_folder() / "counts.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _records(row: dict[str, str]) -> Iterator[ImageRecord]:
    split, label, side = row["split"], row["label"], int(row["side_px"])
    good = label == GOOD
    for index in range(int(row["images"])):
        yield ImageRecord(
            split,
            label,
            f"{split}/{label}/{index:03d}.png",
            "" if good else f"ground_truth/{label}/{index:03d}_mask.png",
            width=side,
            height=side,
            mode=row["mode"],
            defect_pixels=0 if good else -1,
        )

"""MVTec AD as it is published: which images there must be, known without having them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path

from baselines.errors import unknown_name
from benchmark.data.download import Expected
from benchmark.data.manifest import GOOD, CategoryManifest, ImageRecord

NAME = "mvtec-ad"
# Nobody counted what only the files tell, so these are no columns of the committed list.
UNKNOWN = {
    "mask_levels": "not known without the files",
    "sha256": "not known without the files; `data verify --checksums FILE` records those of a copy",
    "mask_sha256": "likewise",
    "defect_pixels": "not known without the files: -1; the draws take for granted that every mask marks something",
}
_LEFT_OUT = ("mask_levels", "sha256", "mask_sha256")


class PublishedMvtecAD:
    """What MVTec AD holds, from ``counts.csv``: names, sizes and modes, without pixels."""

    name = NAME
    unknown = UNKNOWN
    columns = tuple(item.name for item in fields(ImageRecord) if item.name not in _LEFT_OUT)

    def categories(self) -> tuple[str, ...]:
        """Return the categories, sorted by name as those of a folder are."""
        return tuple(sorted({row["category"] for row in _counts()}))

    def manifest(self, category: str) -> CategoryManifest:
        """Return the images of a category in the order in which a folder of them is read.

        Raises
        ------
        InputError
            If the category is unknown.
        """
        if category not in self.categories():
            raise unknown_name("category", category, self.categories())
        rows = [row for row in _counts() if row["category"] == category]
        rows.sort(key=lambda row: (row["split"] != "train", row["label"] != GOOD, row["label"]))
        return CategoryManifest(NAME, category, "", tuple(record for row in rows for record in _records(row)))


def manifest_folder() -> Path:
    """Return the folder that holds the committed list of images."""
    return Path(str(resources.files("data_manifests"))) / "mvtec_ad"


@cache
def _counts() -> tuple[dict[str, str], ...]:
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


@dataclass(frozen=True)
class Archive:
    """The archive in which MVTec AD is published, as ``archive.json`` describes it.

    Attributes
    ----------
    file : str
        Its name.
    title, page : str
        What it is, and where a person gets it.
    licence : str
        Name and address of the licence, and what it asks for, in a line.
    links : tuple of str
        Where it has been; each may be dead.
    expected : Expected
        Size and SHA-256 as others report them; the publisher states none that is known here.
    """

    file: str
    title: str
    page: str
    licence: str
    links: tuple[str, ...]
    expected: Expected

    @property
    def by_hand(self) -> str:
        """What a person can do where no link gives it."""
        return f"get {self.file} by hand from {self.page} and give it with --archive FILE"


def published_archive() -> Archive:
    """Return what is known of the archive."""
    known = json.loads((manifest_folder() / "archive.json").read_text(encoding="utf-8"))
    licence, reported = known["licence"], known["reported"]
    return Archive(
        known["file"],
        known["title"],
        known["page"],
        f"{licence['name']} ({licence['url']}): {licence['says']}",
        tuple(link["url"] for link in known["links"]),
        Expected(reported["sha256"], reported["size"], "others report (the publisher states none that is known here)"),
    )

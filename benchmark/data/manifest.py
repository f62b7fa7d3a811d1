"""What a data set contains, as data: one row per image, a digest per category, and the K-shot draws.

``data_manifests/README.md`` describes the files this module writes and reads.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from baselines import InputError
from benchmark.data.images import MASK_THRESHOLD

FORMAT = 1
GOOD = "good"


@dataclass(frozen=True)
class ImageRecord:
    """One image of a category.

    Attributes
    ----------
    split : {"train", "test"}
    label : str
        ``good`` or a defect type.
    name : str
        Path below the category's folder, with forward slashes, e.g. ``test/crack/000.png``.
    mask : str
        Likewise for the mask, e.g. ``ground_truth/crack/000_mask.png``; empty for normal images.
    width, height : int
        Stored size in pixels; 0 if the image is rendered at any size.
    mode : str
        Colour mode as stored, e.g. ``L`` or ``RGB``.
    defect_pixels : int
        Mask pixels above 127; -1 if unknown because the image is rendered.
    mask_levels : int
        Distinct grey values in the mask; more than two means it is not strictly binary.
    sha256, mask_sha256 : str
        Digests of the two files' bytes; empty where there is no file.
    """

    split: str
    label: str
    name: str
    mask: str = ""
    width: int = 0
    height: int = 0
    mode: str = "RGB"
    defect_pixels: int = -1
    mask_levels: int = 0
    sha256: str = ""
    mask_sha256: str = ""

    @property
    def defective(self) -> bool:
        return self.label != GOOD

    @property
    def unannotated(self) -> bool:
        """Whether this is a defective image in whose mask no pixel is marked."""
        return self.defective and self.defect_pixels == 0


@dataclass(frozen=True)
class CategoryManifest:
    """The images of one category in a fixed order: train/good, test/good, then each defect type.

    Attributes
    ----------
    dataset : str
        Name of the data set; shown, but no part of the digest.
    category : str
    version : str
        Version of the generator for rendered images, empty for files.
    records : tuple of ImageRecord
    """

    dataset: str
    category: str
    version: str
    records: tuple[ImageRecord, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that can change a result; neither paths nor modification times do."""
        content = [self.category, self.version, [asdict(record) for record in self.records]]
        return digest_of(content)

    @cached_property
    def by_name(self) -> dict[str, int]:
        """Position of each image by name."""
        return {record.name: index for index, record in enumerate(self.records)}

    def indices(self, split: str, label: str | None = None) -> list[int]:
        """Return the positions of a split's images, of one label if given."""
        return [
            index
            for index, record in enumerate(self.records)
            if record.split == split and label in (None, record.label)
        ]

    @property
    def defect_types(self) -> list[str]:
        """Defect types in the order of the records."""
        return list(dict.fromkeys(record.label for record in self.records if record.defective))


def notes(manifest: CategoryManifest) -> list[str]:
    """Return what a person should know of a category's images before trusting a number, a sentence each."""
    said = []
    records = manifest.records
    sizes = Counter((record.width, record.height) for record in records if record.width)
    if len(sizes) > 1:
        (width, height), most = sizes.most_common(1)[0]
        odd = f"{len(records) - most} of {len(records)} images are not {width} x {height} px like the others"
        if most < len(records) / 2:
            widths, heights = zip(*sizes, strict=True)
            odd = f"images are {min(widths)} to {max(widths)} px wide and {min(heights)} to {max(heights)} px high"
        said.append(f"{odd}; all are resized to a square")
    grey = [record for record in records if record.mask_levels > 2]
    if grey:
        said.append(
            f"{len(grey)} masks hold values other than black and white; above {MASK_THRESHOLD} counts as defect"
        )
    empty = [record for record in records if record.unannotated]
    if empty:
        said.append(
            f"{len(empty)} defective images have no mask pixel above {MASK_THRESHOLD} and are left out of training "
            f"and testing: {_listed([record.name for record in empty])}"
        )
    dark = [record.mask for record in empty if record.mask_levels > 1]
    if dark:
        said.append(
            f"{len(dark)} of these masks are not black all over: if they hold class numbers, write defects as 255 "
            f"(data import pairs --masks-hold classes does): {_listed(dark)}"
        )
    if not manifest.indices("test", GOOD):
        said.append("there are no normal test images: nothing can be said of AUC and ACC")
    return said + _repetitions(records)


def _repetitions(records: Sequence[ImageRecord]) -> list[str]:
    """Return what is to be known of images that are there more than once, byte for byte."""
    same: dict[str, list[ImageRecord]] = {}
    for record in records:
        if record.sha256:
            same.setdefault(record.sha256, []).append(record)
    across: list[str] = []
    within: list[str] = []
    contradicting: list[str] = []
    for group in same.values():
        if len(group) > 1:
            named = " = ".join(record.name for record in group)
            (within if len({record.split for record in group}) == 1 else across).append(named)
            if len({record.defective for record in group}) > 1:
                contradicting.append(named)
    said = []
    if across:
        said.append(f"{len(across)} images are in train and in test, so that scores flatter: {_listed(across)}")
    if within:
        said.append(
            f"{len(within)} images are there more than once; a draw may train on one of two that are the same and "
            f"test on the other: {_listed(within)}"
        )
    if contradicting:
        said.append(f"{len(contradicting)} images are said to be normal and defective: {_listed(contradicting)}")
    return said


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def digest_of(content: Any) -> str:
    """Return the SHA-256 of a JSON-able value, independent of key order and spacing."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_rows(path: Path, rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write a CSV file with a header and Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_images(path: Path, manifests: Iterable[CategoryManifest], columns: Sequence[str] = ()) -> None:
    """Write ``images.csv``: every record of every category; of each what ``columns`` names, everything if empty."""
    columns = ["category", *(columns or [item.name for item in fields(ImageRecord)])]
    rows = ({"category": manifest.category, **asdict(record)} for manifest in manifests for record in manifest.records)
    write_rows(path, ({column: row[column] for column in columns} for row in rows), columns)


def read_images(path: Path, dataset: str, version: str) -> list[CategoryManifest]:
    """Read what ``write_images`` wrote.

    Raises
    ------
    InputError
        If the file cannot be read or has other columns.
    """
    numbers = {item.name for item in fields(ImageRecord) if item.type == "int"}
    grouped: dict[str, list[ImageRecord]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                category = row.pop("category")
                values = {key: int(value) if key in numbers else value for key, value in row.items()}
                grouped.setdefault(category, []).append(ImageRecord(**values))  # type: ignore[arg-type]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"manifest {path} cannot be used: {error}") from error
    return [CategoryManifest(dataset, name, version, tuple(records)) for name, records in grouped.items()]

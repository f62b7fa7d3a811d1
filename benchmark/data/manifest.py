"""Manifests: the images of a data set, one record each, with a digest per category.

``data_manifests/README.md`` describes the files.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from baselines.errors import InputError
from benchmark.formulas import quote_formula, unquote_formula

FORMAT = 1
GOOD = "good"
# Version of files whose masks are read as class numbers, so that results of the two readings are never mixed.
MASKS_HOLD_CLASSES = "masks hold classes"


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
        Path of the mask, e.g. ``ground_truth/crack/000_mask.png``; empty for normal images.
    width, height : int
        Size in pixels; 0 for rendered images, which have any size.
    mode : str
        Colour mode of the file, e.g. ``L`` or ``RGB``.
    defect_pixels : int
        Number of mask pixels above 127; -1 if unknown, as for rendered images.
    mask_levels : int
        Number of distinct grey values in the mask; more than two mean it is not binary.
    sha256, mask_sha256 : str
        Digests of the two files; empty if the file does not exist.

    Examples
    --------
    >>> ImageRecord("test", "crack", "test/crack/000.png", "masks/000.png", defect_pixels=0).unannotated
    True
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
        """Whether the image is defective but no pixel of its mask is marked."""
        return self.defective and self.defect_pixels == 0


class Oddity(StrEnum):
    """What is odd about a file; ``notes`` has the words for readers.

    Examples
    --------
    >>> Oddity("mask without image") is Oddity.LONE_MASK
    True
    """

    FILE_TYPE = "file type"
    SUBFOLDER = "subfolder"
    PLACE = "place"
    TRAIN_DEFECT = "defect in train"
    LONE_MASK = "mask without image"
    MARKED_NORMAL = "marked normal"
    CLASS_NUMBERS = "class numbers"
    BLACK_PAINT = "black paint"
    UNTURNED_MASK = "unturned mask"


@dataclass(frozen=True)
class Finding:
    """A file of a category that is left out, or looks wrong.

    Attributes
    ----------
    oddity : Oddity
    file : str
        Path below the category's folder.
    detail : str
        For class numbers the highest one.

    Examples
    --------
    >>> Finding(Oddity.LONE_MASK, "ground_truth/hole/007_mask.png").oddity.value
    'mask without image'
    """

    oddity: Oddity
    file: str
    detail: str = ""


@dataclass(frozen=True)
class CategoryManifest:
    """The images of one category in a fixed order: train/good, test/good, then each defect type.

    Attributes
    ----------
    dataset : str
        Name of the data set; not part of the digest.
    category : str
    version : str
        Version of the generator for rendered images. For files empty, or ``MASKS_HOLD_CLASSES``.
    records : tuple of ImageRecord
    findings : tuple of Finding
        Files that are left out, and masks that look wrong; not part of the digest, as they change no result.

    Examples
    --------
    >>> normal = ImageRecord("train", GOOD, "train/good/0.png", "")
    >>> defective = ImageRecord("test", "hole", "test/hole/0.png", "ground_truth/hole/0_mask.png")
    >>> manifest = CategoryManifest("folder", "tile", "", (normal, defective))
    >>> manifest.defect_types, manifest.indices("test")
    (['hole'], [1])
    """

    dataset: str
    category: str
    version: str
    records: tuple[ImageRecord, ...]
    findings: tuple[Finding, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that can change a result: not paths above the category, nor modification times."""
        content = [self.category, self.version, [asdict(record) for record in self.records]]
        return digest_of(content)

    @cached_property
    def by_name(self) -> dict[str, int]:
        """Position of each image by name."""
        return {record.name: index for index, record in enumerate(self.records)}

    def indices(self, split: str, label: str | None = None) -> list[int]:
        """Return the positions of the images of a split, and of a label if given."""
        return [
            index
            for index, record in enumerate(self.records)
            if record.split == split and label in (None, record.label)
        ]

    @property
    def defect_types(self) -> list[str]:
        """Defect types in the order of the records."""
        return list(dict.fromkeys(record.label for record in self.records if record.defective))


def digest_of(content: object) -> str:
    """Return the SHA-256 of a JSON-able value, independent of key order.

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "empty").write_bytes(b"")
    ...     sha256_of(Path(folder) / "empty")[:8]
    'e3b0c442'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_rows(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Write a CSV file with a header and Unix line endings; text that looks like a formula is quoted.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_rows(Path(folder) / "a.csv", [{"name": "tile", "images": 3}], columns=("name", "images"))
    ...     (Path(folder) / "a.csv").read_text()
    'name,images\\ntile,3\\n'
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: quote_formula(value) for column, value in row.items()} for row in rows)


def write_images(path: Path, manifests: Iterable[CategoryManifest], columns: Sequence[str] = ()) -> None:
    """Write the records of all categories as ``images.csv``, with the given columns or all.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> manifest = CategoryManifest("folder", "tile", "", (ImageRecord("train", GOOD, "train/good/0.png", ""),))
    >>> with TemporaryDirectory() as folder:
    ...     write_images(Path(folder) / "images.csv", [manifest], columns=("label", "name"))
    ...     (Path(folder) / "images.csv").read_text().splitlines()
    ['category,label,name', 'tile,good,train/good/0.png']
    """
    columns = ["category", *(columns or [item.name for item in fields(ImageRecord)])]
    rows = ({"category": manifest.category, **asdict(record)} for manifest in manifests for record in manifest.records)
    write_rows(path, ({column: row[column] for column in columns} for row in rows), columns)


def read_images(path: Path, dataset: str, version: str) -> list[CategoryManifest]:
    """Read a file written by ``write_images``.

    Raises
    ------
    InputError
        If the file cannot be read or has other columns.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> manifest = CategoryManifest("folder", "tile", "", (ImageRecord("train", GOOD, "train/good/0.png", ""),))
    >>> with TemporaryDirectory() as folder:
    ...     write_images(Path(folder) / "images.csv", [manifest])
    ...     read_images(Path(folder) / "images.csv", "folder", "") == [manifest]
    True
    """
    numbers = {item.name for item in fields(ImageRecord) if item.type == "int"}
    grouped: dict[str, list[ImageRecord]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                category = unquote_formula(row.pop("category"))
                values = {key: int(value) if key in numbers else unquote_formula(value) for key, value in row.items()}
                grouped.setdefault(category, []).append(ImageRecord(**values))  # type: ignore[arg-type]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"manifest {path} is not usable: {error}") from error
    return [CategoryManifest(dataset, name, version, tuple(records)) for name, records in grouped.items()]

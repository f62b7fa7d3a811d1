"""MVTec AD as published: the list of its images, known without the files, and its archive."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

from baselines.errors import unknown_name
from benchmark.atomic import new_folder
from benchmark.data.archives import unpack
from benchmark.data.download import Expected, Received
from benchmark.data.manifest import GOOD, CategoryManifest, ImageRecord
from benchmark.data.progress import show_progress

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
    """Return the folder of the committed list of images."""
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


@dataclass(frozen=True)
class Archive:
    """The archive in which MVTec AD is published, as ``archive.json`` describes it.

    Attributes
    ----------
    file : str
        File name.
    title, page : str
        Description, and the publisher's page.
    licence : str
        Name, address and conditions of the licence in one line.
    links : tuple of str
        Download links; each may be dead.
    expected : Expected
        Size and SHA-256 as reported by third parties; the publisher states none.
    """

    file: str
    title: str
    page: str
    licence: str
    links: tuple[str, ...]
    expected: Expected

    @property
    def by_hand(self) -> str:
        """Instructions for a manual download."""
        return f"download {self.file} by hand from {self.page} and give it with --archive FILE"


def published_archive() -> Archive:
    """Return the description of the archive."""
    known = json.loads((manifest_folder() / "archive.json").read_text(encoding="utf-8"))
    licence, reported = known["licence"], known["reported"]
    return Archive(
        known["file"],
        known["title"],
        known["page"],
        f"{licence['name']} ({licence['url']}): {licence['says']}",
        tuple(link["url"] for link in known["links"]),
        Expected(reported["sha256"], reported["size"], "third parties (the publisher states no checksum)"),
    )


def install_archive(received: Received, expected: Expected, archive: Archive, out: Path) -> None:
    """Unpack the archive atomically into a new folder, with ``received.json`` as a record of its origin.

    Raises
    ------
    InputError
        If it cannot be unpacked; then the folder does not exist.
    """
    with new_folder(out) as folder:
        try:
            with show_progress("unpacking", received.size, "bytes") as advance:
                unpack(received.path, folder, on_bytes=advance)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"the archive is kept in {received.path}") from None
        _move_up(folder)
        record = {
            "archive": archive.file,
            "licence": archive.licence,
            "from": received.link or "a local file",
            "unpacked": datetime.now(UTC).isoformat(timespec="seconds"),
            "size": received.size,
            "sha256": received.sha256,
            "checked_against": expected.source,
            "etag": received.etag,
            "last_modified": received.last_modified,
        }
        (folder / "received.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _move_up(folder: Path) -> None:
    """Move the categories up if the archive has them all in one folder."""
    (inner, *others) = list(folder.iterdir()) or [folder]
    if others or not inner.is_dir() or (inner / "test").is_dir():
        return
    moved = inner.rename(folder / ".inner~")  # a category may have the same name as the folder
    for path in moved.iterdir():
        path.rename(folder / path.name)
    moved.rmdir()

"""The archive in which MVTec AD is published: its description and its installation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmark.atomic import new_folder
from benchmark.data.archives import unpack
from benchmark.data.download import Expected, Received
from benchmark.data.mvtec import manifest_folder
from benchmark.data.progress import show_progress


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
    """Return the description of the archive.

    Examples
    --------
    >>> published_archive().file
    'mvtec_anomaly_detection.tar.xz'
    """
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

"""Compare the files of a data set with a manifest."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed
from PIL import Image

from baselines.errors import InputError
from benchmark.atomic import replace_file
from benchmark.data.images import (
    EXTENSIONS,
    MASK_READERS,
    OTHER_EXTENSIONS,
    Header,
    nonzero_mask,
    read_upright,
    turn_like_photo,
)
from benchmark.data.manifest import MASKS_HOLD_CLASSES, CategoryManifest, ImageRecord, read_images, sha256_of

KINDS = ("missing", "extra", "unreadable", "size", "mode", "mask size", "mask values", "content")
_MAX_THREADS = 8
_IMAGES = (*EXTENSIONS, *OTHER_EXTENSIONS)


@dataclass(frozen=True)
class Problem:
    """A difference between a file and the manifest.

    Attributes
    ----------
    kind : str
        One of ``KINDS``.
    file : str
        Path below the data root; ends in a slash for a folder.
    detail : str
        The difference in words; may be empty.
    """

    kind: str
    file: str
    detail: str = ""


@dataclass(frozen=True)
class CategoryCheck:
    """The differences in one category.

    Attributes
    ----------
    category : str
    images, masks : int
        Numbers of listed files.
    problems : tuple of Problem
        In the order of ``KINDS``, then by file.
    empty_masks : tuple of str
        Masks without a marked pixel that the manifest does not list as empty. They are not problems, but their images
        are used for neither training nor testing.
    checksums : dict
        Path below the data root to SHA-256, for every file read; empty unless asked for.
    """

    category: str
    images: int
    masks: int
    problems: tuple[Problem, ...]
    empty_masks: tuple[str, ...] = ()
    checksums: Mapping[str, str] | None = None


def read_manifest(folder: Path) -> list[CategoryManifest]:
    """Read a folder written by ``data manifest --out``.

    Raises
    ------
    InputError
        If it is not such a folder.
    """
    try:
        described = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        dataset, version = str(described["dataset"]), str(described["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not a manifest ({type(error).__name__}): give a folder written by `data manifest --out`"
        ) from None
    return read_images(folder / "images.csv", dataset, version)


def category_folders(root: Path, categories: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each category, existing or not; the root contains the categories or is one itself.

    Raises
    ------
    InputError
        If the root is not a directory, or is a category that is not listed.
    """
    if not root.is_dir():
        raise InputError(f"data root {root} is not a directory; give the folder that contains the categories")
    if not (root / "test").is_dir():
        return {category: root / category for category in categories}
    name = root.absolute().name
    if name not in categories:
        raise InputError(f"data root {root} is one category, but the list has no category {name}")
    return {name: root}


def unlisted_categories(root: Path, categories: Sequence[str]) -> list[Problem]:
    """Return the folders of categories that are not listed; ``run --all`` would use them."""
    others = (path.name for path in sorted(root.iterdir()) if (path / "test").is_dir() and path.name not in categories)
    return [] if (root / "test").is_dir() else [Problem("extra", f"{name}/", "unlisted category") for name in others]


def verify_category(
    folder: Path,
    manifest: CategoryManifest,
    ignore_size: bool = False,
    recorded: Mapping[str, str] | None = None,
    with_checksums: bool = False,
    on_file: Callable[[int], None] | None = None,
    masks_hold: str | None = None,
) -> CategoryCheck:
    """Decode every listed file of a category and compare it with the manifest.

    Parameters
    ----------
    folder : Path
        The category's folder.
    ignore_size : bool
        Accept images of any size; a mask must still have the size of its image, or that of its stored pixels if the
        image lies sideways.
    recorded : mapping, optional
        Path below the data root to SHA-256, to compare files with.
    with_checksums : bool
        Return the checksums of the files.
    on_file : callable, optional
        Called with the number of files done since the last call.
    masks_hold : {"grey", "classes"}, optional
        How to read masks; by default as for the manifest.
    """
    records = manifest.records
    masks = sum(bool(record.mask) for record in records)
    if not folder.is_dir():
        missing = Problem("missing", f"{manifest.category}/", f"the folder of {len(records)} images and {masks} masks")
        return CategoryCheck(manifest.category, len(records), masks, (missing,))
    binary = MASK_READERS[masks_hold or ("classes" if manifest.version == MASKS_HOLD_CLASSES else "grey")]
    check = _RecordCheck(folder, manifest.category, binary, ignore_size, recorded, with_checksums)
    problems = [Problem("extra", f"{manifest.category}/{name}") for name in _extra(folder, records)]
    checksums: dict[str, str] = {}
    empty: list[str] = []
    # Pillow and hashlib release the GIL, so threads run in parallel.
    threads = Parallel(min(os.cpu_count() or 1, _MAX_THREADS), prefer="threads", return_as="generator")
    for record, found in zip(records, threads(delayed(check)(record) for record in records), strict=True):
        problems += found.problems
        checksums |= found.checksums
        empty += [f"{manifest.category}/{record.mask}"] if found.empty_mask else []
        if on_file:
            on_file(2 if record.mask else 1)
    problems.sort(key=lambda problem: (KINDS.index(problem.kind), problem.file))
    return CategoryCheck(manifest.category, len(records), masks, tuple(problems), tuple(empty), checksums)


def _extra(folder: Path, records: Iterable[ImageRecord]) -> list[str]:
    listed = {name for record in records for name in (record.name, record.mask)}
    found = (path for path in folder.rglob("*") if path.suffix.lower() in _IMAGES and not path.is_dir())
    return sorted({path.relative_to(folder).as_posix() for path in found} - listed)


@dataclass(frozen=True)
class _Findings:
    problems: list[Problem]
    checksums: dict[str, str]
    empty_mask: bool


@dataclass(frozen=True)
class _RecordCheck:
    """Compares the files of one record with it."""

    folder: Path
    category: str
    binary: Callable[[Image.Image], Image.Image]
    ignore_size: bool
    recorded: Mapping[str, str] | None
    with_checksums: bool

    def __call__(self, record: ImageRecord) -> _Findings:
        found = _Findings([], {}, False)
        opened = self._open(record.name, record.sha256, found)
        if opened is not None:
            _, photo = opened
            listed = (record.width, record.height)
            if listed != photo.size and record.width and not self.ignore_size:
                self._add(found, "size", record.name, f"{_size(photo.size)}, not {_size(listed)} px")
            if photo.mode != record.mode:
                self._add(found, "mode", record.name, f"{photo.mode}, not {record.mode}")
        opened_mask = self._open(record.mask, record.mask_sha256, found) if record.mask else None
        if opened_mask is None:
            return found
        mask, header = opened_mask
        if opened is not None and turn_like_photo(mask, header, photo) is None:
            turned = ", turned by its EXIF orientation" if photo.orientation != 1 else ""
            self._add(
                found, "mask size", record.mask, f"{_size(header.size)}, its image {_size(photo.size)} px{turned}"
            )
        # The values of a mask with a listed checksum are known, and the checksum detects changes; class numbers may
        # have any value.
        is_empty = self.binary(mask).getbbox() is None
        values = [value for value, count in enumerate(mask.convert("L").histogram()) if count]
        if not record.mask_sha256 and self.binary is not nonzero_mask and not set(values) <= {0, 255}:
            odd = [value for value in values if value not in (0, 255)]
            hint = "; if these are class numbers, add --masks-hold classes" if is_empty else ""
            self._add(found, "mask values", record.mask, f"{_few(odd)} beside 0 and 255{hint}")
        return _Findings(found.problems, found.checksums, is_empty and not record.unannotated)

    def _open(self, name: str, listed: str, found: _Findings) -> tuple[Image.Image, Header] | None:
        path = self.folder / name
        key = f"{self.category}/{name}"
        if not path.exists():
            self._add(found, "missing", name, f"a link to {os.readlink(path)}" if path.is_symlink() else "")
            return None
        try:
            opened = read_upright(path)
            if self.with_checksums or listed or self.recorded is not None:
                digest = sha256_of(path)
                if self.with_checksums:
                    found.checksums[key] = digest
                self._compare(found, name, digest, listed, "the manifest")
                if self.recorded is not None:
                    self._compare(found, name, digest, self.recorded.get(key, "none"), "the checksum file")
        except (InputError, OSError) as error:
            self._add(found, "unreadable", name, str(error).replace(f"unreadable image {path}: ", ""))
            return None
        return opened

    def _compare(self, found: _Findings, name: str, digest: str, expected: str, where: str) -> None:
        if expected and digest != expected:
            self._add(found, "content", name, f"SHA-256 {digest[:12]}..., {expected[:12]}... in {where}")

    def _add(self, found: _Findings, kind: str, name: str, detail: str = "") -> None:
        found.problems.append(Problem(kind, f"{self.category}/{name}", detail))


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _few(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:5])) + (f" and {len(values) - 5} others" if len(values) > 5 else "")


def read_checksums(path: Path) -> dict[str, str]:
    """Read a checksum file in the format of ``sha256sum``, with paths below the data root.

    Raises
    ------
    InputError
        If it cannot be read or has another format.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"checksums {path} cannot be read: {error}") from None
    found = [re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line) for line in lines]
    if not lines or not all(found):
        raise InputError(f"{path} is not a checksum file: expected lines of SHA-256, two spaces and a path")
    return {match[2]: match[1] for match in found if match}


def write_checksums(path: Path, checksums: Mapping[str, str]) -> None:
    """Write a checksum file for ``read_checksums`` and ``sha256sum --check``.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with replace_file(path) as temporary:
        lines = (f"{digest}  {name}\n" for name, digest in sorted(checksums.items()))
        temporary.write_text("".join(lines), encoding="utf-8")

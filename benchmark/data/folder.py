"""Data sets in MVTec AD's folder layout.

ROOT/[CATEGORY/]train/good/NAME.png
ROOT/[CATEGORY/]test/good/NAME.png
ROOT/[CATEGORY/]test/DEFECT/NAME.png
ROOT/[CATEGORY/]ground_truth/DEFECT/NAME_mask.png   (or NAME.png)

Files and folders whose names begin with a dot are ignored. Every other file is used, or named by a finding.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from baselines.errors import InputError, unknown_name
from benchmark.atomic import replace_file
from benchmark.data.choices import MASKS_HOLD
from benchmark.data.files import visible
from benchmark.data.image_cache import ImageCache, mark_used
from benchmark.data.images import (
    MASK_READERS,
    count_levels,
    is_turn_unknown,
    open_image,
    open_mask,
    read_header,
    read_upright,
    to_mask,
    to_pixels,
)
from benchmark.data.inventory import PARTS, Inventory, check_folders, take_inventory
from benchmark.data.manifest import (
    FORMAT,
    MASKS_HOLD_CLASSES,
    CategoryManifest,
    Finding,
    ImageRecord,
    Oddity,
    digest_of,
    sha256_of,
)
from benchmark.data.names import check_path
from benchmark.data.notes import find_hidden_marks, left_out
from benchmark.schema import SchemaError, decode_json

# Part of the key of cached manifests: raise it when files are read in another way.
_READER_VERSION = 5


class FolderDataSet:
    """Images on disk in MVTec AD's layout; the root contains categories or is one itself.

    Parameters
    ----------
    root : Path
    cache : ImageCache, optional
        Keeps manifests, so that unchanged files are not read again; the user's own by default.
    name : str, optional
        Name of the data set; ``folder:`` and the root's name by default.
    masks_hold : {"grey", "classes"}
        Whether mask pixels above 127 are defective, or all other than 0.
    strict : bool
        Refuse a category of which files are left out.

    Attributes
    ----------
    others : tuple of str
        Folders of the root that are no categories.

    Raises
    ------
    InputError
        If the root is missing or contains no category, or a category's folder is incomplete.
    """

    def __init__(
        self,
        root: Path,
        cache: ImageCache | None = None,
        name: str | None = None,
        masks_hold: str = MASKS_HOLD[0],
        strict: bool = False,
    ) -> None:
        self.root = Path(root).absolute()
        self.cache = (cache or ImageCache()).resolved()
        self.name = name or f"folder:{self.root.name}"
        self.strict = strict
        self._masks_hold = masks_hold
        self.others: tuple[str, ...] = ()
        check_path(self.root)
        if not self.root.is_dir():
            raise InputError(f"data root {root} is not a directory; give the folder that contains the categories")
        if _is_category(self.root):
            self._folders = {self.root.name: self.root}
        else:
            folders, _ = visible(self.root)
            children = [path for path in folders if _is_category(path)]
            self.others = tuple(path.name for path in folders if path not in children)
            for path in children:
                check_path(path)
            self._folders = {path.name: path for path in children}
        if not self._folders:
            raise InputError(
                f"data root {root} contains no category: expected {root}/CATEGORY/test/DEFECT/ or {root}/test/DEFECT/"
            )

    def categories(self) -> tuple[str, ...]:
        """Return the categories, sorted by name."""
        return tuple(self._folders)

    def manifest(self, category: str) -> CategoryManifest:
        """Return the images of a category; files unchanged since the last call are not opened again.

        Raises
        ------
        InputError
            If the category is unknown, lacks normal or defective images or a mask, a mask and its image differ in
            size, a file cannot be read, or one is left out although ``strict``.
        """
        if category not in self._folders:
            raise unknown_name("category", category, self._folders)
        inventory = take_inventory(category, self._folders[category])
        inspected = self._inspected(category, inventory)
        manifest = replace(inspected, dataset=self.name, findings=(*inventory.left_out, *inspected.findings))
        if self.strict and (unused := left_out(manifest, named=1)):
            raise InputError(
                f"category {category}, refused by --strict: {'; '.join(unused)}; data list without --strict names all"
            )
        return manifest

    def _inspected(self, category: str, inventory: Inventory) -> CategoryManifest:
        """Return the images of a category and what is odd about their masks, as known from earlier if unchanged."""
        folder = self._folders[category]
        names = [name for record in inventory.records for name in (record.name, record.mask) if name]
        files = [_size_and_time(folder, name) for name in (*names, *inventory.normal_masks)]
        key = [FORMAT, _READER_VERSION, self._masks_hold, str(folder), files]
        cached = self.cache.manifest_file(digest_of(key))
        try:
            manifest = decode_json(cached.read_bytes(), CategoryManifest)
        except (OSError, SchemaError):
            manifest = self._inspect_all(category, inventory)
            with replace_file(cached) as temporary:
                temporary.write_bytes(msgspec.json.encode(manifest))
        else:
            mark_used(cached)
        return manifest

    def _inspect_all(self, category: str, inventory: Inventory) -> CategoryManifest:
        folder, binary = self._folders[category], MASK_READERS[self._masks_hold]
        inspected = [_inspect(folder, record, self._masks_hold) for record in inventory.records]
        findings = [finding for _, found in inspected for finding in found]
        findings += [
            Finding(Oddity.MARKED_NORMAL, name)
            for name in inventory.normal_masks
            if binary(open_image(folder / name)).getbbox() is not None
        ]
        version = MASKS_HOLD_CLASSES if self._masks_hold == "classes" else ""
        return CategoryManifest(self.name, category, version, tuple(record for record, _ in inspected), tuple(findings))

    def read(self, category: str, record: ImageRecord, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the image, uint8 (size, size, 3), and its mask, bool (size, size).

        Raises
        ------
        InputError
            If a file cannot be read.
        """
        folder = self._folders[category]
        path = folder / record.name
        image, header = read_upright(path)
        if not record.mask:
            return to_pixels(image, size), np.zeros((size, size), dtype=bool)
        mask = open_mask(folder / record.mask, path, header)
        return to_pixels(image, size), to_mask(MASK_READERS[self._masks_hold](mask), size)


def _is_category(folder: Path) -> bool:
    """Return whether a folder is a category; InputError if it is nearly one."""
    names = [path.name for path in visible(folder)[0]]
    if "test" in names:
        return True
    check_folders(f"folder {folder}", folder)
    if found := [part for part in PARTS if part in names]:
        raise InputError(f"folder {folder} has {' and '.join(found)} but no test: add the test images, or move it away")
    return False


def _size_and_time(folder: Path, name: str) -> tuple[str, int, int]:
    status = (folder / name).stat()
    return name, status.st_size, status.st_mtime_ns


def _inspect(folder: Path, record: ImageRecord, masks_hold: str) -> tuple[ImageRecord, list[Finding]]:
    """Complete a record from its files, and return what is odd about its mask."""
    path = folder / record.name
    header = read_header(path)
    known = replace(record, width=header.width, height=header.height, mode=header.mode, sha256=sha256_of(path))
    if not record.mask:
        return replace(known, defect_pixels=0), []
    mask_path = folder / record.mask
    mask = open_mask(mask_path, path, header)
    found = []
    if header.orientation != 1 and is_turn_unknown(read_header(mask_path), header):
        found.append(Finding(Oddity.UNTURNED_MASK, record.mask))
    defect_pixels = int(np.count_nonzero(np.asarray(MASK_READERS[masks_hold](mask))))
    if not defect_pixels:
        found += find_hidden_marks(mask, record.mask)
    return (
        replace(known, defect_pixels=defect_pixels, mask_levels=count_levels(mask), mask_sha256=sha256_of(mask_path)),
        found,
    )

"""Data sets in MVTec AD's folder layout.

ROOT/[CATEGORY/]train/good/NAME.png
ROOT/[CATEGORY/]test/good/NAME.png
ROOT/[CATEGORY/]test/DEFECT/NAME.png
ROOT/[CATEGORY/]ground_truth/DEFECT/NAME_mask.png   (or NAME.png)

Files and folders whose names begin with a dot are ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from baselines.errors import InputError, unknown_name
from benchmark.atomic import replace_file
from benchmark.data.image_cache import ImageCache, mark_used
from benchmark.data.images import (
    EXTENSIONS,
    binary_mask,
    count_levels,
    open_mask,
    read_header,
    read_upright,
    to_mask,
    to_pixels,
)
from benchmark.data.manifest import (
    FORMAT,
    GOOD,
    CategoryManifest,
    ImageRecord,
    digest_of,
    read_images,
    sha256_of,
    write_images,
)
from benchmark.data.names import check_path

# Part of the key of cached manifests: raise it when files are read in another way.
_READER_VERSION = 3


class FolderDataSet:
    """Images on disk in MVTec AD's layout; the root contains categories or is one itself.

    Parameters
    ----------
    root : Path
    cache : ImageCache, optional
        Keeps manifests, so that unchanged files are not read again; the user's own by default.
    name : str, optional
        Name of the data set; ``folder:`` and the root's name by default.

    Raises
    ------
    InputError
        If the root is missing or contains no category.
    """

    def __init__(self, root: Path, cache: ImageCache | None = None, name: str | None = None) -> None:
        self.root = Path(root).absolute()
        self.cache = (cache or ImageCache()).resolved()
        self.name = name or f"folder:{self.root.name}"
        check_path(self.root)
        if not self.root.is_dir():
            raise InputError(f"data root {root} is not a directory; give the folder that contains the categories")
        if _is_category(self.root):
            self._folders = {self.root.name: self.root}
        else:
            children = sorted(path for path in _visible(self.root) if path.is_dir() and _is_category(path))
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
            size, or a file cannot be read.
        """
        if category not in self._folders:
            raise unknown_name("category", category, self._folders)
        folder = self._folders[category]
        records = list(_find(category, folder))
        files = [_sizes_and_times(folder, record) for record in records]
        cached = self.cache.manifest_file(digest_of([FORMAT, _READER_VERSION, str(folder), files]))
        if cached.is_file():
            mark_used(cached)
            return read_images(cached, self.name, version="")[0]
        manifest = CategoryManifest(self.name, category, "", tuple(_inspect(folder, record) for record in records))
        with replace_file(cached) as temporary:
            write_images(temporary, [manifest])
        return manifest

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
        return to_pixels(image, size), to_mask(binary_mask(mask), size)


def _is_category(folder: Path) -> bool:
    try:
        return (folder / "test").is_dir()
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from error


def _visible(folder: Path) -> Iterator[Path]:
    try:
        yield from (path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from error


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = sorted(path for path in _visible(folder) if path.suffix.lower() in EXTENSIONS and path.is_file())
    for path in files:
        check_path(path)
    return files


def _find(category: str, folder: Path) -> Iterator[ImageRecord]:
    """Yield a record with only names for each image: train/good, test/good, then each defect type."""
    for split in ("train", "test"):
        for path in _image_files(folder / split / GOOD):
            yield ImageRecord(split, GOOD, path.relative_to(folder).as_posix())
    kinds = sorted(path.name for path in _visible(folder / "test") if path.is_dir() and path.name != GOOD)
    images = {kind: _image_files(folder / "test" / kind) for kind in kinds}
    if not _image_files(folder / "train" / GOOD):
        raise InputError(f"category {category} has no normal training images: add some to {folder}/train/good")
    if not any(images.values()):
        raise InputError(f"category {category} has no defective images: add some to {folder}/test/DEFECT")
    if not (folder / "ground_truth").is_dir():
        raise InputError(f"category {category} has no masks: {folder}/ground_truth is missing")
    for kind in kinds:
        for path, mask in _pairs(category, folder, kind, images[kind]):
            yield ImageRecord("test", kind, path.relative_to(folder).as_posix(), mask.relative_to(folder).as_posix())


def _pairs(category: str, folder: Path, kind: str, images: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield each image of a defect type with its mask; InputError unless each has a mask of its own."""
    masks: dict[str, list[Path]] = {}
    for path in _image_files(folder / "ground_truth" / kind):
        masks.setdefault(path.stem, []).append(path)
    stems = Counter(path.stem for path in images)
    for path in images:
        if stems[path.stem] > 1:
            raise InputError(f"category {category}: {path} and another image of that name share a mask: rename one")
        found = masks.get(f"{path.stem}_mask", []) + masks.get(path.stem, [])
        if not found:
            raise InputError(
                f"category {category}: no mask for {path}; expected "
                f"{folder}/ground_truth/{kind}/{path.stem}_mask.png or {path.stem}.png"
            )
        if len(found) > 1:
            raise InputError(f"category {category}: two masks for {path}: {found[0]} and {found[1]}; keep one")
        yield path, found[0]


def _sizes_and_times(folder: Path, record: ImageRecord) -> list[str | int]:
    found: list[str | int] = []
    for name in filter(None, (record.name, record.mask)):
        status = (folder / name).stat()
        found += [name, status.st_size, status.st_mtime_ns]
    return found


def _inspect(folder: Path, record: ImageRecord) -> ImageRecord:
    """Complete a record from its files."""
    path = folder / record.name
    header = read_header(path)
    defect_pixels, mask_levels, mask_sha256 = 0, 0, ""
    if record.mask:
        mask_path = folder / record.mask
        mask = open_mask(mask_path, path, header)
        defect_pixels = int(np.count_nonzero(np.asarray(binary_mask(mask))))
        mask_levels = count_levels(mask)
        mask_sha256 = sha256_of(mask_path)
    return replace(
        record,
        width=header.width,
        height=header.height,
        mode=header.mode,
        sha256=sha256_of(path),
        defect_pixels=defect_pixels,
        mask_levels=mask_levels,
        mask_sha256=mask_sha256,
    )

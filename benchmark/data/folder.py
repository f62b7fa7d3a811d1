"""Data sets in MVTec AD's folder layout.

ROOT/[CATEGORY/]train/good/NAME.png
ROOT/[CATEGORY/]test/good/NAME.png
ROOT/[CATEGORY/]test/DEFECT/NAME.png
ROOT/[CATEGORY/]ground_truth/DEFECT/NAME_mask.png   (or NAME.png)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from baselines import InputError
from baselines.errors import unknown_name
from benchmark.atomic import replace_file
from benchmark.data.cache_folder import cache_folder
from benchmark.data.images import EXTENSIONS, binary_mask, open_image, read_image, read_mask
from benchmark.data.manifest import FORMAT, GOOD, CategoryManifest, ImageRecord, digest_of, read_images, write_images

_EXIF_ORIENTATION = 0x0112


class FolderDataSet:
    """Images on disk in MVTec AD's layout; the root holds categories, or is itself one.

    Parameters
    ----------
    root : Path
    cache : Path or None
        As ``cache_folder`` takes it: where what was found in the files is kept, so that unchanged ones are not read
        again.
    name : str, optional
        Shown as the data set; ``folder:`` and the root's name if not given.

    Raises
    ------
    InputError
        If the root is missing or holds no category.
    """

    def __init__(self, root: Path, cache: Path | None, name: str | None = None) -> None:
        self.root = Path(root).absolute()
        self.cache = cache
        self.name = name or f"folder:{self.root.name}"
        if not self.root.is_dir():
            raise InputError(f"data root {root} is no folder; give the folder that holds the categories")
        if _is_category(self.root):
            self._folders = {self.root.name: self.root}
        else:
            children = sorted(path for path in self.root.iterdir() if path.is_dir() and _is_category(path))
            self._folders = {path.name: path for path in children}
        if not self._folders:
            raise InputError(
                f"data root {root} holds no category: expected {root}/CATEGORY/test/DEFECT/ or {root}/test/DEFECT/"
            )

    def categories(self) -> tuple[str, ...]:
        """Return the categories, sorted by name."""
        return tuple(self._folders)

    def manifest(self, category: str) -> CategoryManifest:
        """Return the images of a category; files unchanged since the last look are not opened again.

        Raises
        ------
        InputError
            If the category is unknown, has no normal or no defective images, a mask is missing or of another
            size than its image, or a file cannot be read.
        """
        if category not in self._folders:
            raise unknown_name("category", category, self._folders)
        folder = self._folders[category]
        found = list(_find(category, folder))
        seen = digest_of([FORMAT, str(folder), [_stamp(folder, record) for record in found]])
        cached = cache_folder(self.cache) / "manifests" / f"{seen}.csv"
        if cached.is_file():
            return read_images(cached, self.name, version="")[0]
        manifest = CategoryManifest(self.name, category, "", tuple(_inspect(folder, record) for record in found))
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
        image = read_image(folder / record.name, size)
        mask = read_mask(folder / record.mask, size) if record.mask else np.zeros((size, size), dtype=bool)
        return image, mask


def _is_category(folder: Path) -> bool:
    return (folder / "test").is_dir()


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.is_file())


def _find(category: str, folder: Path) -> Iterator[ImageRecord]:
    """Yield a record with names alone for each image: train/good, test/good, then each defect type."""
    for split in ("train", "test"):
        for path in _image_files(folder / split / GOOD):
            yield ImageRecord(split, GOOD, path.relative_to(folder).as_posix())
    kinds = sorted(path.name for path in (folder / "test").iterdir() if path.is_dir() and path.name != GOOD)
    images = {kind: _image_files(folder / "test" / kind) for kind in kinds}
    if not _image_files(folder / "train" / GOOD):
        raise InputError(f"category {category} has no normal training images: put some into {folder}/train/good")
    if not any(images.values()):
        raise InputError(f"category {category} has no defective images: put some into {folder}/test/DEFECT")
    if not (folder / "ground_truth").is_dir():
        raise InputError(f"category {category} has no masks: {folder}/ground_truth is missing")
    for kind in kinds:
        masks = {path.stem: path for path in reversed(_image_files(folder / "ground_truth" / kind))}
        for path in images[kind]:
            mask = masks.get(f"{path.stem}_mask") or masks.get(path.stem)
            if mask is None:
                raise InputError(
                    f"category {category}: no mask for {path}; expected "
                    f"{folder}/ground_truth/{kind}/{path.stem}_mask.png or {path.stem}.png"
                )
            yield ImageRecord("test", kind, path.relative_to(folder).as_posix(), mask.relative_to(folder).as_posix())


def _stamp(folder: Path, record: ImageRecord) -> list[str | int]:
    stamp: list[str | int] = []
    for name in filter(None, (record.name, record.mask)):
        status = (folder / name).stat()
        stamp += [name, status.st_size, status.st_mtime_ns]
    return stamp


def _inspect(folder: Path, record: ImageRecord) -> ImageRecord:
    """Complete a record from its files."""
    path = folder / record.name
    width, height, mode = _header(path)
    values = {"width": width, "height": height, "mode": mode, "sha256": _sha256(path), "defect_pixels": 0}
    if record.mask:
        mask_path = folder / record.mask
        mask = open_image(mask_path)
        if mask.size != (width, height):
            raise InputError(
                f"mask {mask_path} is {mask.width} x {mask.height} px but its image {path} is {width} x {height}: "
                "give the mask the size of its image"
            )
        values["defect_pixels"] = int(np.count_nonzero(np.asarray(binary_mask(mask))))
        values["mask_levels"] = len(np.unique(np.asarray(mask.convert("L"))))
        values["mask_sha256"] = _sha256(mask_path)
    return ImageRecord(record.split, record.label, record.name, record.mask, **values)  # type: ignore[arg-type]


def _header(path: Path) -> tuple[int, int, str]:
    """Return width and height as seen upright, and the mode, without decoding the pixels."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Pillow would decode a whole PNG to look for a tag that cameras do not write into PNGs.
            sideways = image.format != "PNG" and image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
            return (height, width, image.mode) if sideways else (width, height, image.mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"unreadable image {path}: it is no image file, or cut off") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

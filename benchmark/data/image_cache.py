"""The cache on disk: images decoded once per size, and what was found in the files of a folder.

Entries are named by digests of what they were made from, so any entry may be removed at any time: it is made again
when it is needed. A process that has an entry open can go on reading it, because the operating system keeps removed
files until they are closed. The cache removes only files it has made, and follows no links.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from baselines.errors import InputError
from benchmark.atomic import check_folder, new_folder, remove_stale_files, temporary_path
from benchmark.data.manifest import CategoryManifest
from benchmark.schema import SchemaError, decode_json
from benchmark.units import format_bytes

if TYPE_CHECKING:
    from benchmark.data.datasets import DataSet

logger = logging.getLogger(__name__)

_ARRAYS, _MANIFESTS = "arrays", "manifests"
_ARRAYS_NAME = re.compile(r"[0-9a-f]{24}-[0-9]+")
_MANIFEST_NAME = re.compile(r"[0-9a-f]{64}\.(csv|json)")  # CSV in former versions
_IMAGES_FILE, _MASKS_FILE, _ENTRY_FILE = "images.npy", "masks.npy", "entry.json"
_ATTEMPTS = 3
_BYTES_PER_PIXEL = 4  # three of the image, one of the mask


@dataclass(frozen=True)
class CategoryArrays:
    """Every image of a category at one size, in the order of its manifest.

    Attributes
    ----------
    manifest : CategoryManifest
    images : np.ndarray, uint8, shape (N, size, size, 3)
        RGB, memory-mapped and read-only.
    masks : np.ndarray, bool, shape (N, size, size)
        True on defects, memory-mapped and read-only.
    """

    manifest: CategoryManifest
    images: np.ndarray
    masks: np.ndarray

    @property
    def size(self) -> int:
        return int(self.images.shape[1])

    @cached_property
    def masks_lost_by_resizing(self) -> frozenset[str]:
        """Names of the annotated defective images whose mask has no pixel left at this size."""
        filled = np.asarray(self.masks.any(axis=(1, 2)))
        return frozenset(
            record.name
            for record, any_pixel in zip(self.manifest.records, filled, strict=True)
            if record.defective and not record.unannotated and not any_pixel
        )


class _Description(msgspec.Struct):
    """The content of an entry, for people; kept in the entry itself."""

    dataset: str
    category: str
    size: int
    images: int

    def __str__(self) -> str:
        return f"{self.category} ({self.dataset}), {self.size} px, {self.images} images"


@dataclass(frozen=True)
class CacheEntry:
    """The arrays of one category at one size, or one manifest.

    Attributes
    ----------
    path : Path
        A folder for arrays, a file for a manifest.
    size : int
        Bytes.
    used : float
        Time of the last use, in seconds since 1970.
    content : str
        A description of the content for messages.
    foreign : bool
        Whether it contains anything the cache has not made; such an entry is never removed.
    """

    path: Path
    size: int
    used: float
    content: str
    foreign: bool = False

    @property
    def decoded(self) -> bool:
        """Whether it holds decoded images, not a manifest."""
        return self.path.parent.name == _ARRAYS


@dataclass(frozen=True)
class ImageCache:
    """Decoded images and manifests of folders, shared by all runs of a user.

    Parameters
    ----------
    folder : Path or None
        Where to keep them. None stands for the user's cache folder on each machine that uses this object:
        ``$XDG_CACHE_HOME`` or ``~/.cache``, and in it ``fewshot-defect-benchmark``.

    Examples
    --------
    >>> ImageCache(Path("/scratch")).root.name
    'scratch'
    """

    folder: Path | None = None

    @property
    def root(self) -> Path:
        """The folder on this machine; it need not exist yet."""
        if self.folder is not None:
            return self.folder
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(home) / "fewshot-defect-benchmark"

    def resolved(self) -> ImageCache:
        """Return the same cache with an absolute path, if it has one."""
        return ImageCache(self.folder and self.folder.resolve())

    def or_temporary(self) -> ImageCache:
        """Return this cache or, where the user's cache folder cannot be written, one that ends with this process."""
        try:
            if self.folder is None:
                check_folder(self.root)
        except InputError as error:
            folder = Path(tempfile.mkdtemp(prefix="fewshot-defect-benchmark-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            logger.info(f"{error}; images are decoded for this command only, unless --cache DIR names a folder")
            return ImageCache(folder)
        return self

    def arrays(
        self, dataset: DataSet, category: str, size: int, on_image: Callable[[int, int], None] | None = None
    ) -> CategoryArrays:
        """Return a category's arrays, decoding its images unless they are cached.

        The arrays are memory-mapped: only the parts in use take memory. If two processes decode the same category at
        the same time, both finish and the first result is kept. An entry that another process removes meanwhile is
        made again.

        Parameters
        ----------
        size : int
            Height and width in pixels.
        on_image : callable, optional
            Called with (images decoded, images in total).

        Raises
        ------
        InputError
            If the category cannot be used, an image cannot be read, or the cache cannot be written.
        """
        manifest = dataset.manifest(category)
        folder = self._arrays_folder(manifest, size)
        for _ in range(_ATTEMPTS):
            if not folder.is_dir():
                _decode(dataset, manifest, size, folder, on_image)
            mark_used(folder)
            try:
                return _open(manifest, size, folder)
            except (OSError, ValueError) as error:
                if folder.is_dir():
                    raise InputError(
                        f"cached images in {folder} are corrupted ({error}); delete that folder and run again"
                    ) from error
        raise InputError(
            f"cached images in {folder} are removed by another command as soon as they are written: "
            "give each command its own --cache"
        )

    def manifest_file(self, digest: str) -> Path:
        """Return the file for the manifest of a folder.

        Parameters
        ----------
        digest : str
            SHA-256 of the names, sizes and times of the folder's files.
        """
        return self.root / _MANIFESTS / f"{digest}.json"

    def entries(self) -> list[CacheEntry]:
        """Return all entries, least recently used first.

        Raises
        ------
        InputError
            If the folder cannot be read.
        """
        try:
            found = (*_array_entries(self.root / _ARRAYS), *_manifest_entries(self.root / _MANIFESTS))
        except OSError as error:
            raise InputError(f"cache {self.root} cannot be read: {error.strerror}") from error
        return sorted(found, key=lambda entry: entry.used)

    def make_room(self, limit: int, needed: int = 0, keep: Collection[Path] = ()) -> tuple[list[CacheEntry], int]:
        """Remove the least recently used entries until the cache, with what will be added, is below a limit.

        Parameters
        ----------
        limit : int
            Bytes.
        needed : int
            Bytes that will be added.
        keep : collection of Path
            Entries never to remove, even where they exceed the limit.

        Returns
        -------
        removed : list of CacheEntry
        total : int
            Bytes the cache will hold.
        """
        entries = self.entries()
        total = needed + sum(entry.size for entry in entries)
        removed = []
        for entry in entries:
            if total <= limit:
                break
            if entry.path not in keep and _remove(entry):
                removed.append(entry)
                total -= entry.size
        return removed, total

    def keep_below(self, limit: int, dataset: DataSet, categories: Iterable[str], size: int) -> str | None:
        """Make room for the arrays of some categories, which stay even where they exceed the limit.

        Parameters
        ----------
        limit : int
            Bytes.

        Returns
        -------
        str or None
            A message if something was removed or the limit will be exceeded.
        """
        folders = {
            self._arrays_folder(manifest, size): len(manifest.records) * size * size * _BYTES_PER_PIXEL
            for manifest in map(dataset.manifest, categories)
        }
        needed = sum(size for folder, size in folders.items() if not folder.is_dir())
        removed, total = self.make_room(limit, needed, folders)
        parts = []
        if removed:
            parts.append(f"removed {format_bytes(sum(entry.size for entry in removed))} of older images")
        if total > limit:
            parts.append(f"will take {format_bytes(total)}, more than --cache-limit {format_bytes(limit)}")
        return f"cache {self.root}: {', '.join(parts)}" if parts else None

    def clear(self) -> tuple[list[CacheEntry], list[CacheEntry]]:
        """Remove every entry and all stale files; return the removed entries and those that could not be removed."""
        removed: list[CacheEntry] = []
        left: list[CacheEntry] = []
        for entry in self.entries():
            (removed if _remove(entry) else left).append(entry)
        for folder in (self.root / _ARRAYS, self.root / _MANIFESTS):
            if _is_real(folder, stat.S_ISDIR):
                remove_stale_files(folder)
                with suppress(OSError):  # not empty
                    folder.rmdir()
        return removed, left

    def _arrays_folder(self, manifest: CategoryManifest, size: int) -> Path:
        return self.root / _ARRAYS / f"{manifest.digest[:24]}-{size}"


def mark_used(path: Path) -> None:
    """Set the time of an entry's last use to now."""
    with suppress(OSError):  # a cache of another user keeps its times
        os.utime(path)


def _open(manifest: CategoryManifest, size: int, folder: Path) -> CategoryArrays:
    images = np.load(folder / _IMAGES_FILE, mmap_mode="r")
    masks = np.load(folder / _MASKS_FILE, mmap_mode="r")
    shape = (len(manifest.records), size, size)
    if (images.shape, masks.shape) != ((*shape, 3), shape):
        raise ValueError(f"{images.shape} and {masks.shape} are not the shapes of {len(manifest.records)} images")
    return CategoryArrays(manifest, images, masks)


def _decode(
    dataset: DataSet,
    manifest: CategoryManifest,
    size: int,
    folder: Path,
    on_image: Callable[[int, int], None] | None,
) -> None:
    count = len(manifest.records)
    description = _Description(dataset.name, manifest.category, size, count)
    remove_stale_files(folder.parent)
    with new_folder(folder) as temporary:
        (temporary / _ENTRY_FILE).write_bytes(msgspec.json.encode(description))
        images = _new_array(temporary / _IMAGES_FILE, np.uint8, (count, size, size, 3))
        masks = _new_array(temporary / _MASKS_FILE, np.bool_, (count, size, size))
        for index, record in enumerate(manifest.records):
            images[index], masks[index] = dataset.read(manifest.category, record, size)
            if on_image:
                on_image(index + 1, count)
        images.flush()
        masks.flush()


def _new_array(path: Path, kind: type, shape: tuple[int, ...]) -> np.memmap:
    array = np.lib.format.open_memmap(path, "w+", kind, shape)
    if hasattr(os, "posix_fallocate"):  # a full disk is an error here, not a signal when the pixels are written
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _remove(entry: CacheEntry) -> bool:
    """Remove an entry atomically; return whether that was possible."""
    if entry.foreign:
        return False
    renamed = temporary_path(entry.path)
    try:
        entry.path.rename(renamed)
        if _is_real(renamed, stat.S_ISDIR):
            for name in (_IMAGES_FILE, _MASKS_FILE, _ENTRY_FILE):
                (renamed / name).unlink(missing_ok=True)
            renamed.rmdir()
        else:
            renamed.unlink()
    except OSError:
        return False
    return True


def _array_entries(folder: Path) -> Iterator[CacheEntry]:
    for path in _real_children(folder, stat.S_ISDIR, _ARRAYS_NAME):
        with suppress(FileNotFoundError):  # another process has just removed it
            files = {file.name: file.stat(follow_symlinks=False) for file in os.scandir(path)}
            known = {_IMAGES_FILE, _MASKS_FILE, _ENTRY_FILE}
            foreign = not set(files) <= known or not all(stat.S_ISREG(status.st_mode) for status in files.values())
            size = sum(status.st_size for status in files.values())
            yield CacheEntry(path, size, path.stat().st_mtime, _content(path), foreign)


def _manifest_entries(folder: Path) -> Iterator[CacheEntry]:
    for path in _real_children(folder, stat.S_ISREG, _MANIFEST_NAME):
        with suppress(FileNotFoundError):
            status = path.stat()
            yield CacheEntry(path, status.st_size, status.st_mtime, "manifest")


def _real_children(folder: Path, kind: Callable[[int], bool], name: re.Pattern[str]) -> list[Path]:
    if not _is_real(folder, stat.S_ISDIR):
        return []
    return [path for path in folder.iterdir() if name.fullmatch(path.name) and _is_real(path, kind)]


def _is_real(path: Path, kind: Callable[[int], bool]) -> bool:
    """Return whether a path is of a kind itself, not a link to one."""
    try:
        return kind(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _content(path: Path) -> str:
    try:
        return str(decode_json((path / _ENTRY_FILE).read_bytes(), _Description))
    except (OSError, SchemaError):
        return path.name

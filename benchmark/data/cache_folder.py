"""The folder where decoded images and inspected files are kept: what is in it, how large it is, making room.

Entries are found by what they were made from, so that any can be removed at any time: it is made again. Who has an
entry open goes on reading it, for the system keeps removed files until the last reader is gone. Nothing is removed
that was not made here, and no link is followed.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from baselines import InputError
from benchmark.atomic import remove_stale_files, temporary_path

DEFAULT_LIMIT = "50G"
ARRAYS, MANIFESTS = "arrays", "manifests"
IMAGES_FILE, MASKS_FILE, ABOUT_FILE = "images.npy", "masks.npy", "entry.json"

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_ARRAYS_NAME = re.compile(r"[0-9a-f]{24}-[0-9]+")
_MANIFEST_NAME = re.compile(r"[0-9a-f]{64}\.csv")


@dataclass(frozen=True)
class Entry:
    """One thing that is kept.

    Attributes
    ----------
    path : Path
        The folder of a category's arrays, or the file of a manifest.
    size : int
        Bytes.
    used : float
        When it was used last, in seconds since 1970.
    about : str
        What it holds, for people.
    ours : bool
        Whether all that is in it was made here; what is not ours is left alone.
    """

    path: Path
    size: int
    used: float
    about: str
    ours: bool = True


def cache_folder(given: Path | None) -> Path:
    """Return the folder that was given, or else this user's on this machine: ``$XDG_CACHE_HOME``, or ``~/.cache``."""
    if given is not None:
        return given
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "fewshot-defect-benchmark"


def read_size(option: str, text: str) -> int:
    """Return a size such as ``500M``, ``20G`` or ``1.5T`` in bytes.

    Raises
    ------
    InputError
        If it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if not found:
        raise InputError(f"{option} must be a size such as 500M, 20G or 0, got '{text}'")
    return int(float(found[1]) * _UNITS[found[2]])


def show_size(size: float) -> str:
    """Return a number of bytes as people read it, e.g. ``5.1 MB``."""
    unit = max((unit for unit in _UNITS if _UNITS[unit] <= max(size, 1)), key=lambda unit: _UNITS[unit])
    return f"{size / _UNITS[unit]:.{int(bool(unit))}f} {unit.replace('K', 'k')}B"


def list_entries(cache: Path | None) -> list[Entry]:
    """Return what a cache holds, what was used longest ago first; InputError if the folder cannot be read."""
    root = cache_folder(cache)
    try:
        return sorted((*_arrays(root / ARRAYS), *_manifests(root / MANIFESTS)), key=lambda entry: entry.used)
    except OSError as error:
        raise InputError(f"cache {root} cannot be read: {error.strerror}") from error


def mark_used(path: Path) -> None:
    """Note that an entry was used now."""
    with suppress(OSError):  # in a cache that others own it keeps its time
        os.utime(path)


def remove_entry(entry: Entry) -> bool:
    """Remove an entry; whether that could be done. Others see it whole or not at all."""
    if not entry.ours:
        return False
    aside = temporary_path(entry.path)
    try:
        entry.path.rename(aside)
        if _is_real(aside, stat.S_ISDIR):
            for name in (IMAGES_FILE, MASKS_FILE, ABOUT_FILE):
                (aside / name).unlink(missing_ok=True)
            aside.rmdir()
        else:
            aside.unlink()
    except OSError:
        return False
    return True


def make_room(cache: Path | None, limit: int, needed: int, keep: Collection[Path]) -> tuple[list[Entry], int]:
    """Remove what was used longest ago until what stays and what is needed is below a limit, or nothing is left.

    Parameters
    ----------
    limit : int
        Bytes.
    needed : int
        Bytes that will be written.
    keep : collection of Path
        Entries to leave.

    Returns
    -------
    list of Entry
        What was removed.
    int
        Bytes there will be, at most.
    """
    entries = list_entries(cache)
    total = needed + sum(entry.size for entry in entries)
    removed = []
    for entry in entries:
        if total <= limit:
            break
        if entry.path not in keep and remove_entry(entry):
            removed.append(entry)
            total -= entry.size
    return removed, total


def clear(cache: Path | None) -> tuple[list[Entry], list[Entry]]:
    """Remove every entry, and what broken-off commands left; return what was removed and what could not be."""
    root = cache_folder(cache)
    removed: list[Entry] = []
    left: list[Entry] = []
    for entry in list_entries(cache):
        (removed if remove_entry(entry) else left).append(entry)
    for folder in (root / ARRAYS, root / MANIFESTS):
        if _is_real(folder, stat.S_ISDIR):
            remove_stale_files(folder)
            with suppress(OSError):  # something else is in it
                folder.rmdir()
    return removed, left


def _arrays(folder: Path) -> Iterator[Entry]:
    for path in _real_children(folder, stat.S_ISDIR, _ARRAYS_NAME):
        with suppress(FileNotFoundError):  # somebody else has just removed it
            files = {file.name: file.stat(follow_symlinks=False) for file in os.scandir(path)}
            known = {IMAGES_FILE, MASKS_FILE, ABOUT_FILE}
            ours = set(files) <= known and all(stat.S_ISREG(status.st_mode) for status in files.values())
            size = sum(status.st_size for status in files.values())
            yield Entry(path, size, path.stat().st_mtime, _about(path), ours)


def _manifests(folder: Path) -> Iterator[Entry]:
    for path in _real_children(folder, stat.S_ISREG, _MANIFEST_NAME):
        with suppress(FileNotFoundError):
            status = path.stat()
            yield Entry(path, status.st_size, status.st_mtime, "inspected files")


def _real_children(folder: Path, kind: Callable[[int], bool], name: re.Pattern[str]) -> list[Path]:
    if not _is_real(folder, stat.S_ISDIR):
        return []
    return [path for path in folder.iterdir() if name.fullmatch(path.name) and _is_real(path, kind)]


def _is_real(path: Path, kind: Callable[[int], bool]) -> bool:
    """Return whether a path is of a kind itself, and not a link to one."""
    try:
        return kind(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _about(path: Path) -> str:
    try:
        about = json.loads((path / ABOUT_FILE).read_text(encoding="utf-8"))
        return f"{about['category']} ({about['dataset']}), {about['size']} px, {about['images']} images"
    except (OSError, ValueError, KeyError, TypeError):
        return path.name

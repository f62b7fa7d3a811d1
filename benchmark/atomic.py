"""Atomic writes: files and folders are complete under their name, or absent."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from baselines.errors import InputError
from benchmark.processes import creation_time, host_name

_TEMPORARY = re.compile(r"\..*~(?P<process>\d+)~(?P<host>[^~]*)~[0-9a-f]+\.partial", re.DOTALL)
# Of file times compared with process times, whose clocks differ.
_CLOCK_TOLERANCE = 5.0


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; it is renamed to ``path`` on success, and removed on failure.

    Raises
    ------
    InputError
        If the folder cannot be written to.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replace_file(Path(folder) / "new" / "note.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "new" / "note.txt").read_text()
    'done'
    """
    with writable(path), _parents_of(path):
        temporary = temporary_path(path)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; it is renamed to ``path`` on success, and removed on failure.

    If ``path`` exists by then, another process was first with the same content: its folder is kept.

    Raises
    ------
    InputError
        If the folder cannot be written to.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with new_folder(Path(place) / "run") as folder:
    ...         (folder / "a.txt").touch()
    ...     [path.name for path in (Path(place) / "run").iterdir()]
    ['a.txt']
    """
    with writable(path), _parents_of(path):
        temporary = temporary_path(path)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            try:
                temporary.rename(path)
            except OSError:
                if not path.is_dir():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; on success it replaces ``path`` and what was in it.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    with writable(path):
        temporary, former = temporary_path(path), temporary_path(path)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            if path.is_dir():
                path.rename(former)
            try:
                temporary.rename(path)
            except OSError:
                if former.is_dir():
                    former.rename(path)
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            if path.is_dir():
                shutil.rmtree(former, ignore_errors=True)


def check_folder(folder: Path) -> None:
    """Check that files can be written to a folder, which need not exist; nothing is left behind.

    Raises
    ------
    InputError
        If it cannot be written to.
    """
    with writable(folder):
        existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x")
            file.flush()


def temporary_path(path: Path) -> Path:
    """Return a hidden name beside ``path`` that ``remove_stale_files`` recognises as this process's.

    Examples
    --------
    >>> temporary_path(Path("results/run.json")).name.startswith(".run.json~")
    True
    """
    return path.with_name(f".{path.name}~{os.getpid()}~{host_name()}~{uuid4().hex[:8]}.partial")


def remove_stale_files(folder: Path) -> None:
    """Remove temporary files and folders whose process on this machine has ended."""
    for path in folder.glob(".*.partial"):
        name = _TEMPORARY.fullmatch(path.name)
        if name and name["host"] == host_name() and _is_stale(path, int(name["process"])):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):  # stale files are harmless
                    path.unlink()


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Make the folders above ``path``; on failure remove the new ones."""
    new = [parent for parent in path.parents if not os.path.lexists(parent)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in new:
            with suppress(OSError):  # another process uses it by now
                parent.rmdir()
        raise


def _is_stale(path: Path, process: int) -> bool:
    """Return whether the process that was writing has ended, or its number belongs to a later process."""
    created = creation_time(process)
    with suppress(FileNotFoundError):
        return created is None or created > path.stat().st_mtime + _CLOCK_TOLERANCE
    return False


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn a system error into one that names ``path`` and says what to do.

    Raises
    ------
    InputError
        Instead of an OSError.

    Examples
    --------
    >>> with writable(Path("report.html")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    baselines.errors.InputError: cannot write report.html: No space left on device; check space and permissions
    """
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error}; check space and permissions"
        for parent in (path, *path.parents):
            if parent.is_file() and isinstance(error, FileExistsError | NotADirectoryError):
                reason = f"{parent} is a file where a folder should be; move it away"
        raise InputError(f"cannot write {path}: {reason}") from error

"""Write files and folders so that they are either whole or not there."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from baselines import InputError


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; on success it becomes ``path``, on failure nothing is left.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    with _writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(_temporary_name(path.name))
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path`` to fill; on success it takes that name.

    Where ``path`` exists by then, somebody else made the same thing first: theirs stays, ours goes.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    with _writable(path):
        temporary = path.with_name(_temporary_name(path.name))
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


def remove_left_overs(folder: Path) -> None:
    """Remove temporary files and folders whose process on this machine is gone."""
    for path in folder.glob(".*.partial"):
        _, host, process, *_ = reversed(path.name.split("~"))
        if host == socket.gethostname() and not _alive(int(process)):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _temporary_name(name: str) -> str:
    return f".{name}~{os.getpid()}~{socket.gethostname()}~{uuid4().hex[:8]}.partial"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; check space and permissions") from error

"""Files of encoder weights that a user gives: which file it is, and that it is still the same when it is read."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from baselines.errors import InputError

SAFETENSORS = ".safetensors"
SUFFIXES = (".pth", ".pt", SAFETENSORS)


class WeightsFileError(InputError):
    """A user's file of encoder weights cannot be used: no run that starts from it can be trained."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of encoder weights as it was when runs were planned; torch is not imported for it.

    Attributes
    ----------
    path : Path
        Absolute, so that processes with another working directory find it.
    sha256 : str
        Of the content.

    Examples
    --------
    >>> WeightsFile(Path("/weights/vgg16.pth"), "0" * 64).name
    'vgg16.pth'
    """

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.path.name

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the file at its beginning, after checking that its content is still the same.

        Raises
        ------
        WeightsFileError
            If it cannot be read or has changed.
        """
        try:
            with self.path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                    raise WeightsFileError(f"weights file {self.path} changed since the runs were planned: run again")
                file.seek(0)
                yield file
        except OSError as error:
            raise _unreadable(self.path, error) from error


def identify_weights_file(path: Path) -> WeightsFile:
    """Return a file with the SHA-256 of its content, which is read again only after a change.

    Raises
    ------
    WeightsFileError
        If it does not end in one of ``SUFFIXES``, is not a regular file or cannot be read.
    """
    path = path.expanduser().absolute()
    if path.suffix not in SUFFIXES:
        raise WeightsFileError(f"weights file {path} does not end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a named pipe would block
            raise WeightsFileError(f"weights file {path} is not a file")
        return WeightsFile(path, _sha256(path, status.st_size, status.st_mtime_ns))
    except OSError as error:
        raise _unreadable(path, error) from error


@lru_cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreadable(path: Path, error: OSError) -> WeightsFileError:
    return WeightsFileError(f"weights file {path} cannot be read: {error.strerror or error}")

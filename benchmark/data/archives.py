"""Unpack an untrusted tar.xz archive: files and directories only, inside the destination, up to a size limit."""

from __future__ import annotations

import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from baselines.errors import InputError
from benchmark.atomic import writable

# MVTec AD has 6,612 images and masks, about 5 GB; an archive far beyond that is a different one.
MAX_MEMBERS = 50_000
MAX_BYTES = 20 * 10**9
_MAX_HEADER_BYTES = 1 << 20
_CHUNK = 1 << 18
# tarfile reads the content of these headers into memory at once, whatever size they declare.
_HEADERS_WITH_TEXT = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _RejectedError(tarfile.TarError):
    """The archive is corrupted or breaks a rule."""


class _Header(tarfile.TarInfo):
    """A header that is rejected if corrupted; tarfile would take it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        ends_archive = len(buf) == tarfile.BLOCKSIZE and not any(buf)
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if ends_archive:
                raise
            raise _RejectedError("not a tar archive, or corrupted" if buf else "truncated") from error
        if header.size < 0 or (header.type in _HEADERS_WITH_TEXT and header.size > _MAX_HEADER_BYTES):
            raise _RejectedError(f"a header declares {header.size} bytes")
        return header


class _LimitedReader:
    """The decompressed bytes of an archive, up to a limit."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file, self._left = file, limit

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _RejectedError("larger than an archive of this data set can be")
        return data


class _Filter:
    """The extraction filter: tarfile's ``data`` filter, without links, sparse files and duplicates, with limits."""

    def __init__(self, max_members: int, max_bytes: int) -> None:
        self.files = 0
        self._members_left, self._max_bytes = max_members, max_bytes
        self._bytes = 0

    def __call__(self, member: tarfile.TarInfo, destination: str) -> tarfile.TarInfo:
        self._members_left -= 1
        self._bytes += member.size
        if self._members_left < 0:
            raise _RejectedError("too many members")
        if self._bytes > self._max_bytes:
            raise _RejectedError(f"with {member.name!r} its members declare {self._bytes} bytes")
        if "\0" in member.name:
            raise _RejectedError(f"the name {member.name!r} contains a null byte")
        safe = tarfile.data_filter(member, destination)
        if safe.issparse() or not (safe.isdir() or safe.isreg()):
            raise _RejectedError(f"{member.name!r} is neither a file nor a directory")
        if safe.isreg():
            # Asking the disk also finds names that differ only in case, where that matters, and directories.
            if os.path.lexists(os.path.join(destination, safe.name)):
                raise _RejectedError(f"{member.name!r} occurs twice")
            self.files += 1
        return safe


def unpack(
    archive: Path,
    destination: Path,
    max_members: int = MAX_MEMBERS,
    max_bytes: int = MAX_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> int:
    """Extract the files of a tar.xz archive into an existing, empty directory; return their number.

    Names and contents are kept; owners, modes and times are not. After an error some files may have been written:
    pass a temporary directory (``atomic.new_folder``).

    Parameters
    ----------
    max_members, max_bytes : int
        Limits on the number of files and directories, and on their total size.
    on_bytes : callable, optional
        Called with the number of bytes of the archive read since the last call.

    Raises
    ------
    InputError
        If the archive cannot be read, is corrupted or truncated, contains anything but files and directories, a name
        twice or one that leads out of the destination, or exceeds a limit; or if the disk cannot be written.
    """
    extraction = _Filter(max_members, max_bytes)
    try:
        with archive.open("rb") as raw, lzma.open(raw) as plain:
            limited = _LimitedReader(plain, max_bytes + max_members * 4 * tarfile.BLOCKSIZE)
            with tarfile.open(fileobj=limited, mode="r|", tarinfo=_Header) as tar:  # type: ignore[call-overload]
                reported = 0
                for member in tar:
                    with writable(destination / member.name.lstrip("/")):
                        tar.extract(member, destination, set_attrs=False, filter=extraction)
                    if on_bytes:
                        on_bytes(raw.tell() - reported)
                        reported = raw.tell()
            while limited.read(_CHUNK):  # to the end, where the checksum of the compressed stream is
                pass
    except tarfile.TarError as error:
        raise InputError(f"archive {archive} cannot be unpacked: {error}") from None
    except (lzma.LZMAError, EOFError):
        raise InputError(f"archive {archive} cannot be unpacked: not an xz file, corrupted or truncated") from None
    except OSError as error:
        raise InputError(f"archive {archive} cannot be read: {error.strerror or error}") from None
    return extraction.files

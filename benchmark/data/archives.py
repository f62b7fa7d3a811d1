"""Unpack a tar.xz archive of a stranger: only files and folders, only below the destination, only so much."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from baselines import InputError
from benchmark.atomic import writable

# MVTec AD has 6,612 images and masks, about 5 GB; an archive far beyond that is no archive of it.
MOST_MEMBERS = 50_000
MOST_BYTES = 20 * 10**9
_MOST_HEADER_BYTES = 1 << 20
_CHUNK = 1 << 18
# What these headers hold, tarfile reads into memory at once, however much they say it is.
_HEADERS_WITH_TEXT = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _UnfitError(Exception):
    """What is wrong with the archive, for the one line that names it."""


class _Header(tarfile.TarInfo):
    """A header that is refused where tarfile would take a damaged one for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        ends_archive = len(buf) == tarfile.BLOCKSIZE and not any(buf)
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if ends_archive:
                raise
            raise _UnfitError("it is no tar archive, or damaged or cut off" if buf else "its end is missing") from error
        if header.size < 0 or (header.type in _HEADERS_WITH_TEXT and header.size > _MOST_HEADER_BYTES):
            raise _UnfitError(f"a header says it is {header.size} bytes long")
        return header


class _Limited:
    """The decompressed bytes of an archive, up to a limit."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file, self._left = file, limit

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _UnfitError("it holds more than an archive of this data set can")
        return data


def unpack(
    archive: Path,
    destination: Path,
    most_members: int = MOST_MEMBERS,
    most_bytes: int = MOST_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> int:
    """Write the files of a tar.xz archive into an existing, empty folder; return how many there were.

    Only names and bytes are taken over: no owners, no modes, no times. When this raises, some files may have been
    written: give a temporary folder (``atomic.new_folder``).

    Parameters
    ----------
    most_members, most_bytes : int
        How many files and folders, and how many bytes unpacked, the archive may hold.
    on_bytes : callable, optional
        Called with how many more bytes of the archive have been read.

    Raises
    ------
    InputError
        If the archive cannot be read, is damaged or cut off, holds anything but files and folders, a name that
        leads out of the destination or occurs twice, or more than the limits; or if the disk cannot be written.
    """
    try:
        with archive.open("rb") as raw, lzma.open(raw) as plain:
            limited = _Limited(plain, most_bytes + most_members * 4 * tarfile.BLOCKSIZE)
            with tarfile.open(fileobj=limited, mode="r|", tarinfo=_Header) as tar:  # type: ignore[call-overload]
                files, told = _Files(destination, most_members, most_bytes), 0
                for member in tar:
                    files.add(tar, member)
                    if on_bytes:
                        on_bytes(raw.tell() - told)
                        told = raw.tell()
            while limited.read(_CHUNK):  # the checksum of the compressed stream comes last
                pass
    except (_UnfitError, tarfile.TarError) as error:
        raise InputError(f"archive {archive} is not unpacked: {error}") from None
    except (lzma.LZMAError, EOFError):
        raise InputError(f"archive {archive} is not unpacked: it is no xz file, or damaged or cut off") from None
    except OSError as error:
        raise InputError(f"archive {archive} cannot be read: {error.strerror or error}") from None
    return files.count


class _Files:
    """What has been written of an archive so far."""

    def __init__(self, destination: Path, most_members: int, most_bytes: int) -> None:
        self.count = 0
        self._destination = destination
        self._most_members, self._most_bytes = most_members, most_bytes
        self._seen: set[tuple[str, ...]] = set()
        self._members = self._bytes = 0

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        parts = _safe_parts(member)
        self._members += 1
        self._bytes += member.size
        if self._members > self._most_members:
            raise _UnfitError(f"it has more than {self._most_members} members")
        if self._bytes > self._most_bytes:
            raise _UnfitError(f"{member.name!r} and what comes before say they are {self._bytes} bytes long")
        target = self._destination.joinpath(*parts)
        with writable(target):
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                return
            # Where letters differ in case only, or a file's name is a folder's, the disk decides.
            if parts in self._seen or target.exists():
                raise _UnfitError(f"{member.name!r} occurs twice")
            self._seen.add(parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._write(tar, member, target)
        self.count += 1

    @staticmethod
    def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        source = tar.extractfile(member)
        assert source is not None  # a regular file
        with target.open("xb") as file:
            left = member.size
            while left:
                data = source.read(min(left, _CHUNK))
                if not data:
                    raise _UnfitError(f"it ends within {member.name!r}")
                file.write(data)
                left -= len(data)


def _safe_parts(member: tarfile.TarInfo) -> tuple[str, ...]:
    """Return the parts of a member's name below the destination."""
    if member.issparse() or not (member.isdir() or member.isreg()):
        raise _UnfitError(f"{member.name!r} is neither a file nor a folder but a link, a device or the like")
    name = member.name
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or any(c in name for c in "\\\0:"):
        raise _UnfitError(f"the name {name!r} leads out of the folder")
    if not parts and not member.isdir():
        raise _UnfitError(f"the name {name!r} is none")
    return parts

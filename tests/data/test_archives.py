"""Unpacking untrusted archives: corrupted and hostile ones are refused, nothing is written outside the folder."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.data.archives import unpack


def member(name: str, data: bytes = b"pixels", **values: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in values.items():
        setattr(info, key, value)
    return info, data


def pack(path: Path, *members: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.GNU_FORMAT) -> Path:
    """Write a tar.xz file of these members."""
    with tarfile.open(path, "w:xz", preset=0, format=tar_format) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return path


def everything_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "world" / "out"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_files_and_directories_are_written_with_ordinary_permissions(
    tmp_path: Path, destination: Path, tar_format: int
) -> None:
    long_name = f"./bottle/{'x' * 90}/{'y' * 50}.png"
    members = (
        member("bottle", b"", type=tarfile.DIRTYPE, mode=0),
        member("bottle/test/000.png", mode=0o4777, uid=0, mtime=1),
        member(long_name, b"p" * 1000),
    )
    read: list[int] = []
    path = pack(tmp_path / "a.tar.xz", *members, tar_format=tar_format)
    assert unpack(path, destination, on_bytes=read.append) == 2
    assert (destination / "bottle/test/000.png").read_bytes() == b"pixels"
    assert (destination / long_name).read_bytes() == b"p" * 1000
    umask = os.umask(0)
    os.umask(umask)
    assert (destination / "bottle/test/000.png").stat().st_mode & 0o7777 == 0o666 & ~umask
    assert 0 < sum(read) <= path.stat().st_size


HOSTILE = {
    "dot dot": [member("bottle/../../escaped.png")],
    "symlink out": [member("bottle", b"", type=tarfile.SYMTYPE, linkname="..")],
    "symlink within": [member("a"), member("b", b"", type=tarfile.SYMTYPE, linkname="a")],
    "hardlink": [member("a"), member("b", b"", type=tarfile.LNKTYPE, linkname="a")],
    "device": [member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "pipe": [member("pipe", b"", type=tarfile.FIFOTYPE)],
    "null byte": [member("plain.png"), member("nu", b"", pax_headers={"path": "nu\0ll.png"})],
    "twice": [member("a.png"), member("./a.png", b"other")],
    "file where a directory is": [member("a/b.png"), member("a")],
    "directory where a file is": [member("a"), member("a/b.png")],
    "no name": [member(".")],
    "more bytes than the limit": [member("a", b"p" * 600), member("b", b"p" * 600)],
    "more members than the limit": [member(f"{i}.png", b"") for i in range(30)],
}
# What the message must name; the last member of the archive by default.
NAMED = {
    "null byte": "nu\\x00ll.png",
    "directory where a file is": "out/a",
    "more bytes than the limit": "1200 bytes",
    "more members than the limit": "too many",
}


def test_hostile_members_are_refused_in_one_line_and_nothing_is_written_outside(tmp_path: Path) -> None:
    for kind, members in HOSTILE.items():
        destination = tmp_path / kind / "out"
        destination.mkdir(parents=True)
        path = pack(tmp_path / f"{kind}.tar.xz", *members, tar_format=tarfile.PAX_FORMAT)
        with pytest.raises(InputError) as error:
            unpack(path, destination, max_members=20, max_bytes=1000)
        assert "\n" not in str(error.value)
        assert NAMED.get(kind, members[-1][0].name) in str(error.value), kind
        assert {name.partition("/")[0] for name in everything_below(destination.parent)} == {"out"}, kind


def test_absolute_names_are_unpacked_below_the_destination(tmp_path: Path, destination: Path) -> None:
    escaped = tmp_path / "escaped.png"
    members = (member(str(escaped)), member("..\\escaped.png"), member("C:/escaped.png"))
    assert unpack(pack(tmp_path / "absolute.tar.xz", *members), destination) == 3
    assert not escaped.exists()
    assert everything_below(destination.parent)[0] == "out"
    assert (destination / escaped.relative_to("/")).read_bytes() == b"pixels"


def test_a_file_that_declares_a_huge_size_is_refused_before_it_is_read(tmp_path: Path, destination: Path) -> None:
    info = tarfile.TarInfo("huge.png")
    info.size = 10**15
    path = tmp_path / "huge.tar.xz"
    path.write_bytes(lzma.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024))
    with pytest.raises(InputError, match=r"'huge\.png' .*1000000000000000 bytes"):
        unpack(path, destination)
    assert everything_below(destination) == []


def test_a_header_that_declares_a_huge_size_is_not_read_into_memory(tmp_path: Path, destination: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10**12
    path = tmp_path / "header.tar.xz"
    path.write_bytes(lzma.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024))
    with pytest.raises(InputError, match="header declares 1000000000000 bytes"):
        unpack(path, destination)


def test_a_decompression_bomb_behind_the_end_of_the_tar_is_stopped(tmp_path: Path, destination: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.addfile(*((pair := member("a.png"))[0], io.BytesIO(pair[1])))
    path = tmp_path / "bomb.tar.xz"
    path.write_bytes(lzma.compress(plain.getvalue() + b"\0" * 5_000_000, preset=0))
    with pytest.raises(InputError, match=r"bomb\.tar\.xz .*larger than"):
        unpack(path, destination, max_members=10, max_bytes=1000)


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _recompressed(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: lzma.compress(change(lzma.decompress(data)), preset=0)


CORRUPTED: dict[str, Callable[[bytes], bytes]] = {
    "truncated xz": _cut,
    "last bytes of the xz missing": lambda data: data[:-4],
    "a bit flipped": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    "text": lambda data: b"<html>not found</html>",
    "empty": lambda data: b"",
    "an xz of text": lambda data: lzma.compress(b"hello " * 200),
    "tar truncated within a file": _recompressed(lambda tar: tar[:1000]),
    "tar without its end": _recompressed(lambda tar: tar[:2048]),
    "header corrupted in the middle": _recompressed(lambda tar: tar[:1024] + b"\xff" * 512 + tar[1536:]),
}


def test_corrupted_archives_are_refused_in_one_line(tmp_path: Path) -> None:
    content = [member("a.png", os.urandom(512)), member("b.png", os.urandom(512))]
    complete = pack(tmp_path / "complete.tar.xz", *content).read_bytes()
    for kind, change in CORRUPTED.items():
        destination, path = tmp_path / kind, tmp_path / f"{kind}.tar.xz"
        destination.mkdir()
        path.write_bytes(change(complete))
        with pytest.raises(InputError, match=r"corrupted|truncated|unexpected end of data") as error:
            unpack(path, destination)
        assert path.name in str(error.value)
        assert "\n" not in str(error.value), kind


def test_a_missing_archive_is_named(tmp_path: Path, destination: Path) -> None:
    with pytest.raises(InputError, match=r"none\.tar\.xz"):
        unpack(tmp_path / "none.tar.xz", destination)

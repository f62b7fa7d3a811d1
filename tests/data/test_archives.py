"""Unpacking what a stranger packed: whole or not at all, and nothing outside the folder."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from baselines import InputError
from benchmark.data.archives import unpack


def member(name: str, data: bytes = b"pixels", **values: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in values.items():
        setattr(info, key, value)
    return info, data


def pack(path: Path, *members: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.GNU_FORMAT) -> Path:
    """Write a tar.xz file of these members, however odd they are."""
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
def test_files_and_folders_are_written_with_ordinary_rights(tmp_path: Path, destination: Path, tar_format: int) -> None:
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


HOSTILE: dict[str, tuple[list[tuple[tarfile.TarInfo, bytes]], str]] = {
    "absolute": ([member("/tmp/escaped.png")], "leads out of the folder"),
    "dot dot": ([member("bottle/../../escaped.png")], "leads out of the folder"),
    "backslash": ([member("..\\escaped.png")], "leads out of the folder"),
    "drive": ([member("C:/escaped.png")], "leads out of the folder"),
    "symlink": ([member("bottle", b"", type=tarfile.SYMTYPE, linkname="..")], "neither a file nor a folder"),
    "hardlink": ([member("a"), member("b", b"", type=tarfile.LNKTYPE, linkname="a")], "neither a file nor a folder"),
    "device": ([member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "neither a file nor a folder"),
    "pipe": ([member("pipe", b"", type=tarfile.FIFOTYPE)], "neither a file nor a folder"),
    "twice": ([member("a.png"), member("./a.png", b"other")], "occurs twice"),
    "file where a folder is": ([member("a/b.png"), member("a")], "occurs twice"),
    "folder where a file is": ([member("a"), member("a/b.png")], "is a file where a folder should be"),
    "no name": ([member(".")], "the name '.' is none"),
    "more than the limit": ([member("a", b"p" * 600), member("b", b"p" * 600)], "are 1200 bytes long"),
    "too many": ([member(f"{i}.png", b"") for i in range(30)], "more than 20 members"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_members_are_refused_in_one_line_and_write_nothing_outside(
    tmp_path: Path, destination: Path, kind: str
) -> None:
    members, message = HOSTILE[kind]
    path = pack(tmp_path / "hostile.tar.xz", *members)
    with pytest.raises(InputError, match=message) as error:
        unpack(path, destination, most_members=20, most_bytes=1000)
    assert "\n" not in str(error.value)
    assert everything_below(destination.parent)[0] == "out"
    assert all(name == "out" or name.startswith("out/") for name in everything_below(destination.parent))
    assert not Path("/tmp/escaped.png").exists()


def test_a_file_that_only_claims_to_be_huge_is_refused_before_it_is_read(tmp_path: Path, destination: Path) -> None:
    info = tarfile.TarInfo("huge.png")
    info.size = 10**15
    path = tmp_path / "huge.tar.xz"
    path.write_bytes(lzma.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024))
    with pytest.raises(InputError, match=r"'huge.png' .* 1000000000000000 bytes long"):
        unpack(path, destination)
    assert everything_below(destination) == []


def test_a_header_is_not_read_into_memory_whatever_size_it_claims(tmp_path: Path, destination: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10**12
    path = tmp_path / "header.tar.xz"
    path.write_bytes(lzma.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024))
    with pytest.raises(InputError, match="a header says it is 1000000000000 bytes long"):
        unpack(path, destination)


def test_a_bomb_that_hides_behind_the_end_is_stopped(tmp_path: Path, destination: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.addfile(*((pair := member("a.png"))[0], io.BytesIO(pair[1])))
    path = tmp_path / "bomb.tar.xz"
    path.write_bytes(lzma.compress(plain.getvalue() + b"\0" * 5_000_000, preset=0))
    with pytest.raises(InputError, match="holds more than an archive of this data set can"):
        unpack(path, destination, most_members=10, most_bytes=1000)


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _recompressed(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: lzma.compress(change(lzma.decompress(data)), preset=0)


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated xz": (_cut, "no xz file, or damaged or cut off"),
    "last bytes of the xz missing": (lambda data: data[:-4], "no xz file, or damaged or cut off"),
    "a bit flipped": (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], "damaged or cut off"),
    "text": (lambda data: b"<html>not found</html>", "no xz file"),
    "empty": (lambda data: b"", "no xz file|its end is missing"),
    "an xz of text": (lambda data: lzma.compress(b"hello " * 200), "is no tar archive"),
    "tar cut within a file": (_recompressed(lambda tar: tar[:1000]), "damaged or cut off|ends within|unexpected end"),
    "tar without its end": (_recompressed(lambda tar: tar[:2048]), "its end is missing"),
    "header damaged in the middle": (
        _recompressed(lambda tar: tar[:1024] + b"\xff" * 512 + tar[1536:]),
        "is no tar archive, or damaged",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_archives_are_refused(tmp_path: Path, destination: Path, kind: str) -> None:
    change, message = DAMAGED[kind]
    content = [member("a.png", os.urandom(512)), member("b.png", os.urandom(512))]
    path = pack(tmp_path / "whole.tar.xz", *content)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=message) as error:
        unpack(path, destination)
    assert "\n" not in str(error.value)


def test_a_missing_archive_is_named(tmp_path: Path, destination: Path) -> None:
    with pytest.raises(InputError, match=r"archive .*none\.tar\.xz cannot be read: No such file"):
        unpack(tmp_path / "none.tar.xz", destination)

"""``data download``: fetch, check and unpack MVTec AD."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from baselines.errors import InputError, unknown_name
from benchmark.atomic import check_folder, remove_stale_files
from benchmark.commands.data_verify import EXIT_NOT_AS_LISTED, as_text, check_files, count_problems
from benchmark.data.download import Expected, Received, check_digest, digest_file, download, remove_parts
from benchmark.data.mvtec import NAME as MVTEC_AD
from benchmark.data.mvtec import manifest_folder
from benchmark.data.mvtec_archive import Archive, install_archive, published_archive
from benchmark.data.verify import read_manifest
from benchmark.units import format_bytes


def do(options: argparse.Namespace) -> int:
    """Download, check and unpack the archive, then verify its files."""
    if options.name != MVTEC_AD:
        raise unknown_name("data set to download", options.name, [MVTEC_AD])
    archive = published_archive()
    expected = _expected(options.sha256, archive)
    print(f"{archive.title}. Licence: {archive.licence}")
    if not options.accept_licence:
        raise InputError(f"read the licence at {archive.page}, then repeat the command with --accept-licence")
    if options.timeout <= 0:
        raise InputError(f"--timeout must be above 0, got {options.timeout:g}")
    if options.out.exists():
        raise InputError(
            f"{options.out} exists already: check it with `data verify --dataset mvtec-ad --data-root {options.out}`, "
            "or name another folder"
        )
    beside = options.out.absolute().parent
    if options.keep_archive and (beside / archive.file).exists():
        raise InputError(f"{beside / archive.file} exists already: give it with --archive, or leave out --keep-archive")
    check_folder(beside)
    remove_stale_files(beside)
    links = tuple(options.link) or archive.links
    received = _received(options, archive, expected, links, beside)
    print(f"unpacking {received.path}, {format_bytes(received.size)}, SHA-256 {received.sha256}")
    install_archive(received, expected, archive, options.out)
    _clean_up(options, archive, received, links, beside)
    print(f"wrote {options.out}; verifying")
    checks, others = check_files(options.out, read_manifest(manifest_folder()), [], False, None)
    print("\n".join(as_text(checks, others)))
    return EXIT_NOT_AS_LISTED if count_problems(checks, others) else 0


def _expected(sha256: str | None, archive: Archive) -> Expected:
    if sha256 is None:
        return archive.expected
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"--sha256 must be 64 hexadecimal digits, got '{sha256}'")
    return Expected(sha256.lower(), None, "--sha256")


def _received(
    options: argparse.Namespace, archive: Archive, expected: Expected, links: Sequence[str], beside: Path
) -> Received:
    if options.archive is None:
        try:
            return download(links, beside, archive.file, expected, options.timeout)
        except InputError as error:
            raise InputError(f"{error}; {archive.by_hand}") from None
    if not options.archive.is_file():
        raise InputError(f"archive {options.archive} is not a file; {archive.by_hand}")
    size, sha256 = digest_file(options.archive)
    if problem := check_digest(size, sha256, expected):
        raise InputError(
            f"archive {options.archive} is corrupted or a different one: {problem}; give --sha256 if it is correct"
        )
    return Received(options.archive, "", size, sha256)


def _clean_up(
    options: argparse.Namespace, archive: Archive, received: Received, links: Sequence[str], beside: Path
) -> None:
    """Remove the downloaded archive, or keep it under its name; leave a local archive alone."""
    if options.archive is not None:
        return
    if options.keep_archive:
        received.path.replace(beside / archive.file)
        print(f"kept {beside / archive.file}")
    remove_parts(links, beside, archive.file)

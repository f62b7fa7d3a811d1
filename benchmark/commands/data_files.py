"""``data verify`` and ``data download``: are the files the right ones, and where do they come from."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baselines import InputError
from baselines.errors import unknown_name
from benchmark.atomic import check_folder, new_folder, remove_stale_files
from benchmark.commands.options import add_data
from benchmark.data.archives import unpack
from benchmark.data.download import Expected, Received, check_digest, digest_file, download, remove_parts
from benchmark.data.manifest import CategoryManifest
from benchmark.data.meter import amount, meter
from benchmark.data.mvtec import NAME as MVTEC_AD
from benchmark.data.mvtec import Archive, manifest_folder, published_archive
from benchmark.data.verify import (
    KINDS,
    CategoryCheck,
    Problem,
    category_folders,
    read_checksums,
    read_manifest,
    unlisted_categories,
    verify_category,
    write_checksums,
)

EXIT_NOT_AS_LISTED = 1
_SHOWN_PER_KIND = 5


def add_actions(actions: argparse._SubParsersAction) -> None:
    """Add what ``data`` can do about files."""
    verify = actions.add_parser("verify", help="compare the files of a data set with the list of what must be there")
    add_data(verify)
    verify.add_argument("--category", action="extend", nargs="+", default=[], metavar="NAME")
    verify.add_argument("--manifest", type=Path, metavar="DIR", help="list of `data manifest --out`; mvtec-ad has one")
    verify.add_argument("--ignore-size", action="store_true", help="take images of any size")
    verify.add_argument(
        "--checksums", type=Path, metavar="FILE", help="compare with this record of SHA-256; written if it is not there"
    )
    verify.add_argument("--json", action="store_true", help="as JSON")
    verify.set_defaults(do=do_verify)

    fetch = actions.add_parser("download", help="fetch, check and unpack MVTec AD")
    fetch.add_argument("name", metavar=MVTEC_AD)
    fetch.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the categories")
    fetch.add_argument("--accept-licence", action="store_true", help="you have read the licence and accept it")
    fetch.add_argument("--archive", type=Path, metavar="FILE", help="unpack this one; downloads nothing")
    fetch.add_argument("--link", action="append", default=[], metavar="URL", help="try this one instead; repeatable")
    fetch.add_argument("--sha256", metavar="HEX", help="of the archive, instead of the one that others report")
    fetch.add_argument("--keep-archive", action="store_true", help="keep the archive beside DIR")
    fetch.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="of silence; default: 30")
    fetch.set_defaults(do=do_download)


def do_verify(options: argparse.Namespace) -> int:
    """Compare files with a list; 0 if everything is as listed, 1 if not."""
    if options.manifest is None and options.dataset != MVTEC_AD:
        raise InputError(
            f"--dataset {options.dataset} is compared with no list: give one with --manifest DIR "
            "(`data manifest --out` writes it), or use --dataset mvtec-ad"
        )
    if options.data_root is None:
        raise InputError("data verify needs --data-root DIR, the folder that holds the categories")
    manifests = read_manifest(options.manifest or manifest_folder())
    checks, others = _check(options.data_root, manifests, options.category, options.ignore_size, options.checksums)
    right = not others and not any(check.problems for check in checks)
    if options.json:
        print(json.dumps(_as_json(options.data_root, checks, others), indent=1))
    else:
        print("\n".join(_as_text(checks, others)))
    if options.checksums and not options.checksums.exists():
        if right:
            write_checksums(options.checksums, {k: v for check in checks for k, v in (check.checksums or {}).items()})
        if not options.json:
            print(f"wrote {options.checksums}" if right else f"{options.checksums} is not written: something is wrong")
    return 0 if right else EXIT_NOT_AS_LISTED


def _check(
    root: Path, manifests: Sequence[CategoryManifest], asked: Sequence[str], ignore_size: bool, record: Path | None
) -> tuple[list[CategoryCheck], list[Problem]]:
    listed = {manifest.category: manifest for manifest in manifests}
    for category in asked:
        if category not in listed:
            raise unknown_name("category", category, listed)
    folders = category_folders(root, list(listed))
    if missing := [category for category in asked if category not in folders]:
        raise InputError(f"data root {root} is the category {next(iter(folders))}; it holds no {missing[0]}")
    chosen = [category for category in folders if category in asked or not asked]
    recorded = read_checksums(record) if record and record.exists() else None
    if recorded is not None and not {name.partition("/")[0] for name in recorded} & set(chosen):
        raise InputError(f"{record} records checksums of none of these categories: {', '.join(chosen[:4])}")
    files = sum(1 + bool(image.mask) for category in chosen for image in listed[category].records)
    with meter("reading", files) as advance:
        checks = [
            verify_category(
                folders[category],
                listed[category],
                ignore_size,
                recorded,
                with_checksums=record is not None and recorded is None,
                on_file=advance,
            )
            for category in chosen
        ]
    return checks, [] if asked else unlisted_categories(root, list(listed))


def _as_text(checks: Sequence[CategoryCheck], others: Sequence[Problem]) -> list[str]:
    lines = []
    for check in checks:
        counts = Counter(problem.kind for problem in check.problems)
        said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "as listed"
        lines.append(f"{check.category}: {check.images} images and {check.masks} masks listed: {said}")
        for kind in counts:
            found = [problem for problem in check.problems if problem.kind == kind]
            for problem in found[:_SHOWN_PER_KIND]:
                lines.append(f"  {kind}: {problem.file}" + (f" ({problem.detail})" if problem.detail else ""))
            if len(found) > _SHOWN_PER_KIND:
                lines.append(f"  {kind}: {len(found) - _SHOWN_PER_KIND} more; --json has all")
        if check.empty_masks:
            shown = ", ".join(check.empty_masks[:_SHOWN_PER_KIND])
            lines.append(f"  note: {len(check.empty_masks)} masks mark nothing; such images are never used: {shown}")
    lines += [f"{problem.kind}: {problem.file} ({problem.detail})" for problem in others]
    summary = _summary(checks, others)
    total = sum(check.images for check in checks), sum(check.masks for check in checks)
    wrong = ", ".join(f"{count} {kind}" for kind, count in summary.items())
    return [*lines, f"{len(checks)} categories, {total[0]} images, {total[1]} masks: {wrong or 'all as listed'}"]


def _as_json(root: Path, checks: Sequence[CategoryCheck], others: Sequence[Problem]) -> dict[str, Any]:
    return {
        "data_root": str(root),
        "as_listed": not _summary(checks, others),
        "summary": _summary(checks, others),
        "unlisted_categories": [problem.file for problem in others],
        "categories": {
            check.category: {
                "images": check.images,
                "masks": check.masks,
                "problems": [asdict(problem) for problem in check.problems],
                "empty_masks": check.empty_masks,
            }
            for check in checks
        },
    }


def _summary(checks: Sequence[CategoryCheck], others: Sequence[Problem]) -> dict[str, int]:
    counts = Counter(problem.kind for check in checks for problem in check.problems)
    counts.update(problem.kind for problem in others)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def do_download(options: argparse.Namespace) -> int:
    """Fetch, check and unpack the archive, then verify what was in it."""
    if options.name != MVTEC_AD:
        raise unknown_name("data set to download", options.name, [MVTEC_AD])
    archive = published_archive()
    expected = _expected(options.sha256, archive)
    print(f"{archive.title}. Licence: {archive.licence}")
    if not options.accept_licence:
        raise InputError(f"read the licence at {archive.page}, then give the same command with --accept-licence")
    if options.timeout <= 0:
        raise InputError(f"--timeout must be above 0, got {options.timeout:g}")
    if options.out.exists():
        raise InputError(
            f"{options.out} exists already: `data verify --dataset mvtec-ad --data-root {options.out}` says whether "
            "it is whole; or name another folder"
        )
    beside = options.out.absolute().parent
    if options.keep_archive and (beside / archive.file).exists():
        raise InputError(f"{beside / archive.file} exists already: give it with --archive, or leave out --keep-archive")
    check_folder(beside)
    remove_stale_files(beside)
    links = tuple(options.link) or archive.links
    received = _received(options, archive, expected, links, beside)
    print(f"unpacking {received.path}, {amount(received.size)}, SHA-256 {received.sha256}")
    _unpack(received, expected, archive, options.out)
    _put_away(options, archive, received, links, beside)
    print(f"wrote {options.out}; verifying")
    checks, others = _check(options.out, read_manifest(manifest_folder()), [], False, None)
    print("\n".join(_as_text(checks, others)))
    return EXIT_NOT_AS_LISTED if _summary(checks, others) else 0


def _expected(sha256: str | None, archive: Archive) -> Expected:
    if sha256 is None:
        return archive.expected
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"--sha256 takes 64 hexadecimal digits, got '{sha256}'")
    return Expected(sha256.lower(), None, "--sha256 says")


def _received(
    options: argparse.Namespace, archive: Archive, expected: Expected, links: Sequence[str], beside: Path
) -> Received:
    if options.archive is None:
        try:
            return download(links, beside, archive.file, expected, options.timeout)
        except InputError as error:
            raise InputError(f"{error}; {archive.by_hand}") from None
    if not options.archive.is_file():
        raise InputError(f"archive {options.archive} is no file; {archive.by_hand}")
    size, sha256 = digest_file(options.archive)
    if fault := check_digest(size, sha256, expected):
        raise InputError(
            f"archive {options.archive} is damaged or another one: {fault}; or give --sha256 if it is right"
        )
    return Received(options.archive, "", size, sha256)


def _unpack(received: Received, expected: Expected, archive: Archive, out: Path) -> None:
    """Unpack into a folder that is whole or not there, with a record of where it comes from."""
    with new_folder(out) as folder:
        try:
            with meter("unpacking", received.size, "bytes") as advance:
                unpack(received.path, folder, on_bytes=advance)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"the archive is kept, {received.path}") from None
        _lift(folder)
        record = {
            "archive": archive.file,
            "licence": archive.licence,
            "from": received.link or "a file that was handed in",
            "unpacked": datetime.now(UTC).isoformat(timespec="seconds"),
            "size": received.size,
            "sha256": received.sha256,
            "checked_against": f"what {expected.source}",
            "etag": received.etag,
            "last_modified": received.last_modified,
        }
        (folder / "received.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _lift(folder: Path) -> None:
    """Take the categories out of the one folder in which some archives have them."""
    (inner, *others) = list(folder.iterdir()) or [folder]
    if others or not inner.is_dir() or (inner / "test").is_dir():
        return
    moved = inner.rename(folder / ".inner~")  # one of its folders may have its own name
    for path in moved.iterdir():
        path.rename(folder / path.name)
    moved.rmdir()


def _put_away(
    options: argparse.Namespace, archive: Archive, received: Received, links: Sequence[str], beside: Path
) -> None:
    """Remove what was downloaded, or give it its name; an archive that was handed in stays where it is."""
    if options.archive is not None:
        return
    if options.keep_archive:
        received.path.replace(beside / archive.file)
        print(f"kept {beside / archive.file}")
    remove_parts(links, beside, archive.file)

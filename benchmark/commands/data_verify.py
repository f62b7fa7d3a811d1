"""``data verify``: compare files with a list."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from baselines.errors import InputError, unknown_name
from benchmark.data.choices import MASKS_HOLD
from benchmark.data.manifest import CategoryManifest
from benchmark.data.mvtec import NAME as MVTEC_AD
from benchmark.data.mvtec import manifest_folder
from benchmark.data.progress import show_progress
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


def do(options: argparse.Namespace) -> int:
    """Compare files with a list; return 0 if they agree and 1 if not."""
    if options.manifest is None and options.dataset != MVTEC_AD:
        raise InputError(
            f"there is no manifest for --dataset {options.dataset}: give one with --manifest DIR "
            "(`data manifest --out` writes it), or use --dataset mvtec-ad"
        )
    if options.data_root is None:
        raise InputError("data verify needs --data-root DIR, the folder that contains the categories")
    manifests = read_manifest(options.manifest or manifest_folder())
    if options.masks_hold not in (None, *MASKS_HOLD):
        raise unknown_name("value of --masks-hold", options.masks_hold, MASKS_HOLD)
    checks, others = check_files(
        options.data_root, manifests, options.category, options.ignore_size, options.checksums, options.masks_hold
    )
    correct = not count_problems(checks, others)
    if options.json:
        print(json.dumps(_as_json(options.data_root, checks, others), indent=1))
    else:
        print("\n".join(as_text(checks, others)))
    if options.checksums and not options.checksums.exists():
        if correct:
            write_checksums(options.checksums, {k: v for check in checks for k, v in (check.checksums or {}).items()})
        if not options.json:
            print(f"wrote {options.checksums}" if correct else f"{options.checksums} not written: there are problems")
    return 0 if correct else EXIT_NOT_AS_LISTED


def check_files(
    root: Path,
    manifests: Sequence[CategoryManifest],
    requested: Sequence[str],
    ignore_size: bool,
    record: Path | None,
    masks_hold: str | None = None,
) -> tuple[list[CategoryCheck], list[Problem]]:
    listed = {manifest.category: manifest for manifest in manifests}
    for category in requested:
        if category not in listed:
            raise unknown_name("category", category, listed)
    folders = category_folders(root, list(listed))
    if missing := [category for category in requested if category not in folders]:
        raise InputError(f"data root {root} is the category {next(iter(folders))}; there is no {missing[0]} in it")
    chosen = [category for category in folders if category in requested or not requested]
    recorded = read_checksums(record) if record and record.exists() else None
    if recorded is not None and not {name.partition("/")[0] for name in recorded} & set(chosen):
        raise InputError(f"{record} has no checksums of these categories: {', '.join(chosen[:4])}")
    files = sum(1 + bool(image.mask) for category in chosen for image in listed[category].records)
    with show_progress("reading", files) as advance:
        checks = [
            verify_category(
                folders[category],
                listed[category],
                ignore_size,
                recorded,
                with_checksums=record is not None and recorded is None,
                on_file=advance,
                masks_hold=masks_hold,
            )
            for category in chosen
        ]
    return checks, [] if requested else unlisted_categories(root, list(listed))


def as_text(checks: Sequence[CategoryCheck], others: Sequence[Problem]) -> list[str]:
    lines = []
    for check in checks:
        counts = Counter(problem.kind for problem in check.problems)
        problems = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "as listed"
        lines.append(f"{check.category}: {check.images} images and {check.masks} masks listed: {problems}")
        for kind in counts:
            found = [problem for problem in check.problems if problem.kind == kind]
            for problem in found[:_SHOWN_PER_KIND]:
                lines.append(f"  {kind}: {problem.file}" + (f" ({problem.detail})" if problem.detail else ""))
            if len(found) > _SHOWN_PER_KIND:
                lines.append(f"  {kind}: {len(found) - _SHOWN_PER_KIND} more; --json has all")
        if check.empty_masks:
            shown = ", ".join(check.empty_masks[:_SHOWN_PER_KIND])
            lines.append(f"  note: {len(check.empty_masks)} masks are empty; their images are never used: {shown}")
    lines += [f"{problem.kind}: {problem.file} ({problem.detail})" for problem in others]
    summary = count_problems(checks, others)
    total = sum(check.images for check in checks), sum(check.masks for check in checks)
    wrong = ", ".join(f"{count} {kind}" for kind, count in summary.items())
    return [*lines, f"{len(checks)} categories, {total[0]} images, {total[1]} masks: {wrong or 'all as listed'}"]


def _as_json(root: Path, checks: Sequence[CategoryCheck], others: Sequence[Problem]) -> dict[str, Any]:
    return {
        "data_root": str(root),
        "as_listed": not count_problems(checks, others),
        "summary": count_problems(checks, others),
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


def count_problems(checks: Sequence[CategoryCheck], others: Sequence[Problem]) -> dict[str, int]:
    counts = Counter(problem.kind for check in checks for problem in check.problems)
    counts.update(problem.kind for problem in others)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}

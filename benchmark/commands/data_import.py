"""``data import``: convert published data sets, or your own images and masks, to MVTec AD's layout."""

from __future__ import annotations

import argparse

from baselines.errors import InputError, unknown_name
from benchmark.data.choices import MASKS_HOLD
from benchmark.data.importers import IMPORTERS, LAYOUTS, PAIRS
from benchmark.data.importers.layout import Imported, import_layout
from benchmark.data.importers.pairs import PairPatterns, import_pairs
from benchmark.data.importers.visa import VISA_BY_TYPE
from reports.escapes import for_terminal

_LISTED = 20


_PAIRS_OPTIONS = ("images", "masks", "normals", "label", "category", "masks_hold", "held_out", "ignore_unmatched")


def do(options: argparse.Namespace) -> int:
    """Import images and print what was found."""
    if options.name not in IMPORTERS:
        raise unknown_name("importer", options.name, IMPORTERS)
    if options.seed < 0:
        raise InputError(f"--seed must be at least 0, got {options.seed}")
    given = {name: getattr(options, name) for name in _PAIRS_OPTIONS if getattr(options, name) is not None}
    if options.name != PAIRS:
        if given:
            raise InputError(f"--{next(iter(given)).replace('_', '-')} is an option of data import {PAIRS} only")
        layout = VISA_BY_TYPE if options.by_type else LAYOUTS[options.name]
        if options.name != layout.name:
            raise InputError(f"--by-type is an option of data import {layout.name} only")
        _print_import(import_layout(layout, options.source, options.destination, options.seed))
        return 0
    if options.by_type:
        raise InputError(f"--by-type is an option of data import {VISA_BY_TYPE.name} only: give {{label}} in a pattern")
    if not {"images", "masks"} <= set(given):
        raise InputError(f"data import {PAIRS} needs --images PATTERN and --masks PATTERN")
    if options.masks_hold not in (None, *MASKS_HOLD):
        raise unknown_name("value of --masks-hold", options.masks_hold, MASKS_HOLD)
    category = given.pop("category", None)
    imported, left_out = import_pairs(
        options.source, options.destination, PairPatterns(**given), category, options.seed
    )
    _print_import(imported)
    if left_out:
        print(f"  {len(left_out)} files without a partner were left out:")
        for path in left_out[:_LISTED]:
            print(f"    {path}")
        if len(left_out) > _LISTED:
            print(f"    ... and {len(left_out) - _LISTED} more")
    return 0


def _print_import(imported: Imported) -> None:
    print(f"wrote {imported.folder}")
    for category in imported.categories:
        print(f"{category.name}: " + ", ".join(f"{'/'.join(key)} {count}" for key, count in category.images.items()))
        if category.grey_masks:
            print(f"  {category.grey_masks} masks had values other than black and white and were made binary")
        if category.empty_masks:
            print(
                f"  {category.empty_masks} defective images have an empty mask and will be left out of training and "
                "testing"
            )
        if category.full_masks:
            print(f"  {category.full_masks} masks mark more than half of the image; inverted?")
    for note in imported.notes:
        print(f"  {for_terminal(note)}")
    print(f"use with: --dataset folder --data-root {imported.folder}")

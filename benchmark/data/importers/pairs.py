"""Your own images and masks, found by patterns such as ``photos/{name}.jpg`` and ``labels/{name}_gt.png``.

A pattern is a path below the source with ``{name}``, which pairs a mask with its image, and optionally ``{label}``, the
defect type; ``*`` matches anything except ``/``. An image is defective if a pixel of its mask is marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from baselines.errors import InputError
from benchmark.data.files import walk
from benchmark.data.images import EXTENSIONS, MASK_READERS, OTHER_EXTENSIONS, open_image
from benchmark.data.importers.layout import (
    HELD_OUT,
    Imported,
    Picture,
    check_new,
    check_source,
    hold_out,
    write_categories,
)
from benchmark.data.manifest import GOOD, Finding
from benchmark.data.names import check_defect_name, check_folder_name, check_path
from benchmark.data.notes import find_hidden_marks, unread_marks

_PLACEHOLDERS = ("name", "label")
_LISTED = 4


@dataclass(frozen=True)
class PairPatterns:
    """How to find images and masks, and how to read the masks.

    Attributes
    ----------
    images, masks : str
        Patterns with ``{name}`` and optionally ``{label}``.
    normals : str or None
        Pattern of further normal images, which have no masks.
    label : str
        Defect type if no pattern has ``{label}``.
    masks_hold : {"grey", "classes"}
        Whether pixels above 127 are defective, or all other than 0.
    held_out : float
        Share of the normal images used for testing, at least 0 and below 1.
    ignore_unmatched : bool
        Leave out files without a partner instead of refusing them.
    """

    images: str
    masks: str
    normals: str | None = None
    label: str = "defect"
    masks_hold: str = "grey"
    held_out: float = HELD_OUT
    ignore_unmatched: bool = False


@dataclass(frozen=True)
class _Match:
    path: Path
    name: str
    label: str | None


def import_pairs(
    source: Path, destination: Path, patterns: PairPatterns, category: str | None = None, seed: int = 0
) -> tuple[Imported, list[Path]]:
    """Write images and masks as ``destination/category`` in MVTec AD's layout, atomically.

    Parameters
    ----------
    category : str, optional
        The name of the source folder by default.
    seed : int
        Draws the normal images held out for testing.

    Returns
    -------
    Imported
    list of Path
        Files without a partner that were left out.

    Raises
    ------
    InputError
        If a pattern is invalid or matches nothing, a file has no partner, no image is normal or none is defective, a
        file cannot be read, or the target exists already.
    """
    if not 0 <= patterns.held_out < 1:
        raise InputError(f"--held-out must be at least 0 and below 1, got {patterns.held_out:g}")
    check_defect_name(patterns.label)
    check_source(source)
    category = source.absolute().name if category is None else category
    check_folder_name("category", category)
    target = destination / category
    check_new(target)
    found = _find(source, patterns, category, seed)
    imported = write_categories(target, {"": found.pictures}, MASK_READERS[patterns.masks_hold])
    return replace(imported, notes=found.notes), found.unmatched


@dataclass(frozen=True)
class _Found:
    pictures: list[Picture]
    unmatched: list[Path]
    notes: tuple[str, ...]


def _find(source: Path, patterns: PairPatterns, category: str, seed: int) -> _Found:
    files = sorted(walk(source))
    masks = _matches(source, files, "--masks", patterns.masks)
    taken = {match.path for match in masks}
    normals = _matches(source, files, "--normals", patterns.normals) if patterns.normals is not None else []
    normals = [match for match in normals if match.path not in taken]
    taken |= {match.path for match in normals}
    images = [match for match in _matches(source, files, "--images", patterns.images) if match.path not in taken]
    if not images:
        raise InputError(f"--images {patterns.images} matches nothing in {source} except masks and normal images")

    defective, normal, unmatched, findings = _sort(images, masks, patterns)
    hidden = unread_marks(findings)
    if unmatched and not patterns.ignore_unmatched:
        named = ", ".join(str(path.relative_to(source)) for path in unmatched[:_LISTED])
        raise InputError(
            f"{len(unmatched)} files in {source} have no partner: {named}{', ...' * (len(unmatched) > _LISTED)}; "
            "fix the patterns, or leave these files out with --ignore-unmatched"
        )
    stems = {match.path: _stem(match) for match in (*normal, *normals)}
    if not defective or not stems:
        raise InputError(
            f"{source} has no {'defective' if not defective else 'normal'} images under these patterns: "
            + (
                "; ".join(hidden) or "all masks are empty"
                if not defective
                else "add --normals PATTERN, or images without a mask"
            )
        )
    held = [
        Picture(picture.path, picture.split, GOOD, stem=stems[picture.path])
        for picture in hold_out(stems, f"pairs {category}", seed, patterns.held_out)
    ]
    taken |= {match.path for match in images}
    others = [path for path in files if path not in taken and path.suffix.lower() in (*EXTENSIONS, *OTHER_EXTENSIONS)]
    notes = [f"imported as normal: {text}" for text in hidden]
    if others:
        listed = ", ".join(path.relative_to(source).as_posix() for path in others[:_LISTED])
        notes.append(
            f"left out: {len(others)} images that match no pattern, or are of a type that is not read "
            f"({listed}{', ...' * (len(others) > _LISTED)})"
        )
    return _Found(held + defective, unmatched, tuple(notes))


def _sort(
    images: Sequence[_Match], masks: Sequence[_Match], patterns: PairPatterns
) -> tuple[list[Picture], list[_Match], list[Path], list[Finding]]:
    """Return defective pictures, normal images, files without a partner, and masks that may hide defects."""
    by_name: dict[str, list[_Match]] = {}
    for mask in masks:
        by_name.setdefault(mask.name, []).append(mask)
    binary = MASK_READERS[patterns.masks_hold]
    defective, normal, unmatched, findings, used = [], [], [], [], set()
    for image in images:
        own = [
            mask
            for mask in by_name.get(image.name, [])
            if None in (mask.label, image.label) or mask.label == image.label
        ]
        used |= {mask.path for mask in own}
        if len(own) > 1:
            raise InputError(f"two masks for {image.path}: {own[0].path} and {own[1].path}; keep one")
        if not own:
            alone = patterns.normals is not None or image.label not in (None, GOOD)
            if alone:
                unmatched.append(image.path)
            else:
                normal.append(image)
        elif binary(stored := open_image(own[0].path)).getbbox() is None:
            normal.append(image)
            findings += find_hidden_marks(stored, own[0].path.name)
        else:
            label = own[0].label or image.label or patterns.label
            check_defect_name(label)
            defective.append(Picture(image.path, "test", label, own[0].path, image.name))
    unmatched += [mask.path for mask in masks if mask.path not in used]
    return defective, normal, sorted(unmatched), findings


def _matches(source: Path, files: Sequence[Path], option: str, pattern: str) -> list[_Match]:
    """Return the files that match a pattern; InputError if it is invalid or there are none."""
    expression = _compile(option, pattern)
    found = []
    for path in files:
        relative = path.relative_to(source).as_posix()
        match = expression.fullmatch(relative)
        if match and path.suffix.lower() in EXTENSIONS:
            check_path(path)
            found.append(_Match(path, match["name"], match.groupdict().get("label")))
    if not found:
        raise InputError(f"{option} {pattern} matches no image in {source}")
    return found


def _compile(option: str, pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]*\}|\*)", pattern)
    names = [part[1:-1] for part in parts if part.startswith("{")]
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{option} {pattern}: the path must be below the source, without ..")
    for name in names:
        if name not in _PLACEHOLDERS:
            raise InputError(f"{option} {pattern}: unknown placeholder {{{name}}}, known: {{name}}, {{label}}")
    if names.count("name") != 1 or names.count("label") > 1:
        raise InputError(
            f"{option} {pattern}: expected {{name}} once and {{label}} at most once, e.g. photos/{{name}}.jpg"
        )
    made = {"*": "[^/]*", "{name}": "(?P<name>[^/]+)", "{label}": "(?P<label>[^/]+)"}
    return re.compile("".join(made.get(part) or re.escape(part) for part in parts))


def _stem(match: _Match) -> str:
    """Return a name for a normal image that is unique among all labels."""
    return match.name if match.label in (None, GOOD) else f"{match.label}_{match.name}"

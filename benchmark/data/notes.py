"""What readers of results should know about the images: which files were left out, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PIL import Image

from benchmark.data.images import MASK_THRESHOLD, hidden_marks
from benchmark.data.manifest import GOOD, MASKS_HOLD_CLASSES, CategoryManifest, Finding, ImageRecord, Oddity

_LEFT_OUT = {
    Oddity.FILE_TYPE: ("file", "of a type that is not read: save images as PNG"),
    Oddity.SUBFOLDER: ("file", "in a folder inside another: move it up one level"),
    Oddity.PLACE: ("image", "outside train/good, test/good, test/DEFECT and ground_truth/DEFECT: move it there"),
    Oddity.TRAIN_DEFECT: ("image", "under train but not in train/good: move defective images to test/DEFECT"),
    Oddity.LONE_MASK: ("mask", "without an image: add the image, or remove the mask"),
    Oddity.MARKED_NORMAL: ("mask", "with marked pixels, of a normal image: if that has a defect, move both to DEFECT"),
}
_NAMED = 4


def notes(manifest: CategoryManifest, named: int = _NAMED) -> list[str]:
    """Return what was left out of a category, and everything unusual about its images.

    ``data list`` prints these lines, ``run`` logs them before training, ``run.json`` and the report hold them.

    Parameters
    ----------
    named : int
        How many files of each kind to name.
    """
    records = manifest.records
    unused = left_out(manifest, named)
    if any(finding.oddity in _LEFT_OUT for finding in manifest.findings):
        unused.insert(0, f"used: {used(manifest)}")
    found = [*_sizes(records), *unused, *_masks(manifest, named)]
    if not manifest.indices("test", GOOD):
        found.append("there are no normal test images, so AUC and ACC are undefined")
    return found + _duplicates(records, named)


def used(manifest: CategoryManifest) -> str:
    """Return the number of images of each split and label, e.g. ``train/good 4, test/good 2, test/hole 4``."""
    counts = Counter((record.split, record.label) for record in manifest.records)
    return ", ".join(f"{split}/{label} {count}" for (split, label), count in counts.items())


def left_out(manifest: CategoryManifest, named: int = _NAMED) -> list[str]:
    """Return which files of a category are not used, and why; ``--strict`` refuses them."""
    found = []
    for oddity, (noun, why) in _LEFT_OUT.items():
        if names := _files(manifest, oddity):
            found.append(f"left out: {_counted(len(names), noun)} {why} ({_listed(names, named)})")
    empty = [record.name for record in manifest.records if record.unannotated]
    if empty:
        marked = "other than 0" if _holds_classes(manifest) else f"above {MASK_THRESHOLD}"
        found.append(
            f"{_counted(len(empty), 'defective image')} {'has' if len(empty) == 1 else 'have'} no mask pixel {marked} "
            f"and {'is' if len(empty) == 1 else 'are'} left out of training and testing: {_listed(empty, named)}"
        )
    return found


def find_hidden_marks(mask: Image.Image, file: str) -> list[Finding]:
    """Return what a mask without a marked pixel may show all the same; ``file`` names it in the finding."""
    highest = hidden_marks(mask)
    if highest is None:
        return []
    return [Finding(Oddity.CLASS_NUMBERS if highest else Oddity.BLACK_PAINT, file, str(highest or ""))]


def unread_marks(findings: Sequence[Finding], named: int = _NAMED) -> list[str]:
    """Return why masks that mark nothing may show defects all the same: class numbers, or black paint."""
    found = []
    numbered = [finding for finding in findings if finding.oddity is Oddity.CLASS_NUMBERS]
    if numbered:
        highest = max(int(finding.detail) for finding in numbered)
        files = [finding.file for finding in numbered]
        found.append(
            f"{_counted(len(numbered), 'mask')} {'holds' if len(numbered) == 1 else 'hold'} only values from 0 to "
            f"{highest}: if these are class numbers, add --masks-hold classes ({_listed(files, named)})"
        )
    black = [finding.file for finding in findings if finding.oddity is Oddity.BLACK_PAINT]
    if black:
        found.append(
            f"{_counted(len(black), 'mask')} painted in black on a transparent ground: paint defects in white "
            f"({_listed(black, named)})"
        )
    return found


def _masks(manifest: CategoryManifest, named: int) -> list[str]:
    found = []
    records = manifest.records
    if _holds_classes(manifest):
        found.append("masks are read as class numbers: every pixel other than 0 is defective")
    elif grey := sum(record.mask_levels > 2 for record in records):
        found.append(f"{grey} masks contain values other than black and white; above {MASK_THRESHOLD} counts as defect")
    found += unread_marks(manifest.findings, named)
    most = [record.mask for record in records if 2 * record.defect_pixels > record.width * record.height > 0]
    if most:
        found.append(
            f"{_counted(len(most), 'mask')} {'marks' if len(most) == 1 else 'mark'} more than half of the image; "
            f"inverted? ({_listed(most, named)})"
        )
    turned = _files(manifest, Oddity.UNTURNED_MASK)
    if turned:
        found.append(
            f"{_counted(len(turned), 'mask')} without an EXIF orientation, of photos with one that does not change "
            f"their size: taken as drawn on the upright photo, check with data sheet ({_listed(turned, named)})"
        )
    return found


def _holds_classes(manifest: CategoryManifest) -> bool:
    return manifest.version == MASKS_HOLD_CLASSES


def _files(manifest: CategoryManifest, oddity: Oddity) -> list[str]:
    return [finding.file for finding in manifest.findings if finding.oddity is oddity]


def _sizes(records: Sequence[ImageRecord]) -> list[str]:
    sizes = Counter((record.width, record.height) for record in records if record.width)
    if len(sizes) < 2:
        return []
    (width, height), most = sizes.most_common(1)[0]
    text = f"{len(records) - most} of {len(records)} images are not {width} x {height} px like the others"
    if most < len(records) / 2:
        widths, heights = zip(*sizes, strict=True)
        text = f"images are {min(widths)} to {max(widths)} px wide and {min(heights)} to {max(heights)} px high"
    return [f"{text}; all are resized to a square"]


def _duplicates(records: Sequence[ImageRecord], named: int) -> list[str]:
    """Return notes on images whose files are equal byte for byte."""
    same: dict[str, list[ImageRecord]] = {}
    for record in records:
        if record.sha256:
            same.setdefault(record.sha256, []).append(record)
    across: list[str] = []
    within: list[str] = []
    contradictory: list[str] = []
    for group in same.values():
        if len(group) > 1:
            equal = " = ".join(record.name for record in group)
            (within if len({record.split for record in group}) == 1 else across).append(equal)
            if len({record.defective for record in group}) > 1:
                contradictory.append(equal)
    found = []
    if across:
        found.append(
            f"{len(across)} images are in both train and test, so scores are too high: {_listed(across, named)}"
        )
    if within:
        found.append(
            f"{len(within)} images occur more than once; a draw may train on one copy and test on another: "
            f"{_listed(within, named)}"
        )
    if contradictory:
        found.append(
            f"{len(contradictory)} images are labelled both normal and defective: {_listed(contradictory, named)}"
        )
    return found


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

"""What a category's folder contains: its images and masks, and every file that is left out, with the reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines.errors import InputError
from benchmark.data.files import visible, walk
from benchmark.data.images import EXTENSIONS, OTHER_EXTENSIONS
from benchmark.data.manifest import GOOD, Finding, ImageRecord, Oddity
from benchmark.data.names import check_path, find_near

PARTS = ("train", "test", "ground_truth")


@dataclass(frozen=True)
class Inventory:
    """The files of a category, not yet opened.

    Attributes
    ----------
    records : tuple of ImageRecord
        Only with names: train/good, test/good, then each defect type.
    normal_masks : tuple of str
        Masks of images in train/good and test/good; they should be empty.
    left_out : tuple of Finding
    """

    records: tuple[ImageRecord, ...]
    normal_masks: tuple[str, ...]
    left_out: tuple[Finding, ...]


def take_inventory(category: str, folder: Path) -> Inventory:
    """Find the files of a category.

    Raises
    ------
    InputError
        If there are no normal training images, no defective ones or no masks, an image has none or two, a folder has
        nearly a name of the layout, or a link leads nowhere.
    """
    check_folders(f"category {category}", folder)
    used: dict[tuple[str, str], list[Path]] = defaultdict(list)
    left_out = []
    for path in walk(folder):
        parts = path.relative_to(folder).parts
        if _is_ignored(parts):
            continue
        oddity = _oddity(parts)
        if oddity is None:
            check_path(path)
            used[parts[0], parts[1]].append(path)
        else:
            left_out.append(_finding(oddity, path, folder))
    _check_complete(category, folder, used)
    records = [
        ImageRecord(split, GOOD, path.relative_to(folder).as_posix())
        for split in ("train", "test")
        for path in used[split, GOOD]
    ]
    kinds = sorted(kind for part, kind in used if part == "test" and kind != GOOD)
    masks_used = set()
    for kind in kinds:
        for path, mask in _pairs(category, folder, kind, used["test", kind], used.get(("ground_truth", kind), [])):
            masks_used.add(mask)
            names = (path.relative_to(folder).as_posix(), mask.relative_to(folder).as_posix())
            records.append(ImageRecord("test", kind, *names))
    stems = {path.stem for split in ("train", "test") for path in used[split, GOOD]}
    normal_masks = [
        path for path in used.get(("ground_truth", GOOD), []) if {path.stem, path.stem.removesuffix("_mask")} & stems
    ]
    masks_used.update(normal_masks)
    masks = [path for (part, _), paths in used.items() if part == "ground_truth" for path in paths]
    left_out += [_finding(Oddity.LONE_MASK, path, folder) for path in masks if path not in masks_used]
    return Inventory(
        tuple(records),
        tuple(path.relative_to(folder).as_posix() for path in normal_masks),
        tuple(left_out),
    )


def check_folders(what: str, folder: Path) -> None:
    """Raise InputError if a folder in a category has nearly a name of the layout, such as ``test/Good``.

    Parameters
    ----------
    what : str
        The category, for the message.
    """
    folders, _ = visible(folder)
    names = [path.name for path in folders]
    missing = [part for part in PARTS if part not in names]
    for path in folders:
        near = None if path.name in PARTS else find_near(path.name, PARTS) or find_near(path.name, missing, typos=True)
        _check_not_near(what, path, near)
        if path.name in PARTS:
            for inner in visible(path)[0]:
                _check_not_near(what, inner, None if inner.name == GOOD else find_near(inner.name, [GOOD]))


def _check_not_near(what: str, path: Path, near: str | None) -> None:
    if near is not None:
        raise InputError(f"{what}: the name of folder {str(path)!r} is nearly {near!r}: rename it")


def _is_ignored(parts: Sequence[str]) -> bool:
    """Return whether a file has nothing to do with the images, like a licence beside the folders of the layout."""
    outside = len(parts) == 1 or parts[0] not in PARTS
    return outside and Path(parts[-1]).suffix.lower() not in (*EXTENSIONS, *OTHER_EXTENSIONS)


def _oddity(parts: Sequence[str]) -> Oddity | None:
    """Return why a file is left out, None if it is an image or a mask in the right place."""
    if Path(parts[-1]).suffix.lower() not in EXTENSIONS:
        return Oddity.FILE_TYPE
    if parts[0] not in PARTS or len(parts) < 3:
        return Oddity.PLACE
    if parts[0] == "train" and parts[1] != GOOD:
        return Oddity.TRAIN_DEFECT
    return Oddity.SUBFOLDER if len(parts) > 3 else None


def _finding(oddity: Oddity, path: Path, folder: Path) -> Finding:
    name = path.relative_to(folder).as_posix()
    return Finding(oddity, name.encode("utf-8", "backslashreplace").decode())


def _check_complete(category: str, folder: Path, used: dict[tuple[str, str], list[Path]]) -> None:
    if not used["train", GOOD]:
        raise InputError(f"category {category} has no normal training images: add some to {folder}/train/good")
    if not any(part == "test" and kind != GOOD for part, kind in used):
        raise InputError(f"category {category} has no defective images: add some to {folder}/test/DEFECT")
    if not (folder / "ground_truth").is_dir():
        raise InputError(f"category {category} has no masks: {folder}/ground_truth is missing")


def _pairs(
    category: str, folder: Path, kind: str, images: Sequence[Path], masks: Sequence[Path]
) -> Iterator[tuple[Path, Path]]:
    """Yield each image of a defect type with its mask; InputError unless each has a mask of its own."""
    by_stem: dict[str, list[Path]] = {}
    for path in masks:
        by_stem.setdefault(path.stem, []).append(path)
    stems = Counter(path.stem for path in images)
    for path in images:
        if stems[path.stem] > 1:
            raise InputError(f"category {category}: {path} and another image of that name share a mask: rename one")
        found = by_stem.get(f"{path.stem}_mask", []) + by_stem.get(path.stem, [])
        if not found:
            raise InputError(
                f"category {category}: no mask for {path}; expected "
                f"{folder}/ground_truth/{kind}/{path.stem}_mask.png or {path.stem}.png"
                + _near_mask(folder / "ground_truth", kind, path.stem)
            )
        if len(found) > 1:
            raise InputError(f"category {category}: two masks for {path}: {found[0]} and {found[1]}; keep one")
        yield path, found[0]


def _near_mask(folder: Path, kind: str, stem: str) -> str:
    """Return what in the folder of masks may be meant as the mask of an image, in words."""
    kinds = {path.name: path for path in visible(folder)[0]}
    if kind not in kinds:
        near = find_near(kind, list(kinds))
        return f"; rename {kinds[near]}" if near else f"; normal images belong in test/{GOOD}"
    files = {path.stem: path for path in visible(kinds[kind])[1]}
    near = next((name for name in (f"{stem}_mask", stem) if name in files), None)
    if near:
        return f"; {files[near].name} is of a type that is not read"
    near = find_near(f"{stem}_mask", list(files)) or find_near(stem, list(files))
    return f"; rename {files[near].name}" if near else ""

"""MPDD, the metal parts defect detection data set of Jezek et al., six categories.

The source is the unpacked archive, with the layout that public code expects, that of MVTec AD: ``<part>/train/good``,
``<part>/test/good``, ``<part>/test/<defect>`` and ``<part>/ground_truth/<defect>/NAME_mask.png``. The repository of the
authors (github.com/stepanje/MPDD) describes the layout only roughly, and no copy was available for a test. The import
checks that the files are complete and ignores all others. The repository names no licence: ask the authors before any
use except research.
"""

from __future__ import annotations

from pathlib import Path

from baselines.errors import InputError
from benchmark.data.importers.layout import Layout, Picture, find_mask, image_files
from benchmark.data.manifest import GOOD


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures of each part with the split of the source; ``seed`` is not used.

    Raises
    ------
    InputError
        If the source does not have this layout.
    """
    parts = sorted(path for path in source.iterdir() if (path / "train" / GOOD).is_dir())
    if not parts:
        raise InputError(
            f"{source} is not the MPDD layout: expected bracket_black/train/good, bracket_black/test/DEFECT, ..."
        )
    return {part.name: _of_part(part) for part in parts}


def _of_part(part: Path) -> list[Picture]:
    kinds = sorted(path.name for path in part.glob("test/*") if path.is_dir() and path.name != GOOD)
    pictures = [Picture(path, split, GOOD) for split in ("train", "test") for path in image_files(part / split / GOOD)]
    normals = len(pictures)
    for kind in kinds:
        masks = part / "ground_truth" / kind
        for path in image_files(part / "test" / kind):
            pictures.append(Picture(path, "test", kind, find_mask(masks, f"{path.stem}_mask", path)))
    if not normals or len(pictures) == normals:
        raise InputError(f"{part} is incomplete: expected images in train/good and in test/DEFECT")
    return pictures


MPDD = Layout("mpdd", "mpdd", find)

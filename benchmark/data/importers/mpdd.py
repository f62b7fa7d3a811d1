"""MPDD, the metal parts defect detection data set of Jezek et al., six categories.

Expected is the unpacked archive as public code that reads it takes it, in MVTec AD's layout: ``<part>/train/good``,
``<part>/test/good``, ``<part>/test/<defect>`` and ``<part>/ground_truth/<defect>/NAME_mask.png``. The repository of the
authors (github.com/stepanje/MPDD) says only that one part has good images, the other both; no copy was at hand.
Importing it checks that it is all there and leaves aside whatever else the archive holds. The authors' repository
names no licence: ask them before any use but research.
"""

from __future__ import annotations

from pathlib import Path

from baselines import InputError
from benchmark.data.importers.layout import Layout, Picture, image_files, only_file
from benchmark.data.manifest import GOOD


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures of each part as the source splits them; ``seed`` changes nothing.

    Raises
    ------
    InputError
        If the source is not in that layout.
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
            pictures.append(Picture(path, "test", kind, only_file(masks, f"{path.stem}_mask", str(path))))
    if not normals or len(pictures) == normals:
        raise InputError(f"{part} is half of MPDD's layout: it needs images in train/good and in test/DEFECT")
    return pictures


MPDD = Layout("mpdd", "mpdd", find)

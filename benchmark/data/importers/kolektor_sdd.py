"""KolektorSDD, the Kolektor surface-defect data set of Tabernik et al., "Segmentation-based deep-learning ...".

Expected is the unpacked archive as the authors' page (vicos.si/resources/kolektorsdd) and code that reads it describe
it: a folder ``kosXX`` per item, in it ``PartN.jpg`` and its mask ``PartN_label.bmp`` for each surface. An image is
defective where its mask has a pixel that is not 0. The release with boxes instead of outlines has the same layout. The
data set has no split into normal training and test images. Licence: CC BY-NC-SA 4.0.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from baselines import InputError
from benchmark.data.images import nonzero_mask, open_image
from benchmark.data.importers.layout import Layout, Picture, hold_out

DEFECT = "defect"


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures: every defective surface for testing, and of the normal ones a share drawn by ``seed``.

    Raises
    ------
    InputError
        If the source is not in that layout, or a mask is missing or cannot be read.
    """
    surfaces = sorted(source.glob("kos*/Part*.jpg"))
    if not surfaces:
        raise InputError(
            f"{source} is not the KolektorSDD layout: expected kos01/Part0.jpg, kos01/Part0_label.bmp, ..."
        )
    masks = {path: path.with_name(f"{path.stem}_label.bmp") for path in surfaces}
    for path, mask in masks.items():
        if not mask.is_file():
            raise InputError(f"{source} is half of KolektorSDD's layout: {path} has no mask {mask.name} beside it")
    marked = {path for path, mask in masks.items() if nonzero_mask(open_image(mask)).getbbox()}
    if not marked or len(marked) == len(surfaces):
        raise InputError(f"{source} has no {'normal' if marked else 'defective'} images: is it unpacked completely?")
    pictures = hold_out([path for path in surfaces if path not in marked], "kolektor-sdd", seed)
    pictures += [Picture(path, "test", DEFECT, masks[path]) for path in surfaces if path in marked]
    return {"": [replace(picture, stem=f"{picture.path.parent.name}_{picture.path.stem}") for picture in pictures]}


KOLEKTOR_SDD = Layout("kolektor-sdd", "kolektor_sdd", find, nonzero_mask)

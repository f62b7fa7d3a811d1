"""KolektorSDD, the Kolektor surface-defect data set of Tabernik et al., "Segmentation-based deep-learning ...".

The source is the unpacked archive, with the layout described on the authors' page (vicos.si/resources/kolektorsdd) and
in public code: a folder ``kosXX`` per item, and in it ``PartN.jpg`` and the mask ``PartN_label.bmp`` of each surface.
An image is defective if its mask has a pixel other than 0. The release with boxes instead of outlines has the same
layout. The normal images are not split into training and test images. Licence: CC BY-NC-SA 4.0.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from baselines.errors import InputError
from benchmark.data.images import nonzero_mask, open_image
from benchmark.data.importers.layout import Layout, Picture, hold_out

DEFECT = "defect"


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures: for testing all defective surfaces and a share of the normal ones drawn by ``seed``.

    Raises
    ------
    InputError
        If the source does not have this layout, or a mask is missing or cannot be read.
    """
    surfaces = sorted(source.glob("kos*/Part*.jpg"))
    if not surfaces:
        raise InputError(
            f"{source} is not the KolektorSDD layout: expected kos01/Part0.jpg, kos01/Part0_label.bmp, ..."
        )
    masks = {path: path.with_name(f"{path.stem}_label.bmp") for path in surfaces}
    for path, mask in masks.items():
        if not mask.is_file():
            raise InputError(f"{source} is incomplete: {path} has no mask {mask.name} beside it")
    marked = {path for path, mask in masks.items() if nonzero_mask(open_image(mask)).getbbox()}
    if not marked or len(marked) == len(surfaces):
        raise InputError(f"{source} has no {'normal' if marked else 'defective'} images: is it unpacked completely?")
    pictures = hold_out([path for path in surfaces if path not in marked], "kolektor-sdd", seed)
    pictures += [Picture(path, "test", DEFECT, masks[path]) for path in surfaces if path in marked]
    return {"": [replace(picture, stem=f"{picture.path.parent.name}_{picture.path.stem}") for picture in pictures]}


KOLEKTOR_SDD = Layout("kolektor-sdd", "kolektor_sdd", find, nonzero_mask)

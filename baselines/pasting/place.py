"""The defect at a random place instead of its own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the defective image and its annotation, moved so that the whole annotation is still inside the image.

    All such places are equally likely, its own among them. Several defects of one image move together.

    Examples
    --------
    >>> defective, mask = torch.zeros(3, 1, 9, dtype=torch.uint8), torch.zeros(1, 1, 9, dtype=torch.bool)
    >>> mask[..., :2] = True
    >>> _, place = make_defect(defective, mask, defective, np.random.default_rng(3))
    >>> place[0, 0].int().tolist()
    [0, 0, 0, 0, 0, 0, 1, 1, 0]
    """
    return move(defective, mask, rng)


def move(image: Tensor, mask: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Move what is under a mask to a random place; shapes and types as of ``Pasting``.

    Examples
    --------
    >>> image, mask = torch.arange(4, dtype=torch.uint8).expand(3, 1, 4), torch.tensor([[[True, False, False, False]]])
    >>> moved, place = move(image, mask, np.random.default_rng(0))
    >>> moved[0][place[0]].tolist()
    [0]
    """
    if not mask.any():
        return image, mask
    shifts = []
    for axis in (1, 2):
        occupied = mask.any(dim=3 - axis).flatten().nonzero()
        first, last = int(occupied[0]), int(occupied[-1])
        shifts.append(int(rng.integers(-first, mask.shape[axis] - last)))
    # What leaves the image on one side enters on the other, but nothing of it is under the mask.
    moved, place = (torch.roll(tensor, shifts, dims=(1, 2)) for tensor in (image, mask))
    return moved, place

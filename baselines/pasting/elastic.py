"""The defect at its place, elastically deformed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# Points per side at which displacements are drawn. Ronneberger et al. draw 3 x 3 for a whole image; at so few, a small
# defect would be moved and hardly deformed.
_POINTS = 8
# Standard deviation of a displacement over the side of the image: the 10 of 572 px of Ronneberger et al.
_STRENGTH = 10 / 572


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the defective image and its annotation, deformed by the same smooth random displacements.

    Displacements are normal numbers at a grid of points, interpolated by cubic polynomials in between. A mask of which
    no pixel is left is returned undeformed, with its image.

    Examples
    --------
    >>> defective, mask = torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(1, 64, 64, dtype=torch.bool)
    >>> mask[:, 20:40, 20:40] = True
    >>> _, deformed = make_defect(defective, mask, defective, np.random.default_rng(0))
    >>> 0 < (deformed ^ mask).sum().item() < 100
    True
    """
    height, width = mask.shape[1:]
    drawn = torch.from_numpy(rng.normal(0, _STRENGTH, (1, 2, _POINTS, _POINTS)).astype(np.float32))
    displacement = F.interpolate(drawn, (height, width), mode="bicubic").permute(0, 2, 3, 1)
    # Coordinates are relative: an image reaches from -1 to 1.
    places = F.affine_grid(torch.eye(2, 3).unsqueeze(0), [1, 1, height, width], align_corners=False) + 2 * displacement
    image = _sample(defective, places, "bilinear").round().to(torch.uint8)
    deformed = _sample(mask, places, "nearest") > 0
    return (image, deformed) if deformed.any() else (defective, mask)


def _sample(pixels: Tensor, places: Tensor, mode: str) -> Tensor:
    """Return the pixels at some places; beyond the border, those of the border."""
    return F.grid_sample(pixels.float().unsqueeze(0), places, mode, padding_mode="border", align_corners=False)[0]

"""CutPaste: a patch of the normal image itself at another place; needs no annotated image."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from baselines.pasting.photometric import jitter
from baselines.pasting.place import move

# Li et al.: a patch's share of the image and its aspect ratio, and of the scar its width
# and length in pixels of 256, its angle in degrees; the strength of the color jitter.
_AREA, _LARGEST_ASPECT = (0.02, 0.15), 1 / 0.3
_SCAR_SIDE, _SCAR_WIDTH, _SCAR_LENGTH, _SCAR_ANGLE = 256, (2, 16), (10, 25), 45.0
_JITTER = 0.1


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the normal image with jittered colors, moved, and the rectangle that was cut from it, moved likewise.

    With equal odds the rectangle is a patch, upright, or a scar, thin and rotated. What is cut is not rotated.

    Examples
    --------
    >>> normal, unread = torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(1, 64, 64, dtype=torch.bool)
    >>> _, mask = make_defect(normal, unread, normal, np.random.default_rng(0))
    >>> 0 < mask.sum().item() < 0.16 * 64 * 64
    True
    """
    height, width = normal.shape[1:]
    if rng.random() < 0.5:
        area, aspect = rng.uniform(*_AREA) * height * width, rng.uniform(1, _LARGEST_ASPECT)
        sides = [math.sqrt(area * aspect), math.sqrt(area / aspect)]
        first, second = rng.permutation(sides).tolist()
        shape = rectangle((height, width), first, second, 0.0)
    else:
        scale = min(height, width) / _SCAR_SIDE
        thickness, length = (rng.uniform(*limits) * scale for limits in (_SCAR_WIDTH, _SCAR_LENGTH))
        shape = rectangle((height, width), length, thickness, rng.uniform(-_SCAR_ANGLE, _SCAR_ANGLE))
    _, cut = move(normal, shape, rng)
    return move(jitter(normal, _JITTER, _JITTER, rng), cut, rng)


def rectangle(size: tuple[int, int], height: float, width: float, angle: float) -> Tensor:
    """Return a rectangle in the middle of an image as a mask, bool (1, *size); it has one pixel at least.

    Parameters
    ----------
    size : tuple of int
        Height and width of the image.
    height, width : float
        Of the rectangle, in pixels.
    angle : float
        In degrees.

    Examples
    --------
    >>> rectangle((3, 5), 1, 3, 0)[0].int().tolist()
    [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    down, right = (torch.arange(length) - length // 2 for length in size)
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    along = cosine * down[:, None] + sine * right
    across = cosine * right - sine * down[:, None]
    return ((along.abs() <= height / 2) & (across.abs() <= width / 2)).unsqueeze(0)

"""Defects of Perlin noise, as DRAEM makes them; they need no annotated image."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

# Zavrtanik et al., and their code: exponents of the number of noise cells per side, the threshold above
# which the noise is a defect, the largest opacity of the normal image, and how many changes make the texture.
_EXPONENTS, _THRESHOLD, _LARGEST_OPACITY, _CHANGES = (0, 6), 0.5, 0.8, 3


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return a texture mixed with the normal image, and where Perlin noise of a random scale is above a threshold.

    DRAEM takes its textures from other photos. Here the texture is the normal image itself, shifted, mirrored and
    changed by three of nine operations. As in DRAEM, the mask may be empty.

    Examples
    --------
    >>> normal, unread = torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(1, 64, 64, dtype=torch.bool)
    >>> _, mask = make_defect(normal, unread, normal, np.random.default_rng(0))
    >>> mask.float().mean().item() < 0.5
    True
    """
    cells = 2 ** rng.integers(*_EXPONENTS, size=2)
    noise = perlin_noise((normal.shape[1], normal.shape[2]), (int(cells[0]), int(cells[1])), rng.uniform(-90, 90), rng)
    opacity = rng.uniform(0, _LARGEST_OPACITY)
    mixed = opacity * normal.float() + (1 - opacity) * _texture(normal, rng).float()
    return mixed.round().to(torch.uint8), torch.from_numpy(noise > _THRESHOLD).unsqueeze(0)


def _texture(image: Tensor, rng: np.random.Generator) -> Tensor:
    texture = torch.roll(image, [int(rng.integers(length)) for length in image.shape[1:]], dims=(1, 2))
    texture = torch.flip(texture, [axis for axis in (1, 2) if rng.random() < 0.5])
    strength = rng.uniform(-1, 1)
    changes = (
        lambda x: F.adjust_gamma(x, 2.0**strength),
        lambda x: F.adjust_brightness(x, 1 + 0.3 * strength),
        lambda x: F.adjust_sharpness(x, 1 + abs(strength)),
        lambda x: F.adjust_hue(x, 0.2 * strength),
        lambda x: F.solarize(x, 96 + 64 * strength),
        lambda x: F.posterize(x, 4),
        F.invert,
        F.autocontrast,
        F.equalize,
    )
    for chosen in rng.choice(len(changes), _CHANGES, replace=False):
        texture = changes[chosen](texture)
    return texture


def perlin_noise(size: tuple[int, int], cells: tuple[int, int], angle: float, rng: np.random.Generator) -> np.ndarray:
    """Return Perlin noise, float64 (height, width), between -1 and 1.

    Parameters
    ----------
    size, cells : tuple of int
        Height and width, in pixels and in cells of the lattice.
    angle : float
        By which the lattice is turned, in degrees.
    rng : np.random.Generator

    Examples
    --------
    >>> noise = perlin_noise((8, 8), (2, 2), 0.0, np.random.default_rng(0))
    >>> noise.shape, bool(abs(noise).max() <= 1)
    ((8, 8), True)
    """
    # The centres of the pixels relative to the middle of the image, turned, in cells.
    down, right = np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in size), indexing="ij")
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    y, x = (cosine * down + sine * right) * cells[0], (cosine * right - sine * down) * cells[1]
    y, x = y - y.min(), x - x.min()
    row, column = np.floor(y).astype(int), np.floor(x).astype(int)
    angles = rng.uniform(0, 2 * math.pi, (row.max() + 2, column.max() + 2))
    fade_y, fade_x = (t**3 * (t * (6 * t - 15) + 10) for t in (y - row, x - column))
    noise = np.zeros(size)
    for i in (0, 1):
        for j in (0, 1):
            gradient = angles[row + i, column + j]
            ramp = np.sin(gradient) * (y - row - i) + np.cos(gradient) * (x - column - j)
            noise += ramp * (fade_y if i else 1 - fade_y) * (fade_x if j else 1 - fade_x)
    return math.sqrt(2) * noise

"""The pixel grid that all synthetic categories are drawn on.

A picture is a function of position in the unit square (x to the right, y down), so that a scene is the same at every
size. Random draws must therefore not depend on the number of pixels: lattices have fixed sizes, and only the camera
(sensor grain, `_product.develop`) draws per pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray

# Weaves and pen strokes alias below this many pixels per side: smaller images are averaged down.
_MIN_WORKING_SIDE = 128


@dataclass(frozen=True)
class Canvas:
    """The grid a scene is evaluated on: n = `size * oversample` centres per side, `x` (1, n), `y` (n, 1)."""

    size: int
    oversample: int
    x: Array
    y: Array
    pixel: float

    @classmethod
    def of_size(cls, size: int) -> Canvas:
        oversample = math.ceil(_MIN_WORKING_SIDE / size)
        side = size * oversample
        centres = (np.arange(side, dtype=np.float64) + 0.5) / side
        return cls(size, oversample, centres[None, :], centres[:, None], 1.0 / side)

    def local(self, centre: tuple[float, float], angle: float = 0.0) -> tuple[Array, Array]:
        """Coordinates (n, n) measured from `centre`, the first axis turned by `angle` from x towards y."""
        dx, dy = self.x - centre[0], self.y - centre[1]
        cos, sin = math.cos(angle), math.sin(angle)
        return dx * cos + dy * sin, dy * cos - dx * sin


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, a smooth ramp between; reversed when `low > high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def shrink(field_: Array, canvas: Canvas) -> Array:
    """Average oversampled pixels down to (size, size, ...)."""
    k = canvas.oversample
    if k == 1:
        return field_
    parts = [field_[i::k, j::k] for i in range(k) for j in range(k)]
    return np.asarray(sum(parts)) / (k * k)

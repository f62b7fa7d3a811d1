"""The light of a scene, and layers of colour painted into it."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas

Colour: TypeAlias = tuple[float, float, float]


def lamp(rng: Generator, canvas: Canvas, falloff: float) -> tuple[tuple[float, float], Array]:
    """A lamp at a random place around the image: its direction and the uneven light (n, n), 1 on average."""
    turn = rng.uniform(0, 2 * math.pi)
    light = (math.cos(turn), math.sin(turn))
    slope = falloff * rng.uniform(0.3, 1.0)
    vignette = rng.uniform(0.5, 1.0) * falloff
    dx, dy = canvas.x - 0.5, canvas.y - 0.5
    field_ = 1 + slope * (dx * light[0] + dy * light[1]) - vignette * (dx * dx + dy * dy - 1 / 6)
    return light, field_


def camera_gain(rng: Generator, exposure: float = 0.10, balance: float = 0.02) -> Array:
    """Exposure and white balance (3,) of one shot, around 1."""
    return rng.uniform(1 - exposure, 1 + exposure) * rng.uniform(1 - balance, 1 + balance, 3)


def slope_to(light: tuple[float, float], field_: Array, canvas: Canvas) -> Array:
    """How steeply a field (n, n) rises towards the lamp."""
    rows, columns = np.asarray(np.gradient(field_, canvas.pixel))
    return np.asarray(columns * light[0] + rows * light[1])


def tint(colour: Colour | Array, strength: Array) -> Array:
    """`colour` at the brightness `strength` (n, n): an (n, n, 3) layer."""
    return strength[..., None] * np.asarray(colour, dtype=np.float64)


def over(image: Array, layer: Array | Colour, alpha: Array) -> None:
    """Paint `layer` (a colour or (n, n, 3)) onto `image` in place with opacity `alpha` (n, n)."""
    rows, columns = _extent(alpha)
    if rows.start == rows.stop:
        return
    part = np.asarray(layer, dtype=np.float64)
    part = part[rows, columns] if part.ndim == 3 else part
    target = image[rows, columns]
    target += alpha[rows, columns, None] * (part - target)


def darken(image: Array, amount: Array) -> None:
    """Remove the share `amount` (n, n) of the light in place, as a shadow does."""
    rows, columns = _extent(amount)
    image[rows, columns] *= 1.0 - amount[rows, columns, None]


def _extent(alpha: Array) -> tuple[slice, slice]:
    """Smallest window with all non-zero values, as defects are small."""
    touched = alpha != 0
    spans = []
    for axis in (1, 0):
        hits = np.flatnonzero(touched.any(axis=axis))
        spans.append(slice(int(hits[0]), int(hits[-1]) + 1) if hits.size else slice(0, 0))
    return spans[0], spans[1]

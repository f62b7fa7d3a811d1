"""Tools of all synthetic categories: the pixel grid, noise, light and layers.

A picture is a function of position in the unit square (x to the right, y down), so that a scene is the same at every
size. Random draws must therefore not depend on the number of pixels: lattices have fixed sizes, and only the camera
(sensor grain, `_product.develop`) draws per pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

Array: TypeAlias = np.ndarray
Colour: TypeAlias = tuple[float, float, float]

# Weaves and pen strokes alias below this many pixels per side: smaller images are averaged down.
_MIN_WORKING_SIDE = 128
# Standard deviation of a 2-D cubic B-spline of independent unit-variance lattice values, on average.
_SPLINE_STD = 0.4795


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


def _spline_taps(position: Array) -> tuple[Array, list[Array]]:
    """First lattice index and the four cubic B-spline weights at each position."""
    base = np.floor(position).astype(np.intp)
    t = position - base
    t2, t3 = t * t, t * t * t
    weights = [(1 - t) ** 3 / 6, (4 - 6 * t2 + 3 * t3) / 6, (1 + 3 * t + 3 * t2 - 3 * t3) / 6, t3 / 6]
    return base, weights


def _spline_matrix(position: Array, knots: int) -> Array:
    """The same weights as a (positions, knots) matrix: a spline surface is then two matrix products."""
    base, weights = _spline_taps(position)
    matrix = np.zeros((position.size, knots))
    rows = np.arange(position.size)
    for k, weight in enumerate(weights):
        matrix[rows, base + k] = weight
    return matrix


def noise(rng: Generator, canvas: Canvas, cells: float) -> Array:
    """Smooth random field (n, n) of mean 0 and standard deviation about 1.

    There are `cells` lattice cells along each side; the lattice has a random offset, so that it does not line up
    with the image border.
    """
    knots = math.ceil(cells) + 5
    lattice = rng.uniform(-math.sqrt(3), math.sqrt(3), (knots, knots))
    shift_x, shift_y = rng.random(2)
    rows = _spline_matrix(canvas.y[:, 0] * cells + shift_y, knots)
    columns = _spline_matrix(canvas.x[0] * cells + shift_x, knots)
    return rows @ lattice @ columns.T / _SPLINE_STD


def fbm(rng: Generator, canvas: Canvas, cells: float, octaves: int, fade: float = 0.5) -> Array:
    """Sum of `octaves` noises, each twice as fine and `fade` times as strong; standard deviation about 1."""
    total = noise(rng, canvas, cells)
    for octave in range(1, octaves):
        total = total + fade**octave * noise(rng, canvas, cells * 2**octave)
    return total / math.sqrt(sum(fade ** (2 * octave) for octave in range(octaves)))


def curve_noise(rng: Generator, knots: int, samples: int = 1024) -> Array:
    """Smooth random periodic function as a table (samples,) over [0, 1), standard deviation about 1."""
    values = rng.uniform(-math.sqrt(3), math.sqrt(3), knots)
    base, weights = _spline_taps(np.arange(samples) / samples * knots)
    taps = [w * values[(base + k) % knots] for k, w in enumerate(weights)]
    return np.asarray(sum(taps)) / math.sqrt(_SPLINE_STD)


def lookup(table: Array, position: Array) -> Array:
    """Values of a table over [0, 1] at `position` (clipped), nearest entry; the table may hold colours."""
    return table.take((position * len(table)).astype(np.intp), axis=0, mode="clip")


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


def shrink(field_: Array, canvas: Canvas) -> Array:
    """Average oversampled pixels down to (size, size, ...)."""
    k = canvas.oversample
    if k == 1:
        return field_
    parts = [field_[i::k, j::k] for i in range(k) for j in range(k)]
    return np.asarray(sum(parts)) / (k * k)

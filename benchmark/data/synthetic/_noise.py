"""Smooth random fields and functions."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas

# Standard deviation of a 2-D cubic B-spline of independent unit-variance lattice values, on average.
_SPLINE_STD = 0.4795


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

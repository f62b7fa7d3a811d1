"""Shapes as signed distances in image units (negative inside): edges are anti-aliased at every size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas
from benchmark.data.synthetic._noise import noise
from benchmark.data.synthetic._paths import Point


def coverage(distance: Array, canvas: Canvas, softness: float = 0.0) -> Array:
    """Opacity (n, n) from a signed distance: 1/2 on the edge, on a ramp one pixel or `softness` wide."""
    return np.clip(0.5 - distance / max(canvas.pixel, softness), 0.0, 1.0)


def ellipse(canvas: Canvas, centre: Point, radii: tuple[float, float], angle: float) -> Array:
    """Approximate signed distance (n, n) to an ellipse, exact for a circle."""
    u, v = canvas.local(centre, angle)
    return (np.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2) - 1.0) * math.sqrt(radii[0] * radii[1])


def blob(rng: Generator, canvas: Canvas, centre: Point, radius: float, rough: float, aspect: float = 1.0) -> Array:
    """Signed distance to an irregular patch: an ellipse at any angle whose edge wanders.

    `radius` is its mean radius, `rough` the relative wander of the edge: about 0.1 for a hole, 0.25 for a splash. Below
    0.5 the middle is always inside.
    """
    stretch = math.sqrt(aspect)
    base = ellipse(canvas, centre, (radius * stretch, radius / stretch), rng.uniform(0, math.pi))
    cells = 1.4 / radius
    wander = noise(rng, canvas, cells) + 0.5 * noise(rng, canvas, 2.2 * cells)
    return base + rough * radius * np.clip(wander, -2.0, 2.0)


def convex(canvas: Canvas, corners: Array) -> Array:
    """Signed distance to a convex polygon with clockwise `corners` (k, 2) as seen on the image."""
    distance = np.full((canvas.y.size, canvas.x.size), -np.inf)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        length = math.hypot(x1 - x0, y1 - y0)
        outward = ((canvas.x - x0) * (y1 - y0) - (canvas.y - y0) * (x1 - x0)) / length
        np.maximum(distance, outward, out=distance)
    return distance


@dataclass(frozen=True)
class Stroke:
    """Distance fields of a polyline: `off` signed by side, `along` 0..1, both within its reach only."""

    off: Array
    along: Array

    @property
    def distance(self) -> Array:
        return np.abs(self.off)


def stroke(canvas: Canvas, points: Array, reach: float) -> Stroke:
    """Distance to the polyline `points` (k, 2), at most `reach`, and the position along it.

    Each segment is evaluated in its own window, so a long thin line is cheap.
    """
    side = canvas.x.size
    nearest = np.full((side, side), reach)
    sign = np.ones((side, side))
    along = np.zeros((side, side))
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    for (x0, y0), (dx, dy), length, start in zip(points, steps, lengths, travelled, strict=False):
        columns = _window(x0, x0 + dx, reach, side)
        rows = _window(y0, y0 + dy, reach, side)
        px, py = canvas.x[:, columns] - x0, canvas.y[rows] - y0
        t = np.clip((px * dx + py * dy) / (length * length), 0.0, 1.0)
        distance = np.hypot(px - t * dx, py - t * dy)
        closer = distance < nearest[rows, columns]
        np.copyto(nearest[rows, columns], distance, where=closer)
        np.copyto(sign[rows, columns], np.where(py * dx - px * dy >= 0, 1.0, -1.0), where=closer)
        np.copyto(along[rows, columns], (start + t * length) / travelled[-1], where=closer)
    return Stroke(nearest * sign, along)


def _window(a: float, b: float, reach: float, side: int) -> slice:
    low, high = min(a, b) - reach, max(a, b) + reach
    return slice(max(0, math.floor(low * side)), max(0, min(side, math.ceil(high * side))))


def cast_shadow(distance: Array, canvas: Canvas, light: Point, length: float) -> Array:
    """Soft shadow (n, n) of the shape with this signed distance, `length` long, away from the lamp."""
    pixels = np.arange(canvas.x.size)
    columns, rows = (np.clip(pixels + round(component * length / canvas.pixel), 0, pixels[-1]) for component in light)
    return coverage(distance[rows[:, None], columns], canvas, softness=1.2 * length)


def around(canvas: Canvas, centre: Point, reach: float) -> tuple[Canvas, tuple[slice, slice]]:
    """The part of the canvas within `reach` of `centre` as a canvas of its own, and its rows and columns."""
    side = canvas.x.size
    rows, columns = _window(centre[1], centre[1], reach, side), _window(centre[0], centre[0], reach, side)
    return Canvas(canvas.size, canvas.oversample, canvas.x[:, columns], canvas.y[rows], canvas.pixel), (rows, columns)

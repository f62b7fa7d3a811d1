"""Points and paths in image units."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array

Point = tuple[float, float]


def polar(centre: Point, turn: float, far: float) -> Point:
    """The point `far` from `centre` in the direction `turn`, from x towards y."""
    return centre[0] + far * math.cos(turn), centre[1] + far * math.sin(turn)


def placed(centre: Point, angle: float, along: float, across: float) -> Point:
    """The point that is `along` and `across` from `centre` in axes turned by `angle`: the inverse of `Canvas.local`."""
    cos, sin = math.cos(angle), math.sin(angle)
    return centre[0] + along * cos - across * sin, centre[1] + along * sin + across * cos


def rotation(angle: float) -> Array:
    """The matrix (2, 2) that turns row vectors by `angle`, from x towards y."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def wander(rng: Generator, start: Point, heading: float, length: float, steps: int, bend: float) -> Array:
    """A smooth random path (steps + 1, 2): the heading drifts by about `bend` radians over its length."""
    turns = np.cumsum(rng.standard_normal(steps)) / math.sqrt(steps)
    curl = rng.standard_normal() * np.linspace(-0.5, 0.5, steps)
    headings = heading + bend * (0.7 * (turns - turns.mean()) + curl)
    steps_xy = length / steps * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps_xy, axis=0)]) + np.asarray(start)


def jagged(rng: Generator, start: Point, end: Point, steps: int, jitter: float) -> Array:
    """A zigzag line (steps + 1, 2) from `start` to `end`, whose corners are off by up to `jitter` of its length."""
    t = np.linspace(0.0, 1.0, steps + 1)
    t[1:-1] += rng.uniform(-0.3, 0.3, steps - 1) / steps
    dx, dy = end[0] - start[0], end[1] - start[1]
    off = np.zeros(steps + 1)
    off[1:-1] = rng.uniform(-1, 1, steps - 1) * jitter
    return np.stack([start[0] + t * dx - off * dy, start[1] + t * dy + off * dx], axis=1)


def centred(points: Array, centre: Point) -> Array:
    """The same path, moved so that the middle of its bounding box is `centre`."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return points - middle + np.asarray(centre)


def gem(rng: Generator, centre: Point, radius: float, corners: int) -> Array:
    """Corners (k, 2) of a random convex polygon around `centre`, for `convex`."""
    turns = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) / corners
    turns = 2 * math.pi * (turns + rng.random())
    squash, tilt = rng.uniform(0.6, 0.95), rng.uniform(0, math.pi)
    along, across = radius / squash * np.cos(turns), radius * squash * np.sin(turns)
    cos, sin = math.cos(tilt), math.sin(tilt)
    return np.stack([centre[0] + along * cos - across * sin, centre[1] + along * sin + across * cos], axis=1)

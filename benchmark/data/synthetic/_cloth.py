"""Damage to cloth: yarn pulled out, felted fibres, holes that still have weft across them."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import darken, over, tint
from benchmark.data.synthetic._noise import noise
from benchmark.data.synthetic._paths import Point, wander
from benchmark.data.synthetic._product import Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage, stroke


def loose_yarn(
    rng: Generator,
    canvas: Canvas,
    scene: Scene,
    roots: Array,
    headings: Array,
    length: float,
    tones: tuple[float, float],
) -> Array:
    """Grey yarn ends, of a brightness between `tones`, that stick out from `roots` (k, 2) and get thinner."""
    # Distance in widths of the yarn, and its tone, of the nearest one.
    nearest, tone = np.full_like(scene.shade, 9.0), np.zeros_like(scene.shade)
    for (x, y), heading in zip(roots, headings, strict=True):
        line = stroke(canvas, wander(rng, (x, y), heading, length * rng.uniform(0.5, 1.3), 5, bend=1.0), reach=0.03)
        widths = line.distance / (rng.uniform(0.0050, 0.0075) * (1 - 0.6 * line.along))
        np.copyto(tone, rng.uniform(*tones), where=widths < nearest)
        np.minimum(nearest, widths, out=nearest)
    distance = 0.006 * (nearest - 1)
    alpha = coverage(distance, canvas)
    darken(scene.image, 0.4 * cast_shadow(distance, canvas, scene.light, 0.008) * (1 - alpha))
    over(scene.image, tint((1.0, 1.0, 1.0), tone * scene.shade * np.clip(1 - 0.3 * nearest**2, 0.5, 1.0)), alpha)
    return alpha


def felt(rng: Generator, canvas: Canvas, scene: Scene, distance: Array, roots: Array, tone: float) -> Array:
    """Turn the cloth inside `distance` into a felt of pale fibres, `tone` bright, with yarn pulled out at `roots`."""
    ragged = distance + 0.008 * noise(rng, canvas, 16) + 0.006 * noise(rng, canvas, 50)
    alpha = coverage(ragged, canvas, 0.006) * scene.surface
    # Fibres are the zero lines of a noise: thin, curved and crossing each other.
    fibres = [smoothstep(0.55, 0.0, np.abs(noise(rng, canvas, cells))) for cells in (30, 44)]
    bright = tone * (0.45 + 0.75 * np.maximum(*fibres))
    over(scene.image, tint((1.0, 1.0, 1.0), scene.shade * bright), rng.uniform(0.75, 0.95) * alpha)
    headings = rng.uniform(0, 2 * math.pi, len(roots))
    return np.maximum(alpha, loose_yarn(rng, canvas, scene, roots, headings, 0.05, (0.8 * tone, 1.3 * tone)))


def tear(
    rng: Generator, canvas: Canvas, scene: Scene, place: Point, radius: float, below: Array, turns: Array
) -> Array:
    """A hole around `place` that shows the grey picture `below` (n, n), with yarn ends that hang in from `turns`."""
    distance = blob(rng, canvas, place, radius, rough=0.20, aspect=rng.uniform(1.0, 1.7))
    distance = distance + 0.004 * noise(rng, canvas, 45)
    hole = coverage(distance, canvas) * scene.surface
    # The cloth is above the ground and shades it on the side of the lamp; some weft still spans the hole.
    lit = 0.5 + 0.5 * cast_shadow(distance, canvas, scene.light, 0.018)
    weft = smoothstep(-0.1, 0.5, np.sin(2 * math.pi * canvas.y / 0.026)) * smoothstep(0.0, 0.6, noise(rng, canvas, 12))
    over(scene.image, tint((1.0, 1.0, 1.0), below * lit * (1 - 0.7 * weft)), hole)
    turns = turns + rng.uniform(-0.3, 0.3, turns.size)
    roots = np.asarray(place) + 1.05 * radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    headings = turns + math.pi + rng.normal(0, 0.5, turns.size)
    return np.maximum(hole, loose_yarn(rng, canvas, scene, roots, headings, 0.9 * radius, (0.16, 0.40)))

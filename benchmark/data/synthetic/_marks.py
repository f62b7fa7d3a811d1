"""Defects shared by several products: each function paints one at a given place and returns its alpha.

The module of a product chooses place, size and colour. All marks are limited to `scene.surface`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, darken, over, slope_to, tint
from benchmark.data.synthetic._noise import curve_noise, lookup, noise
from benchmark.data.synthetic._paths import Point, centred, gem, jagged, polar, wander
from benchmark.data.synthetic._product import AnyScene, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, convex, coverage, stroke

DYES: tuple[Colour, ...] = (
    (1.05, 0.32, 0.30),
    (0.32, 0.48, 1.05),
    (0.35, 0.85, 0.42),
    (1.25, 0.92, 0.25),
    (0.80, 0.35, 0.90),
    (0.28, 0.24, 0.26),
)
_THREADS: tuple[Colour, ...] = (
    (0.90, 0.88, 0.82),
    (0.66, 0.16, 0.15),
    (0.17, 0.28, 0.56),
    (0.09, 0.09, 0.10),
    (0.78, 0.64, 0.26),
    (0.17, 0.44, 0.30),
)
_METALS: tuple[Colour, ...] = ((0.78, 0.80, 0.84), (0.72, 0.72, 0.70), (0.86, 0.74, 0.48))


def random_place(rng: Generator, margin: float) -> Point:
    """A random point of the image at least `margin` from its border, for a defect of a texture."""
    return rng.uniform(margin, 1 - margin), rng.uniform(margin, 1 - margin)


def pick(rng: Generator, colours: tuple[Colour, ...]) -> Array:
    """One of the colours (3,)."""
    return np.asarray(colours[rng.integers(len(colours))])


def combined(
    *painters: Callable[[Generator, Canvas, AnyScene], Array],
) -> Callable[[Generator, Canvas, AnyScene], Array]:
    """Return a painter that paints several defects, one after the other."""

    def paint(rng: Generator, canvas: Canvas, scene: AnyScene) -> Array:
        return np.maximum.reduce([painter(rng, canvas, scene) for painter in painters])

    return paint


def dye(rng: Generator, canvas: Canvas, scene: Scene, centre: Point, radius: float, colour: Array) -> Array:
    """A coloured stain that has soaked in: it absorbs light, and the structure below stays visible."""
    distance = blob(rng, canvas, centre, radius, rough=0.22, aspect=rng.uniform(1.0, 2.6))
    alpha = coverage(distance, canvas, softness=0.018) * scene.surface
    soaked = np.clip(rng.uniform(0.55, 0.85) + 0.10 * noise(rng, canvas, 14), 0.4, 1.0)
    over(scene.image, scene.image.mean(axis=2, keepdims=True) * colour, alpha * soaked)
    return alpha


def dirt(rng: Generator, canvas: Canvas, scene: Scene, centre: Point, radius: float, colour: Array) -> Array:
    """A lump of foreign matter, with up to two crumbs beside it."""
    distance = blob(rng, canvas, centre, radius, rough=0.24, aspect=rng.uniform(1.0, 2.2))
    for _ in range(rng.integers(0, 3)):
        beside = polar(centre, rng.uniform(0, 2 * math.pi), radius * rng.uniform(1.1, 1.6))
        distance = np.minimum(distance, blob(rng, canvas, beside, radius * rng.uniform(0.2, 0.4), rough=0.2))
    alpha = coverage(distance, canvas, 0.004) * scene.surface
    darken(scene.image, 0.5 * cast_shadow(distance, canvas, scene.light, 0.012) * (1 - alpha) * scene.surface)
    lump = noise(rng, canvas, 26) + 0.6 * noise(rng, canvas, 60)
    u, v = canvas.local(centre)
    lit = 1 + 0.22 * (u * scene.light[0] + v * scene.light[1]) / radius + 0.13 * lump
    rim = 0.35 * smoothstep(-0.014, 0.0, distance)
    over(scene.image, tint(colour, np.clip(lit, 0.3, 1.5) * (1 - rim)), alpha)
    return alpha


def thread(rng: Generator, canvas: Canvas, scene: Scene, place: Point) -> Array:
    """A coloured, plied thread around `place`, with its shadow."""
    colour = pick(rng, _THREADS) * rng.uniform(0.85, 1.1)
    length, half = rng.uniform(0.4, 0.85), rng.uniform(0.0160, 0.0195)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, 2 * math.pi), length, 28, bend=rng.uniform(0.8, 2.2))
    line = stroke(canvas, centred(path, place), reach=0.06)
    distance = line.distance - half
    alpha = coverage(distance, canvas)
    darken(scene.image, 0.6 * cast_shadow(distance, canvas, scene.light, 0.014) * (1 - alpha))
    plies = np.sin(2 * math.pi * (line.along * length / 0.034 + 0.45 * line.off / half))
    round_ = np.sqrt(np.clip(1 - (line.off / half) ** 2, 0.0, 1.0))
    over(scene.image, tint(colour, (0.5 + 0.5 * round_) * (1 + 0.20 * plies)), alpha)
    return alpha


def metal_scrap(rng: Generator, canvas: Canvas, scene: Scene, place: Point) -> Array:
    """A shiny splinter or a curled chip of metal."""
    metal = pick(rng, _METALS)
    if rng.random() < 0.5:
        distance = convex(canvas, gem(rng, place, rng.uniform(0.048, 0.074), int(rng.integers(5, 8))))
        u, v = canvas.local(place, rng.uniform(0, 2 * math.pi))
        sheen = lookup(curve_noise(rng, 7), (u / 0.14 + 0.5 + 0.15 * np.sign(v)))
    else:
        bend = rng.uniform(2.0, 4.5)
        path = wander(rng, (0.0, 0.0), rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.36), 18, bend)
        line = stroke(canvas, centred(path, place), reach=0.06)
        half = rng.uniform(0.016, 0.023)
        distance = line.distance - half
        sheen = 1.2 * np.cos(line.off / half * 2.2 + 1.0) + 0.8 * lookup(curve_noise(rng, 9), line.along)
    alpha = coverage(distance, canvas)
    darken(scene.image, 0.65 * cast_shadow(distance, canvas, scene.light, 0.014) * (1 - alpha))
    bright = np.clip(0.74 + 0.32 * sheen, 0.30, 1.35)
    edge = smoothstep(-0.008, 0.0, distance)
    over(scene.image, tint(metal, bright * (1 - 0.45 * edge)), alpha)
    return alpha


def glue(rng: Generator, canvas: Canvas, scene: Scene, distance: Array, colour: Colour, body: float) -> Array:
    """A glossy drop or bead of glue with the outline `distance`; `body` is 0 (clear) to 1 (opaque)."""
    distance = distance + 0.003 * noise(rng, canvas, 24)
    alpha = coverage(distance, canvas, 0.003) * scene.surface
    darken(scene.image, 0.45 * cast_shadow(distance, canvas, scene.light, 0.010) * (1 - alpha) * scene.surface)
    # A drop is a lens: it is bright where its slope faces the lamp and dark on the opposite side.
    depth = smoothstep(0.0, -0.035, distance) + 0.05 * noise(rng, canvas, 18)
    facing = -slope_to(scene.light, depth, canvas)
    over(scene.image, tint(colour, scene.shade * (0.80 + 0.20 * depth)), alpha * np.clip(body, 0.0, 1.0))
    scene.image *= 1 + (alpha * np.clip(0.012 * facing, -0.4, 0.3))[..., None]
    gloss = smoothstep(14.0, 34.0, facing) * alpha
    over(scene.image, (0.97, 0.97, 0.95), rng.uniform(0.6, 0.9) * gloss)
    return alpha


def crack(
    rng: Generator, canvas: Canvas, middle: Point, heading: float, length: float, widest: float, branches: int
) -> Array:
    """Signed distance (n, n) to a branching crack through `middle`, at most `widest` wide, somewhere along it."""
    dx, dy = 0.5 * length * math.cos(heading), 0.5 * length * math.sin(heading)
    start, end = (middle[0] - dx, middle[1] - dy), (middle[0] + dx, middle[1] + dy)
    main = jagged(rng, start, end, 13, jitter=0.035)
    length, heading = math.dist(start, end), math.atan2(end[1] - start[1], end[0] - start[0])
    line = stroke(canvas, main, reach=0.08)
    peak = rng.uniform(0.25, 0.75)
    opening = np.clip(1 - np.abs(line.along - peak) / max(peak, 1 - peak), 0.0, 1.0)
    distance = line.distance - (0.010 + (widest / 2 - 0.010) * opening)
    for _ in range(branches):
        root = main[rng.integers(3, 10)]
        turn, reach = heading + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1), 0.22 * length
        far = polar(root, turn, reach)
        branch = stroke(canvas, jagged(rng, (root[0], root[1]), far, 5, jitter=0.10), reach=0.08)
        distance = np.minimum(distance, branch.distance - 0.012 * (1 - 0.8 * branch.along))
    return distance + 0.0025 * noise(rng, canvas, 50)


def imprint(canvas: Canvas, paths: list[Array], pen: float) -> Array:
    """Signed distance (n, n) to text or a logo drawn with a pen of half width `pen`."""
    distance = np.full((canvas.y.size, canvas.x.size), 0.05)
    for path in paths:
        np.minimum(distance, stroke(canvas, path, reach=0.05).distance - pen, out=distance)
    return distance


def gouge(rng: Generator, canvas: Canvas, scene: Scene, path: Array, half: float, colour: Array) -> Array:
    """A broad scratch along `path`, 2 `half` wide, with one lit and one shaded wall."""
    line = stroke(canvas, path, reach=0.06)
    # It starts abruptly and fades out slowly; grit makes it skip.
    taper = smoothstep(0.0, 0.06, line.along) * (1 - 0.75 * line.along**4)
    width = half * np.clip(taper, 0.25, 1.0) * (1 + 0.13 * lookup(curve_noise(rng, 22), line.along))
    distance = line.distance - width
    alpha = coverage(distance, canvas, 0.003) * scene.surface
    facing = half * slope_to(scene.light, smoothstep(0.4 * half, -half, distance), canvas)
    rough = 1 + 0.10 * noise(rng, canvas, 48) - 0.12 * lookup(curve_noise(rng, 5), 0.5 + 0.5 * line.off / half)
    bare = tint(colour, scene.shade * np.clip(rough - 0.30 * facing, 0.3, 1.5))
    over(scene.image, bare, alpha * rng.uniform(0.80, 0.97))
    return alpha


def scuff(rng: Generator, canvas: Canvas, scene: Scene, path: Array, half: float, colour: Array) -> Array:
    """Many fine scratches side by side along `path`, together 2 `half` wide; `colour` is that of the bare material."""
    line = stroke(canvas, path, reach=2 * half)
    taper = np.sqrt(np.clip(1 - (2 * line.along - 1) ** 4, 0.15, 1))
    edge = half * taper * (1 + 0.12 * lookup(curve_noise(rng, 16), line.along))
    alpha = coverage(line.distance - edge, canvas, 0.003) * scene.surface
    # Each scratch has its own depth, start and end.
    across = 0.5 + 0.5 * line.off / half
    streaks = lookup(curve_noise(rng, 9), across) + 0.5 * lookup(curve_noise(rng, 14), line.along + 0.3 * across)
    bright = np.clip(0.90 + 0.26 * streaks, 0.45, 1.3)
    bare = rng.uniform(0.80, 0.95) * np.clip(1 + 0.25 * streaks, 0.6, 1.0)
    over(scene.image, tint(colour, scene.shade * bright), alpha * bare)
    return alpha

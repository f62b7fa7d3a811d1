"""Defects that happen to more than one product: each paints itself where it is told and returns its alpha.

A product's file chooses place, size and colour; what a mark looks like is told here once. All are kept to
`scene.surface`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import (
    Array,
    Canvas,
    Colour,
    curve_noise,
    darken,
    lookup,
    noise,
    over,
    smoothstep,
    tint,
)
from benchmark.data.synthetic._product import AnyScene, Scene
from benchmark.data.synthetic._shapes import (
    Point,
    blob,
    cast_shadow,
    centred,
    convex,
    coverage,
    gem,
    jagged,
    stroke,
    wander,
)

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
    """A point of the image at least `margin` from its border: where a defect of a texture may lie."""
    return rng.uniform(margin, 1 - margin), rng.uniform(margin, 1 - margin)


def pick(rng: Generator, colours: tuple[Colour, ...]) -> Array:
    """One of the colours (3,)."""
    return np.asarray(colours[rng.integers(len(colours))])


def combined(
    *painters: Callable[[Generator, Canvas, AnyScene], Array],
) -> Callable[[Generator, Canvas, AnyScene], Array]:
    """A painter for several defects on one product: all of them, one after the other."""

    def paint(rng: Generator, canvas: Canvas, scene: AnyScene) -> Array:
        return np.maximum.reduce([painter(rng, canvas, scene) for painter in painters])

    return paint


def dye(rng: Generator, canvas: Canvas, scene: Scene, centre: Point, radius: float, colour: Array) -> Array:
    """A coloured stain that soaked in: it drinks light, the structure below stays visible."""
    distance = blob(rng, canvas, centre, radius, rough=0.22, aspect=rng.uniform(1.0, 2.6))
    alpha = coverage(distance, canvas, softness=0.018) * scene.surface
    soaked = np.clip(rng.uniform(0.55, 0.85) + 0.10 * noise(rng, canvas, 14), 0.4, 1.0)
    over(scene.image, scene.image.mean(axis=2, keepdims=True) * colour, alpha * soaked)
    return alpha


def dirt(rng: Generator, canvas: Canvas, scene: Scene, centre: Point, radius: float, colour: Array) -> Array:
    """A lump of something that does not belong there, with up to two crumbs beside it."""
    distance = blob(rng, canvas, centre, radius, rough=0.24, aspect=rng.uniform(1.0, 2.2))
    for _ in range(rng.integers(0, 3)):
        turn, far = rng.uniform(0, 2 * math.pi), radius * rng.uniform(1.1, 1.6)
        beside = (centre[0] + far * math.cos(turn), centre[1] + far * math.sin(turn))
        crumb = blob(rng, canvas, beside, radius * rng.uniform(0.2, 0.4), rough=0.2)
        distance = np.minimum(distance, crumb)
    alpha = coverage(distance, canvas, 0.004) * scene.surface
    darken(scene.image, 0.5 * cast_shadow(distance, canvas, scene.light, 0.012) * (1 - alpha) * scene.surface)
    lump = noise(rng, canvas, 26) + 0.6 * noise(rng, canvas, 60)
    u, v = canvas.local(centre)
    lit = 1 + 0.22 * (u * scene.light[0] + v * scene.light[1]) / radius + 0.13 * lump
    rim = 0.35 * smoothstep(-0.014, 0.0, distance)
    over(scene.image, tint(colour, np.clip(lit, 0.3, 1.5) * (1 - rim)), alpha)
    return alpha


def thread(rng: Generator, canvas: Canvas, scene: Scene, place: Point) -> Array:
    """A coloured, plied thread that lies around `place` and throws a shadow."""
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
    """A drop or bead of glue with the outline `distance`: glossy, `body` 0 (clear) to 1 (opaque), `colour`."""
    distance = distance + 0.003 * noise(rng, canvas, 24)
    alpha = coverage(distance, canvas, 0.003) * scene.surface
    darken(scene.image, 0.45 * cast_shadow(distance, canvas, scene.light, 0.010) * (1 - alpha) * scene.surface)
    # A drop is a lens: it bulges from its edge, bright where its slope faces the lamp, dark across from there.
    depth = smoothstep(0.0, -0.035, distance) + 0.05 * noise(rng, canvas, 18)
    rows, columns = np.asarray(np.gradient(depth, canvas.pixel))
    facing = -(columns * scene.light[0] + rows * scene.light[1])
    over(scene.image, tint(colour, scene.shade * (0.80 + 0.20 * depth)), alpha * np.clip(body, 0.0, 1.0))
    scene.image *= 1 + (alpha * np.clip(0.012 * facing, -0.4, 0.3))[..., None]
    gloss = smoothstep(14.0, 34.0, facing) * alpha
    over(scene.image, (0.97, 0.97, 0.95), rng.uniform(0.6, 0.9) * gloss)
    return alpha


def scratch(
    rng: Generator, canvas: Canvas, scene: Scene, place: Point, length: float, colour: Array, heading: float
) -> Array:
    """One to three nearly parallel scratches around `place`; `colour` is what lies bare below the surface."""
    half = rng.uniform(0.0075, 0.0115)
    alpha = np.zeros_like(scene.shade)
    for number in range(rng.integers(1, 4)):
        side = 0.03 * number * rng.choice([-1.0, 1.0])
        beside = (place[0] - side * math.sin(heading), place[1] + side * math.cos(heading))
        path = wander(rng, (0.0, 0.0), heading + rng.normal(0, 0.08), length * rng.uniform(0.6, 1.0), 10, bend=0.25)
        line = stroke(canvas, centred(path, beside), reach=0.05)
        # It digs in and comes out slowly; grit makes it skip.
        taper = np.sqrt(np.clip(1 - (2 * line.along - 1) ** 4, 0.1, 1)) * (
            1 + 0.15 * lookup(curve_noise(rng, 20), line.along)
        )
        one = coverage(line.distance - half * taper, canvas, 0.003) * scene.surface
        across = line.off / half
        bright = scene.shade * (0.95 - 0.30 * across * (1 if rng.random() < 0.5 else -1))
        over(scene.image, tint(colour, np.clip(bright, 0.2, 1.4)), one * rng.uniform(0.75, 0.95))
        np.maximum(alpha, one, out=alpha)
    return alpha


def crack(rng: Generator, canvas: Canvas, start: Point, end: Point, widest: float, branches: int) -> Array:
    """Signed distance (n, n) to a branching crack between two points, half `widest` wide at its middle or so."""
    main = jagged(rng, start, end, 13, jitter=0.035)
    length, heading = math.dist(start, end), math.atan2(end[1] - start[1], end[0] - start[0])
    line = stroke(canvas, main, reach=0.08)
    peak = rng.uniform(0.25, 0.75)
    opening = np.clip(1 - np.abs(line.along - peak) / max(peak, 1 - peak), 0.0, 1.0)
    distance = line.distance - (0.010 + (widest / 2 - 0.010) * opening)
    for _ in range(branches):
        root = main[rng.integers(3, 10)]
        turn, reach = heading + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1), 0.22 * length
        far = (root[0] + reach * math.cos(turn), root[1] + reach * math.sin(turn))
        branch = stroke(canvas, jagged(rng, (root[0], root[1]), far, 5, jitter=0.10), reach=0.08)
        distance = np.minimum(distance, branch.distance - 0.012 * (1 - 0.8 * branch.along))
    return distance + 0.0025 * noise(rng, canvas, 50)


def imprint(canvas: Canvas, paths: list[Array], pen: float) -> Array:
    """Signed distance (n, n) to text or a logo drawn with a pen of half width `pen`."""
    distance = np.full((canvas.y.size, canvas.x.size), 0.05)
    for path in paths:
        np.minimum(distance, stroke(canvas, path, reach=0.05).distance - pen, out=distance)
    return distance


def loose_yarn(
    rng: Generator, canvas: Canvas, scene: Scene, roots: Array, headings: Array, length: float, tones: Point
) -> Array:
    """Grey yarn ends, as bright as one of `tones` to the other, that stick out from `roots` (k, 2) and thin out."""
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
    """Scuff cloth inside of `distance` into a felt of pale fibres, `tone` bright, with yarn pulled out at `roots`."""
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
    """Open cloth around `place`: what lies `below` (n, n, grey) shows, yarn ends hang in from the sides `turns`."""
    distance = blob(rng, canvas, place, radius, rough=0.20, aspect=rng.uniform(1.0, 1.7))
    distance = distance + 0.004 * noise(rng, canvas, 45)
    hole = coverage(distance, canvas) * scene.surface
    # The cloth stands above the ground and shades it on the side of the lamp; some weft still spans the hole.
    lit = 0.5 + 0.5 * cast_shadow(distance, canvas, scene.light, 0.018)
    weft = smoothstep(-0.1, 0.5, np.sin(2 * math.pi * canvas.y / 0.026)) * smoothstep(0.0, 0.6, noise(rng, canvas, 12))
    over(scene.image, tint((1.0, 1.0, 1.0), below * lit * (1 - 0.7 * weft)), hole)
    turns = turns + rng.uniform(-0.3, 0.3, turns.size)
    roots = np.asarray(place) + 1.05 * radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    headings = turns + math.pi + rng.normal(0, 0.5, turns.size)
    return np.maximum(hole, loose_yarn(rng, canvas, scene, roots, headings, 0.9 * radius, (0.16, 0.40)))

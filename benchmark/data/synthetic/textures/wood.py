"""Wood: a brown board with vertical grain, growth rings and dark pores."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, lamp, over, tint
from benchmark.data.synthetic._marks import DYES, combined, dye, glue, pick, random_place
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import Point, centred, polar, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, coverage, stroke

_EARLY_WOOD: Colour = (0.62, 0.445, 0.315)
_LATE_WOOD: Colour = (0.40, 0.255, 0.165)
_PORE: Colour = (0.22, 0.135, 0.085)
_BARE_WOOD: Colour = (0.86, 0.71, 0.54)


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.20)
    # Fibres are vertical: everything varies much more slowly along them.
    upright = replace(canvas, y=canvas.y * rng.uniform(0.05, 0.08))
    dashes = replace(canvas, y=canvas.y * 0.09)
    shape = rng.uniform(0.5, 1.4) * noise(rng, upright, 3.2) + 0.35 * noise(rng, upright, 8)
    ring = rng.uniform(9, 19) * (canvas.x + rng.normal(0, 0.04) * canvas.y) + shape + rng.uniform(20, 24)
    late = _late_wood(rng, canvas, ring) * np.clip(0.75 + 0.25 * noise(rng, upright, 12), 0.2, 1.2)

    fibres = 0.5 * noise(rng, upright, 36) + 0.5 * noise(rng, upright, 80) + 0.6 * noise(rng, upright, 120)
    cloud = fbm(rng, canvas, 2.5, 2)
    image = tint(_EARLY_WOOD, 1 + 0.085 * fibres + 0.04 * cloud)
    over(image, tint(_LATE_WOOD, 1 + 0.10 * fibres), np.clip(late + 0.06 * fibres, 0, 0.95))
    # Pores are cut open lengthwise: short dark dashes, denser in some growth rings than in others.
    pores = noise(rng, dashes, 128) + 0.9 * late + 0.4 * noise(rng, upright, 20)
    level = rng.uniform(0.95, 1.35)
    over(image, _PORE, rng.uniform(0.50, 0.85) * smoothstep(level, level + 0.9, pores))
    hue = np.array([1.0, rng.uniform(0.98, 1.02), rng.uniform(0.93, 1.07)]) * rng.uniform(0.86, 1.12)
    image *= uneven[..., None] * hue
    return Scene(image, light, uneven, np.ones_like(uneven), gain=camera_gain(rng, balance=0.012))


def _late_wood(rng: Generator, canvas: Canvas, ring: Array) -> Array:
    """Share of dark late wood: it rises slowly within a ring and ends abruptly."""
    year = np.floor(ring).astype(np.intp)
    season = ring - year
    strength, onset = rng.uniform(0.20, 0.85, 64)[year % 64], rng.uniform(0.15, 0.6, 64)[year % 64]
    return strength * np.clip((season - onset) / (1 - onset), 0, 1) ** 1.5 * smoothstep(1.0, 0.90, season)


def _color(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    return _stain(rng, canvas, scene, random_place(rng, 0.2), 1.0)


def _stain(rng: Generator, canvas: Canvas, scene: Scene, place: Point, scale: float) -> Array:
    colour = pick(rng, DYES) * rng.uniform(0.85, 1.1, 3)
    return dye(rng, canvas, scene, place, scale * rng.uniform(0.060, 0.112), colour)


def _hole(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    return _bore(rng, canvas, scene, random_place(rng, 0.18), int(rng.integers(1, 4)))


def _bore(rng: Generator, canvas: Canvas, scene: Scene, place: Point, number: int) -> Array:
    """Drill `number` holes around `place`; a single one is larger."""
    alpha = np.zeros_like(scene.shade)
    turn = rng.uniform(0, 2 * math.pi)
    for each in range(number):
        radius = rng.uniform(0.046, 0.064) if number == 1 else rng.uniform(0.032, 0.048)
        away = 0.0 if each == 0 else rng.uniform(0.11, 0.18)
        centre = polar(place, turn + 2.1 * each, away)
        np.maximum(alpha, _one_bore(rng, canvas, scene, centre, radius), out=alpha)
    return alpha


def _one_bore(rng: Generator, canvas: Canvas, scene: Scene, centre: Point, radius: float) -> Array:
    distance = blob(rng, canvas, centre, radius, rough=0.03, aspect=rng.uniform(1.0, 1.06))
    u, v = canvas.local(centre)
    # Fibres tear out where the drill runs along them: above and below the hole, not beside it.
    upright = replace(canvas, y=canvas.y * 0.15)
    torn = np.clip(noise(rng, upright, 65), 0, 2) * 0.010 * smoothstep(0.4, 1.0, np.abs(v) / radius)
    distance = distance - torn
    alpha = coverage(distance, canvas, 0.003)
    away = -(u * scene.light[0] + v * scene.light[1]) / radius
    wall = scene.shade * np.clip(0.46 + 0.30 * away + 0.07 * noise(rng, upright, 70), 0.10, 1.0)
    over(scene.image, tint(_BARE_WOOD, wall), alpha)
    # The floor of the hole is shifted towards the lamp, whose light reaches only the far wall.
    slant = rng.uniform(0.08, 0.22) * radius
    floor = np.hypot(u - slant * scene.light[0], v - slant * scene.light[1]) - 0.86 * radius
    depth = np.clip(0.07 + 0.05 * away + 0.02 * noise(rng, canvas, 30), 0.02, 0.2)
    over(scene.image, tint((1.0, 0.72, 0.50), depth), coverage(floor, canvas, 0.012) * alpha)
    return alpha


def _liquid(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    return _drops(rng, canvas, scene, random_place(rng, 0.22), rng.uniform(0.055, 0.105), int(rng.integers(1, 6)))


def _drops(rng: Generator, canvas: Canvas, scene: Scene, place: Point, radius: float, number: int) -> Array:
    """A puddle at `place` with smaller drops around it: clear, glossy, and dark where it soaks in."""
    distance = blob(rng, canvas, place, radius, rough=0.14, aspect=rng.uniform(1.0, 1.8))
    for _ in range(number):
        beside = polar(place, rng.uniform(0, 2 * math.pi), radius * rng.uniform(1.2, 2.1))
        distance = np.minimum(distance, blob(rng, canvas, beside, radius * rng.uniform(0.18, 0.42), rough=0.06))
    wet = coverage(distance, canvas, 0.004)
    scene.image *= 1 - (wet * rng.uniform(0.26, 0.44))[..., None] * np.array([0.85, 1.0, 1.12])
    return glue(rng, canvas, scene, distance, (0.80, 0.78, 0.74), rng.uniform(0.02, 0.12))


def _scratch(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    return _score(rng, canvas, scene, random_place(rng, 0.28), rng.uniform(0.38, 0.68))


def _score(rng: Generator, canvas: Canvas, scene: Scene, place: Point, length: float) -> Array:
    """One to three scratches across the grain, with splintered fibres."""
    heading = rng.choice([0.0, math.pi]) + rng.normal(0, 0.45)
    splinters = noise(rng, replace(canvas, y=canvas.y * 0.25), 100)
    alpha = np.zeros_like(scene.shade)
    for number in range(rng.integers(1, 4)):
        beside = (place[0] + rng.normal(0, 0.03), place[1] + 0.035 * number * rng.choice([-1.0, 1.0]))
        path = wander(rng, (0.0, 0.0), heading + rng.normal(0, 0.12), length * rng.uniform(0.75, 1.0), 10, bend=0.25)
        line = stroke(canvas, centred(path, beside), reach=0.05)
        skips = lookup(curve_noise(rng, 30), line.along)
        half = rng.uniform(0.0100, 0.0145) * (1 - 0.6 * np.abs(2 * line.along - 1) ** 3 + 0.06 * skips)
        one = coverage(line.distance - half + 0.0018 * splinters, canvas, 0.003)
        # A groove: one wall faces the lamp, the other is in shadow.
        wall = np.clip(np.sign(scene.light[1]) * line.off / half, -1, 1)
        lit = 0.97 - 0.09 * wall + 0.04 * splinters
        bare = np.clip(rng.uniform(0.70, 0.88) + 0.14 * skips, 0.45, 0.95)
        over(scene.image, tint(_BARE_WOOD, scene.shade * np.clip(lit, 0.4, 1.2)), one * bare)
        np.maximum(alpha, one, out=alpha)
    return alpha


def _combined(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    """Two or three of the other defects, each in its own quarter of the board."""
    x, y = rng.uniform(0.22, 0.34, 4), rng.uniform(0.22, 0.34, 4)
    places = rng.permutation([(x[0], y[0]), (1 - x[1], y[1]), (x[2], 1 - y[2]), (1 - x[3], 1 - y[3])])
    painters = (
        lambda r, c, s: _stain(r, c, s, tuple(places[0]), 0.8),
        lambda r, c, s: _bore(r, c, s, tuple(places[1]), 1),
        lambda r, c, s: _drops(r, c, s, tuple(places[2]), r.uniform(0.05, 0.08), 2),
        lambda r, c, s: _score(r, c, s, tuple(places[3]), r.uniform(0.3, 0.45)),
    )
    chosen = rng.permutation(4)[: rng.integers(2, 4)]
    return combined(*(painters[number] for number in chosen))(rng, canvas, scene)


CATEGORY = Category("wood", _paint, (_color, _combined, _hole, _liquid, _scratch))

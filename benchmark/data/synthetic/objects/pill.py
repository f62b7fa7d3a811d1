"""Pill: a wide white tablet with red specks and two letters pressed into it, on a black ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._glyphs import random_text, text_paths
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, slope_to, tint
from benchmark.data.synthetic._marks import combined, crack, dirt, dye, gouge, imprint, pick
from benchmark.data.synthetic._noise import fbm, noise
from benchmark.data.synthetic._paths import Point, centred, placed, polar, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage

_WHITE: Colour = (0.84, 0.815, 0.79)
_SPECK: Colour = (0.63, 0.24, 0.18)
_GROUND: Colour = (0.026, 0.027, 0.030)
_HEIGHT, _PEN = 0.165, 0.0125
_STAINS: tuple[Colour, ...] = ((1.05, 0.42, 0.36), (1.10, 0.90, 0.38), (1.15, 0.66, 0.34), (0.95, 0.50, 0.62))
_DIRT: tuple[Colour, ...] = (
    (0.13, 0.11, 0.10),
    (0.30, 0.19, 0.11),
    (0.52, 0.17, 0.12),
    (0.66, 0.52, 0.16),
    (0.26, 0.30, 0.36),
)
_OTHER_PILLS: tuple[Colour, ...] = (
    (0.86, 0.72, 0.30),
    (0.80, 0.52, 0.26),
    (0.84, 0.50, 0.52),
    (0.45, 0.62, 0.74),
    (0.60, 0.70, 0.46),
    (0.56, 0.36, 0.25),
)


@dataclass(kw_only=True)
class PillScene(Scene):
    """A scene in which the letters can be pressed again, or the pill replaced.

    ground : (n, n, 3) the picture without a pill
    plain : (n, n, 3) the picture before the letters were pressed in
    letters : (n, n) signed distance to the letters
    radii : half width and half height
    """

    ground: Array
    plain: Array
    letters: Array
    radii: tuple[float, float]


def _paint(rng: Generator, canvas: Canvas) -> PillScene:
    light, uneven = lamp(rng, canvas, falloff=0.12)
    centre = (0.5 + rng.uniform(-0.02, 0.02), 0.5 + rng.uniform(-0.025, 0.025))
    angle = rng.normal(0, 0.045)
    radii = (rng.uniform(0.415, 0.44), rng.uniform(0.245, 0.27))
    ground = tint(_GROUND, uneven * rng.uniform(0.6, 1.5) * (1 + 0.15 * fbm(rng, canvas, 6, 3)))
    reach, distance = _oval(canvas, centre, radii, angle, power=2.25)
    shade = uneven * _dome(rng, canvas, light, reach, canvas.local(centre, angle), angle)
    powder = tint(np.asarray(_WHITE) * rng.uniform(0.985, 1.015, 3), 1 + 0.012 * fbm(rng, canvas, 40, 2, fade=0.8))
    _speckle(rng, canvas, powder, canvas.local(centre, angle))
    surface = coverage(distance, canvas, 0.004)
    plain = ground + surface[..., None] * (powder * shade[..., None] - ground)
    place = (centre[0] + rng.normal(0, 0.006), centre[1] + rng.normal(0, 0.006))
    letters = imprint(canvas, text_paths("FF", place, _HEIGHT, angle + rng.normal(0, 0.02)), _PEN)
    image = plain.copy()
    _press(rng, canvas, image, light, letters)
    pose = (centre, angle, radii[1], camera_gain(rng, balance=0.012))
    return PillScene(image, light, shade, surface, *pose, ground=ground, plain=plain, letters=letters, radii=radii)


def _oval(canvas: Canvas, centre: Point, radii: tuple[float, float], angle: float, power: float) -> tuple[Array, Array]:
    """A superellipse: 0 in the middle to 1 on its edge, and the signed distance."""
    u, v = canvas.local(centre, angle)
    u, v = np.abs(u / radii[0]), np.abs(v / radii[1])
    reach = (u**power + v**power) ** (1 / power)
    slope = np.hypot((u / reach) ** (power - 1) / radii[0], (v / reach) ** (power - 1) / radii[1])
    return reach, (reach - 1) / slope


def _dome(
    rng: Generator, canvas: Canvas, light: Point, reach: Array, local: tuple[Array, Array], angle: float
) -> Array:
    """Brightness of a nearly flat top that falls off to a bevelled rim."""
    cos, sin = math.cos(angle), math.sin(angle)
    u, v = local
    towards = u * (light[0] * cos + light[1] * sin) + v * (light[1] * cos - light[0] * sin)
    bevel = smoothstep(rng.uniform(0.82, 0.86), 1.0, reach)
    ridge = np.exp(-(((reach - 0.87) / 0.025) ** 2))
    side = np.clip(towards / (np.hypot(u, v) + 0.02), -1, 1)
    tilt = 0.16 * rng.uniform(0.7, 1.3) * towards + bevel * (0.16 * side - 0.30 * bevel)
    return 0.98 - 0.05 * reach**2 + tilt + ridge * (0.03 + 0.03 * side) + 0.012 * noise(rng, canvas, 5)


def _speckle(rng: Generator, canvas: Canvas, powder: Array, local: tuple[Array, Array]) -> None:
    """Add red specks to the white powder: a few coarse and many fine ones."""
    u, v = (part + 0.0025 * noise(rng, canvas, 55) for part in local)
    density = rng.uniform(0.7, 1.2)
    for cell, share, small, large in ((0.085, 0.30, 0.007, 0.0135), (0.04, 0.45, 0.0035, 0.0080)):
        # At most one speck in each cell of a lattice, kept clear of the cell's edges.
        knots = math.ceil(2.2 / cell)
        p, q = (u + 1.1) / cell + rng.random() - 0.5, (v + 1.1) / cell + rng.random() - 0.5
        cells = np.floor(q).astype(np.intp) % knots, np.floor(p).astype(np.intp) % knots
        shape = (knots, knots)
        radius = rng.uniform(small, large, shape) * (rng.random(shape) < share * density)
        room = 0.5 - radius / cell
        off_p, off_q = 0.5 + room * rng.uniform(-1, 1, shape), 0.5 + room * rng.uniform(-1, 1, shape)
        strength = rng.uniform(0.35, 0.9, shape)
        distance = cell * np.hypot(p % 1 - off_p[cells], q % 1 - off_q[cells]) - radius[cells]
        opacity = coverage(distance, canvas, 0.006) * strength[cells] * (radius[cells] > 0)
        over(powder, np.asarray(_SPECK) * rng.uniform(0.85, 1.15), opacity)


def _press(rng: Generator, canvas: Canvas, image: Array, light: Point, letters: Array) -> None:
    """Press letters into the powder: dark grooves with one lit and one shaded wall."""
    depth = smoothstep(0.004, -0.012, letters)
    facing = slope_to(light, depth, canvas)
    strength = rng.uniform(0.85, 1.1)
    crumbs = 1 + 0.15 * noise(rng, canvas, 50)
    image *= (1 - strength * 0.20 * depth * crumbs - np.clip(0.0030 * strength * facing, -0.14, 0.30))[..., None]


def _on_pill(rng: Generator, scene: PillScene, share: float) -> Point:
    """A point of the pill, within `share` of the way to its edge."""
    turn, far = rng.uniform(0, 2 * math.pi), share * math.sqrt(rng.random())
    u, v = far * scene.radii[0] * math.cos(turn), far * scene.radii[1] * math.sin(turn)
    return placed(scene.centre, scene.angle, u, v)


def _color(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    colour = pick(rng, _STAINS) * rng.uniform(0.9, 1.08, 3)
    return dye(rng, canvas, scene, _on_pill(rng, scene, 0.72), rng.uniform(0.052, 0.10), colour)


def _contamination(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    colour = pick(rng, _DIRT) * rng.uniform(0.85, 1.15)
    if rng.random() < 0.5:
        return dirt(rng, canvas, scene, _on_pill(rng, scene, 0.8), rng.uniform(0.045, 0.075), colour)
    place, alpha = _on_pill(rng, scene, 0.6), np.zeros_like(scene.shade)
    for _ in range(rng.integers(3, 6)):
        near = (place[0] + rng.normal(0, 0.05), place[1] + rng.normal(0, 0.04))
        np.maximum(alpha, dirt(rng, canvas, scene, near, rng.uniform(0.026, 0.036), colour), out=alpha)
    return alpha


def _crack(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    return (_chip if rng.random() < 0.6 else _fissure)(rng, canvas, scene)


def _chip(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    """A piece broken off at the rim: a rough white fracture that slopes down to the black ground."""
    turn = rng.uniform(0, 2 * math.pi)
    cos, sin = math.cos(turn + scene.angle), math.sin(turn + scene.angle)
    far = 1 / math.hypot(math.cos(turn) / scene.radii[0], math.sin(turn) / scene.radii[1])
    size = rng.uniform(0.060, 0.105)
    edge = polar(scene.centre, turn + scene.angle, far)
    distance = blob(rng, canvas, edge, size, rough=0.16, aspect=rng.uniform(1.0, 1.8))
    distance = distance + 0.004 * noise(rng, canvas, 45)
    broken = coverage(distance, canvas, 0.003)
    alpha = broken * scene.surface
    u, v = canvas.local(edge)
    ragged = 1 + 0.16 * noise(rng, canvas, 38) + 0.08 * noise(rng, canvas, 70)
    slope = np.clip(0.66 + 3.0 * (u * cos + v * sin) * (cos * scene.light[0] + sin * scene.light[1]), 0.35, 0.9)
    over(scene.image, tint(_WHITE, scene.shade * slope * ragged), alpha)
    gone = distance + rng.uniform(0.018, 0.034) + 0.004 * noise(rng, canvas, 26)
    over(scene.image, scene.ground, coverage(gone, canvas, 0.006) * broken)
    return alpha


def _fissure(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    heading, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.34)
    middle = _on_pill(rng, scene, 0.6)
    distance = crack(
        rng, canvas, middle, heading, length, widest=rng.uniform(0.026, 0.036), branches=int(rng.integers(0, 3))
    )
    alpha = coverage(distance, canvas) * scene.surface
    # One wall of the gap faces the lamp, the other does not.
    near_lamp = cast_shadow(distance, canvas, scene.light, 0.006)
    depth = 0.66 - 0.42 * near_lamp * smoothstep(0.002, -0.010, distance) + 0.07 * noise(rng, canvas, 45)
    over(scene.image, tint(_WHITE, scene.shade * depth), alpha)
    darken(scene.image, 0.18 * coverage(distance - 0.003, canvas, 0.012) * (1 - alpha) * scene.surface)
    return alpha


def _faulty_imprint(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    kind = rng.integers(3)
    was = coverage(scene.letters - 0.005, canvas, 0.004)
    if kind == 0:
        # The die was dirty: part of the letters is missing.
        place = (scene.centre[0] + rng.choice([-0.09, 0.09]), scene.centre[1] + rng.normal(0, 0.02))
        patch = blob(rng, canvas, place, rng.uniform(0.11, 0.14), rough=0.15)
        alpha = coverage(patch, canvas, 0.012) * was
        over(scene.image, scene.plain, alpha)
        return alpha
    if kind == 1:
        # Pressed with the wrong die, or twice.
        twice = rng.random() < 0.4
        place = (scene.centre[0] + rng.normal(0, 0.05), scene.centre[1] + rng.choice([-1, 1]) * rng.uniform(0.03, 0.06))
        text = "FF" if twice else random_text(rng, 2)
        letters = imprint(canvas, text_paths(text, place, _HEIGHT, scene.angle + rng.normal(0, 0.25)), _PEN)
        if not twice:
            over(scene.image, scene.plain, was)
        _press(rng, canvas, scene.image, scene.light, letters)
        now = coverage(letters - 0.005, canvas, 0.004)
        return now if twice else np.maximum(was, now)
    return _torn_imprint(rng, canvas, scene)


def _torn_imprint(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    """Powder that stuck to the die and was torn out: a rough pit over part of the letters."""
    place = (scene.centre[0] + rng.normal(0, 0.07), scene.centre[1] + rng.normal(0, 0.03))
    pit = blob(rng, canvas, place, rng.uniform(0.06, 0.09), rough=0.2, aspect=rng.uniform(1.0, 1.8))
    alpha = coverage(pit, canvas, 0.006) * scene.surface
    crumbs = noise(rng, canvas, 30) + 0.7 * noise(rng, canvas, 62)
    over(scene.image, scene.plain * (0.76 + 0.08 * crumbs)[..., None], alpha)
    return alpha


def _pill_type(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    colour = pick(rng, _OTHER_PILLS) * rng.uniform(0.92, 1.08, 3)
    if rng.random() < 0.5:
        radii, power = (rng.uniform(0.40, 0.44), rng.uniform(0.19, 0.24)), rng.uniform(2.0, 3.0)
    else:
        radii, power = (rng.uniform(0.28, 0.36),) * 2, 2.0
    reach, distance = _oval(canvas, scene.centre, radii, scene.angle, power)
    local = canvas.local(scene.centre, scene.angle)
    shade = _dome(rng, canvas, scene.light, reach, local, scene.angle)
    powder = tint(colour, shade * (1 + 0.015 * fbm(rng, canvas, 40, 2)))
    if rng.random() < 0.4:
        _press(rng, canvas, powder, scene.light, np.abs(local[0]) - _PEN)
    else:
        paths = text_paths(random_text(rng, 2), scene.centre, 0.8 * _HEIGHT, scene.angle)
        _press(rng, canvas, powder, scene.light, imprint(canvas, paths, _PEN))
    now = coverage(distance, canvas, 0.004)
    scene.image[:] = scene.ground
    over(scene.image, powder, now)
    return np.maximum(scene.surface, now)


def _scratch(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    colour = rng.uniform(0.55, 0.75) * np.asarray(_WHITE)
    place, heading, alpha = _on_pill(rng, scene, 0.5), rng.uniform(0, 2 * math.pi), np.zeros_like(scene.shade)
    for _ in range(rng.integers(1, 3)):
        path = wander(rng, (0.0, 0.0), heading + rng.normal(0, 0.15), rng.uniform(0.22, 0.42), 10, bend=0.3)
        near = (place[0] + rng.normal(0, 0.03), place[1] + rng.normal(0, 0.03))
        mark = gouge(rng, canvas, scene, centred(path, near), rng.uniform(0.0125, 0.018), colour)
        np.maximum(alpha, mark, out=alpha)
    return alpha


def _combined(rng: Generator, canvas: Canvas, scene: PillScene) -> Array:
    first, second = rng.choice(4, 2, replace=False)
    painters = (_color, _contamination, _crack, _scratch)
    return combined(painters[first], painters[second])(rng, canvas, scene)


CATEGORY = Category("pill", _paint, (_color, _combined, _contamination, _crack, _faulty_imprint, _pill_type, _scratch))

"""Capsule: a glossy gelatine capsule lying on a white ground, its cap black, its body orange with a white number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._glyphs import text_paths
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, slope_to, tint
from benchmark.data.synthetic._marks import crack, gouge, imprint
from benchmark.data.synthetic._noise import fbm, noise
from benchmark.data.synthetic._paths import Point, centred, placed, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage

_ORANGE: Colour = (0.80, 0.37, 0.135)
_BLACK: Colour = (0.070, 0.064, 0.066)
_POWDER: Colour = (0.90, 0.86, 0.76)
# Powder seen through the orange shell.
_LIT_POWDER: Colour = (0.92, 0.66, 0.42)
_GROUND: Colour = (0.80, 0.80, 0.79)
_INK: Colour = (0.93, 0.91, 0.87)
_HEIGHT, _PEN = 0.105, 0.0115


@dataclass(kw_only=True)
class CapsuleScene(Scene):
    """A scene that can be printed again, and whose halves are known.

    bare : (n, n, 3) the picture before the number was printed
    letters : (n, n) signed distance to the number
    half : half the length; the body ends at -half and +half along the axis
    joint : position on the axis where the black cap ends
    """

    bare: Array
    letters: Array
    half: float
    joint: float


def _paint(rng: Generator, canvas: Canvas) -> CapsuleScene:
    _, uneven = lamp(rng, canvas, falloff=0.14)
    # The lamp is behind the capsule, so that its long reflection is always on the upper side.
    turn = rng.normal(-math.pi / 2, 0.4)
    light = (math.cos(turn), math.sin(turn))
    centre = (0.5 + rng.uniform(-0.02, 0.02), 0.5 + rng.uniform(-0.03, 0.03))
    angle, radius = rng.normal(0, 0.05), rng.uniform(0.132, 0.146)
    half, joint = rng.uniform(0.395, 0.425), rng.uniform(-0.02, 0.03)
    u, v = canvas.local(centre, angle)
    on_cap = coverage(u - joint, canvas, 0.004)
    # The body slides into the cap, so it is a little thinner.
    girth = radius * (0.955 + 0.045 * on_cap)
    beyond = np.clip(np.abs(u) - (half - radius), 0, None)
    distance = np.hypot(beyond, v) - girth
    surface = coverage(distance, canvas, 0.004)
    normal = np.sign(u) * beyond / girth, v / girth
    shell, shade = _shell(rng, canvas, light, angle, normal, u - joint, on_cap)

    image = tint(_GROUND, uneven * (1 + 0.012 * fbm(rng, canvas, 5, 4, fade=0.7)))
    darken(image, rng.uniform(0.25, 0.45) * cast_shadow(distance + 0.02, canvas, light, 0.065))
    darken(image, 0.30 * np.exp(-np.clip(distance, 0, None) / 0.012))
    image += surface[..., None] * (shell * uneven[..., None] - image)
    number, brand = _print_places(rng, centre, angle)
    _print(rng, canvas, image, imprint(canvas, text_paths("CAPS", *brand), 0.0065), surface)
    bare = image.copy()
    letters = imprint(canvas, _number_paths(*number), _PEN)
    _print(rng, canvas, image, letters, surface)
    pose = (centre, angle, radius, camera_gain(rng, exposure=0.08, balance=0.012))
    return CapsuleScene(image, light, shade, surface, *pose, bare=bare, letters=letters, half=half, joint=joint)


def _shell(
    rng: Generator,
    canvas: Canvas,
    light: Point,
    angle: float,
    normal: tuple[Array, Array],
    past_joint: Array,
    on_cap: Array,
) -> tuple[Array, Array]:
    """Colour and brightness of the two glossy halves from the part of their `normal` in the image plane."""
    nu, nv = normal
    up = np.sqrt(np.clip(1 - nu * nu - nv * nv, 0.0, 1.0))
    cos, sin = math.cos(angle), math.sin(angle)
    lamp_u, lamp_v = light[0] * cos + light[1] * sin, light[1] * cos - light[0] * sin
    shade = 0.50 + 0.42 * up + 0.24 * (nu * lamp_u + nv * lamp_v)
    grain = 1 + 0.02 * fbm(rng, canvas, 30, 2)
    hue = rng.uniform(0.96, 1.04, 3) * rng.uniform(0.93, 1.07)
    # Light from the white ground comes through the thin rim of the orange half and mirrors on the black one.
    rim = (1 - up) ** 2
    orange = tint(np.asarray(_ORANGE) * hue, shade * grain + 0.22 * rim * (nv > 0))
    black = tint(_BLACK, 0.6 + 0.5 * shade * grain) + (0.16 * rim * (1 - rim))[..., None]
    shell = orange + on_cap[..., None] * (black - orange)
    # The rim of the cap and, further in, the ring that locks it.
    darken(shell, 0.42 * smoothstep(0.022, 0.0, past_joint) * (1 - on_cap))
    for at, strength in ((-0.006, 0.17), (-0.062, 0.06), (-0.082, 0.06)):
        shell += (strength * np.clip(0.3 + up - 0.8 * nv, 0, 1) * np.exp(-(((past_joint - at) / 0.005) ** 2)))[
            ..., None
        ]
    wavy = 0.035 * noise(rng, canvas, 5)
    for offset, width, strength in ((0.46, 0.085, 0.62), (0.62, 0.20, 0.10), (-0.55, 0.12, 0.10)):
        # The normal halfway between lamp and camera mirrors the lamp: a line along the cylinder.
        across = (nv - offset * rng.uniform(0.9, 1.1) * lamp_v + wavy) / width
        along = smoothstep(0.75, 0.35, np.abs(nu - 0.5 * lamp_u * offset))
        shell += (strength * rng.uniform(0.75, 1.1) * np.exp(-(across**2)) * along)[..., None]
    return shell, shade


def _print_places(
    rng: Generator, centre: Point, angle: float
) -> tuple[tuple[Point, float, float], tuple[Point, float, float]]:
    """Places of the number and the name, as arguments of `text_paths`; the halves are rotated independently."""
    places = []
    for along, height in ((0.195, _HEIGHT), (-0.195, 0.055)):
        u, v = along + rng.normal(0, 0.012), rng.normal(0.012, 0.008)
        at = placed(centre, angle, u, v)
        places.append((at, height * rng.uniform(0.95, 1.05), angle + rng.normal(0, 0.02)))
    return places[0], places[1]


def _number_paths(centre: Point, height: float, angle: float) -> list[Array]:
    """Pen paths of "500"."""
    turns = np.linspace(0, 2 * math.pi, 17)
    cos, sin = math.cos(angle), math.sin(angle)
    step = 0.93 * height
    paths = text_paths("5", (centre[0] - step * cos, centre[1] - step * sin), height, angle)
    for place in (0.0, step):
        u, v = place + height / 3 * np.cos(turns), height / 2 * np.sin(turns)
        paths.append(np.stack([centre[0] + u * cos - v * sin, centre[1] + u * sin + v * cos], axis=1))
    return paths


def _print(rng: Generator, canvas: Canvas, image: Array, letters: Array, surface: Array) -> None:
    ink = np.clip(0.88 + 0.08 * noise(rng, canvas, 40), 0.5, 1.0)
    over(image, _INK, coverage(letters + 0.0006 * noise(rng, canvas, 60), canvas, 0.003) * ink * surface)


def _on_capsule(rng: Generator, scene: CapsuleScene, share: float) -> tuple[Point, bool]:
    """A point of the capsule within `share` of its size, away from the joint, and whether it is on the black cap."""
    cap = bool(rng.random() < 0.45)
    room = (-share * scene.half, scene.joint - 0.07) if cap else (scene.joint + 0.07, share * scene.half)
    u, v = rng.uniform(*room), share * scene.radius * rng.uniform(-0.8, 0.8)
    return placed(scene.centre, scene.angle, u, v), cap


def _dent(canvas: Canvas, scene: CapsuleScene, depth: Array, alpha: Array) -> None:
    """Light and mirror on the walls of a dent `depth` deep (image units)."""
    facing = slope_to(scene.light, depth, canvas)
    scene.image *= (1 + alpha * np.clip(1.1 * facing, -0.7, 0.4))[..., None]
    over(scene.image, (0.90, 0.88, 0.86), 0.55 * smoothstep(0.10, 0.60, facing) * alpha)


def _crack(rng: Generator, canvas: Canvas, scene: CapsuleScene) -> Array:
    middle, cap = _on_capsule(rng, scene, 0.75)
    heading, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.18, 0.30)
    distance = crack(
        rng, canvas, middle, heading, length, widest=rng.uniform(0.034, 0.056), branches=int(rng.integers(1, 4))
    )
    alpha = coverage(distance, canvas) * scene.surface
    # The gap shows powder in the shadow of the shell; the edge of the shell is thin and bright.
    inside = 0.40 + 0.35 * smoothstep(0.0, -0.02, distance) + 0.08 * noise(rng, canvas, 40)
    shadowed = 1 - 0.55 * cast_shadow(distance, canvas, scene.light, 0.008) * (0.4 if cap else 1.0)
    over(scene.image, tint(_POWDER if cap else _LIT_POWDER, scene.shade * inside * shadowed), alpha)
    edge = coverage(np.abs(distance) - 0.002, canvas, 0.006) * scene.surface
    over(scene.image, tint((0.62, 0.60, 0.58) if cap else (1.0, 0.72, 0.48), scene.shade), 0.5 * edge)
    return alpha


def _faulty_imprint(rng: Generator, canvas: Canvas, scene: CapsuleScene) -> Array:
    kind = rng.integers(3)
    was = coverage(scene.letters - 0.003, canvas, 0.003) * scene.surface
    number = placed(scene.centre, scene.angle, 0.195, 0.0)
    if kind == 0:
        # Too little ink: part of the number is not there.
        side = rng.choice([-1, 1]) * rng.uniform(0.03, 0.09)
        patch = blob(
            rng, canvas, placed(scene.centre, scene.angle, 0.195 + side, 0.0), rng.uniform(0.075, 0.11), rough=0.2
        )
        alpha = coverage(patch, canvas, 0.010) * was
        over(scene.image, scene.bare, alpha)
        return alpha
    if kind == 1:
        # Printed askew, or twice.
        aside = 0.195 + rng.normal(0, 0.02), rng.choice([-1, 1]) * rng.uniform(0.03, 0.05)
        off = placed(scene.centre, scene.angle, *aside)
        tilt = rng.choice([-1, 1]) * rng.uniform(0.12, 0.38)
        letters = imprint(canvas, _number_paths(off, _HEIGHT, scene.angle + tilt), _PEN)
        twice = rng.random() < 0.5
        if not twice:
            over(scene.image, scene.bare, was)
        now = coverage(letters - 0.003, canvas, 0.003) * scene.surface
        _print(rng, canvas, scene.image, letters, scene.surface)
        return now * (1 - was) if twice else np.maximum(was, now)
    # Wiped while wet: the ink is dragged into a veil.
    veil = blob(rng, canvas, number, rng.uniform(0.065, 0.095), rough=0.2, aspect=rng.uniform(1.0, 2.2))
    alpha = coverage(veil, canvas, 0.010) * scene.surface
    over(scene.image, scene.bare, 0.8 * alpha)
    streaks = np.clip(0.50 + 0.20 * noise(rng, canvas, 11) + 0.10 * noise(rng, canvas, 45), 0.25, 0.9)
    over(scene.image, tint(_INK, 0.35 + 0.6 * scene.shade), alpha * streaks)
    return alpha


def _poke(rng: Generator, canvas: Canvas, scene: CapsuleScene) -> Array:
    centre, _ = _on_capsule(rng, scene, 0.8)
    radius = rng.uniform(0.045, 0.062)
    distance = blob(rng, canvas, centre, radius, rough=0.08, aspect=rng.uniform(1.0, 1.5))
    alpha = coverage(distance, canvas, 0.006) * scene.surface
    _dent(canvas, scene, 0.045 * smoothstep(0.3 * radius, -0.9 * radius, distance), alpha)
    hole = coverage(distance + rng.uniform(0.50, 0.65) * radius + 0.004 * noise(rng, canvas, 40), canvas, 0.005)
    over(scene.image, (0.045, 0.03, 0.025), 0.92 * hole * alpha)
    return alpha


def _scratch(rng: Generator, canvas: Canvas, scene: CapsuleScene) -> Array:
    place, cap = _on_capsule(rng, scene, 0.6)
    colour = np.array([0.52, 0.51, 0.50] if cap else [1.0, 0.74, 0.52]) * rng.uniform(0.85, 1.1)
    heading, alpha = rng.normal(scene.angle, 0.6), np.zeros_like(scene.shade)
    for _ in range(rng.integers(1, 4)):
        path = wander(rng, (0.0, 0.0), heading + rng.normal(0, 0.12), rng.uniform(0.18, 0.32), 10, bend=0.3)
        near = (place[0] + rng.normal(0, 0.025), place[1] + rng.normal(0, 0.025))
        mark = gouge(rng, canvas, scene, centred(path, near), rng.uniform(0.012, 0.0165), colour)
        np.maximum(alpha, mark, out=alpha)
    return alpha


def _squeeze(rng: Generator, canvas: Canvas, scene: CapsuleScene) -> Array:
    """Press the side in: the picture, with outline and reflections, is pulled towards the middle."""
    side = rng.choice([-1.0, 1.0])
    at, width = scene.half * rng.uniform(-0.72, 0.72), rng.uniform(0.09, 0.15)
    u, v = canvas.local(scene.centre, scene.angle)
    reach = 1.25 * scene.radius
    rho = ((u - at) / width) ** 2 + ((v - side * scene.radius) / reach) ** 2
    bump = np.clip(1 - rho * (1 + 0.08 * noise(rng, canvas, 7)), 0, None) ** 2
    bump *= smoothstep(1.6 * scene.radius, 1.15 * scene.radius, np.abs(v))
    depth = rng.uniform(0.050, 0.080) * bump
    cos, sin = math.cos(scene.angle), math.sin(scene.angle)
    x, y = canvas.x - side * depth * sin, canvas.y + side * depth * cos
    moved = _sample(scene.image, x, y)
    pressed = _sample(scene.surface[..., None], x, y)[..., 0]
    scene.image[:] = moved
    alpha = smoothstep(0.06, 0.14, bump) * np.maximum(scene.surface, pressed)
    _dent(canvas, scene, 0.8 * depth, alpha * pressed)
    return alpha


def _sample(image: Array, x: Array, y: Array) -> Array:
    """The colours of `image` at positions (n, n), interpolated linearly."""
    side = len(image)
    column, row = (np.clip(position * side - 0.5, 0, side - 1.001) for position in (x, y))
    j, i = column.astype(np.intp), row.astype(np.intp)
    s, t = (column - j)[..., None], (row - i)[..., None]
    upper = image[i, j] * (1 - s) + image[i, j + 1] * s
    lower = image[i + 1, j] * (1 - s) + image[i + 1, j + 1] * s
    return np.asarray(upper * (1 - t) + lower * t)


CATEGORY = Category("capsule", _paint, (_crack, _faulty_imprint, _poke, _scratch, _squeeze))

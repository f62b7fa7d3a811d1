"""Metal nut: a shiny pressed nut with a threaded hole and four swept lugs, flat on a dark ground, at any angle."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, tint
from benchmark.data.synthetic._marks import dye, pick, scuff
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import centred, polar, rotation, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import cast_shadow, convex, coverage

_STEEL: Colour = (1.0, 0.985, 0.95)
_GROUND: Colour = (0.125, 0.125, 0.135)
_MARKERS: tuple[Colour, ...] = (
    (1.45, 0.22, 0.16),
    (0.22, 0.42, 1.40),
    (0.75, 0.14, 1.15),
    (1.35, 0.60, 0.18),
    (0.16, 0.15, 0.17),
    (0.30, 1.05, 0.45),
)
# A lug seen with its root at the left, in units of the nut's radius: swept to one side like the teeth of a saw.
_LUG = np.array([(0.30, -0.44), (0.76, -0.60), (0.98, -0.46), (1.06, 0.00), (0.97, 0.24), (0.72, 0.42), (0.30, 0.52)])
_BODY, _COLLAR, _BORE = 0.69, 0.52, 0.325
# How far the roundness of the edge reaches inwards, in image units.
_EDGE = 0.028


@dataclass(frozen=True)
class _Lug:
    """The pose of one lug: rotated in the image plane, stretched, sloping down from `fold` outwards by `slope`."""

    turn: float = 0.0
    reach: float = 1.0
    width: float = 1.0
    fold: float = 0.72
    slope: float = 0.30


@dataclass(frozen=True)
class _Steel:
    """The metal of one nut: its reflection by slope, and its grain."""

    mirror: Array
    grain: Array
    stains: Array
    lugs: tuple[_Lug, ...]


@dataclass(kw_only=True)
class _NutScene(Scene):
    """A scene that can be painted again with other lugs, or upside down."""

    ground: Array
    steel: _Steel


def _paint(rng: Generator, canvas: Canvas) -> _NutScene:
    light, uneven = lamp(rng, canvas, falloff=0.16)
    centre = (0.5 + rng.uniform(-0.03, 0.03), 0.5 + rng.uniform(-0.03, 0.03))
    angle, radius = rng.uniform(0, 2 * math.pi), rng.uniform(0.374, 0.396)
    sand = 0.16 * fbm(rng, canvas, 60, 2, fade=0.8) + 0.07 * noise(rng, canvas, 4)
    ground = tint(_GROUND, uneven * np.clip(1 + sand, 0.3, None) * rng.uniform(0.65, 1.35))
    pose, gain, steel = (centre, angle, radius), camera_gain(rng), _steel(rng, canvas, angle)
    scene = _NutScene(ground, light, uneven, uneven, *pose, gain, ground=ground, steel=steel)
    distance, layer = _nut(canvas, scene, scene.steel.lugs, flipped=False)
    scene.image, scene.surface = _laid(canvas, scene, distance, layer), coverage(distance, canvas)
    return scene


def _steel(rng: Generator, canvas: Canvas, angle: float) -> _Steel:
    # Reflection over slopes -1..1: a dark room, a wide lamp, and a window.
    slope = np.linspace(-1, 1, 512)
    room = 0.06 * curve_noise(rng, 9, 512)
    lamp_at, lamp_wide = rng.uniform(0.28, 0.45), rng.uniform(0.16, 0.24)
    window = rng.uniform(0.10, 0.30) * np.exp(-(((slope + rng.uniform(0.35, 0.75)) / 0.12) ** 2))
    mirror = 0.46 + 0.12 * slope + room + 0.50 * np.exp(-(((slope - lamp_at) / lamp_wide) ** 2)) + window
    # Rolled sheet: fine parallel lines over the whole nut, interrupted in places.
    along, _ = canvas.local((0.0, 0.0), angle + rng.uniform(0, math.pi))
    lines = lookup(curve_noise(rng, 130), 0.5 + along / 3.2 + 0.002 * noise(rng, canvas, 6))
    grain = 0.10 * lines * np.clip(0.7 + 0.5 * noise(rng, canvas, 9), 0, 1.5) + 0.05 * noise(rng, canvas, 55)
    stains = 0.09 * fbm(rng, canvas, 4, 4, fade=0.65)
    lugs = tuple(
        _Lug(rng.normal(0, 0.02), 1 + rng.normal(0, 0.012), 1 + rng.normal(0, 0.025), slope=rng.uniform(0.22, 0.38))
        for _ in range(4)
    )
    return _Steel(mirror * rng.uniform(0.9, 1.1), grain, stains, lugs)


def _nut(canvas: Canvas, scene: _NutScene, lugs: tuple[_Lug, ...], flipped: bool) -> tuple[Array, Array]:
    """Signed distance to the nut's outline (the bore counts as nut) and its picture (n, n, 3)."""
    distance, slant = _outline(canvas, scene, lugs, flipped)
    u, v = canvas.local(scene.centre)
    rho = np.hypot(u, v) / scene.radius
    # The pressed edge is round; on the upper face a collar surrounds the bore, the lower face has a wide chamfer.
    depth = np.clip(-distance / _EDGE, 0, 1)
    height = 0.62 * _EDGE * np.sqrt(np.clip(1 - (1 - depth) ** 2, 0, 1))
    if flipped:
        height = height - 0.5 * slant - 0.030 * smoothstep(_COLLAR, _BORE, rho) - 0.010 * smoothstep(0.62, 0.58, rho)
        turned = smoothstep(0.66, 0.62, rho)
    else:
        collar, countersink = smoothstep(_COLLAR, _COLLAR - 0.08, rho), smoothstep(0.36, _BORE, rho)
        height = height + slant + 0.026 * collar - 0.012 * countersink
        turned = smoothstep(_COLLAR + 0.02, _COLLAR - 0.02, rho)
    rows, columns = np.asarray(np.gradient(height, canvas.pixel))
    facing = -(columns * scene.light[0] + rows * scene.light[1])
    # Turned faces are brushed in circles: they flash in two opposite sectors.
    compass = np.arctan2(v, u) - math.atan2(scene.light[1], scene.light[0])
    flash = 0.30 * turned * np.cos(2 * compass - 2.4) ** 3
    stains, grain = scene.steel.stains, scene.steel.grain
    bright = lookup(scene.steel.mirror, 0.5 + 0.5 * np.clip(0.8 * facing + 0.12 * stains, -1, 1))
    bright = bright * (1 + stains + grain * (1 - 0.7 * turned) + flash)
    bright = bright * (1 - 0.35 * np.clip(np.hypot(rows, columns) - 0.7, 0, 1))
    layer = tint(_STEEL, np.clip(bright, 0.03, 1.15) * scene.shade)
    _bore(canvas, scene, layer, rho, compass)
    return distance, layer


def _outline(canvas: Canvas, scene: Scene, lugs: tuple[_Lug, ...], flipped: bool) -> tuple[Array, Array]:
    """Signed distance to the union of body and lugs, and the height of their faces above the body."""
    u, v = canvas.local(scene.centre)
    r = np.hypot(u, v)
    distance, slant = r - _BODY * scene.radius, np.zeros_like(r)
    for number, lug in enumerate(lugs):
        angle = scene.angle + 0.5 * math.pi * number + lug.turn
        outline = np.maximum(_lug_outline(canvas, scene, lug, angle, flipped), r - 0.985 * lug.reach * scene.radius)
        closer = outline < distance
        ahead, _ = canvas.local(scene.centre, angle)
        np.copyto(slant, -lug.slope * np.clip(ahead - lug.fold * scene.radius, 0, None), where=closer)
        np.copyto(distance, outline, where=closer)
    return distance, slant


def _lug_outline(canvas: Canvas, scene: Scene, lug: _Lug, angle: float, flipped: bool) -> Array:
    """Signed distance to one lug with rounded corners."""
    rounding = 0.05
    corners = _LUG * (lug.reach, lug.width)
    corners = corners - rounding * np.sign(corners - corners.mean(axis=0))
    if flipped:
        corners = corners[::-1] * (1, -1)
    corners = scene.radius * corners @ rotation(angle) + scene.centre
    return convex(canvas, corners) - rounding * scene.radius


def _bore(canvas: Canvas, scene: Scene, layer: Array, rho: Array, compass: Array) -> None:
    """Paint the bore: the turns of its thread on the wall, the dark ground far below; `compass` is from the lamp."""
    inside = coverage((rho - _BORE) * scene.radius, canvas)
    turns = np.sin(2 * math.pi * (rho / 0.058 + compass / (2 * math.pi)))
    wall = smoothstep(0.17, 0.29, rho) * (0.26 - 0.20 * np.cos(compass)) * (1 + 0.75 * turns)
    over(layer, tint(_STEEL, (0.045 + np.clip(wall, 0, 1)) * scene.shade), inside)


def _laid(canvas: Canvas, scene: _NutScene, distance: Array, layer: Array) -> Array:
    """The ground with the nut and its shadow on it."""
    image = scene.ground.copy()
    darken(image, 0.6 * cast_shadow(distance, canvas, scene.light, 0.014))
    over(image, layer, coverage(distance, canvas, 0.003))
    return image


def _on_metal(rng: Generator, scene: Scene, low: float, high: float) -> tuple[float, float]:
    """A point of a lug between two circles around the bore, in radii."""
    turn = scene.angle + 0.5 * math.pi * rng.integers(4) + rng.uniform(-0.35, 0.35)
    return polar(scene.centre, turn, scene.radius * rng.uniform(low, high))


def _bent(rng: Generator, canvas: Canvas, scene: _NutScene) -> Array:
    number = int(rng.integers(4))
    lugs = list(scene.steel.lugs)
    bend = float(rng.choice([-1.0, 1.0]))
    lugs[number] = replace(
        lugs[number],
        turn=bend * rng.uniform(0.16, 0.42),
        reach=rng.uniform(0.80, 0.96),
        width=rng.uniform(0.75, 0.95),
        fold=rng.uniform(0.56, 0.70),
        slope=rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 1.0),
    )
    after, layer = _nut(canvas, scene, tuple(lugs), flipped=False)
    # Only the quadrant of this lug changes: beyond the fold the slope differs, and beside the lug metal replaces
    # ground or ground replaces metal.
    ahead, side = canvas.local(scene.centre, scene.angle + 0.5 * math.pi * number)
    quadrant = smoothstep(0.0, 0.02, np.minimum(ahead - 1.08 * _COLLAR * scene.radius, 1.2 * ahead - np.abs(side)))
    before, now = scene.surface, coverage(after, canvas)
    beyond = np.maximum(before, now) * coverage(lugs[number].fold * scene.radius - ahead, canvas)
    alpha = np.maximum(beyond, np.abs(before - now)) * (quadrant > 0.5)
    over(scene.image, _laid(canvas, scene, after, layer), quadrant)
    return alpha


def _color(rng: Generator, canvas: Canvas, scene: _NutScene) -> Array:
    colour = pick(rng, _MARKERS) * rng.uniform(0.9, 1.1)
    place, radius = _on_metal(rng, scene, 0.5, 0.8), rng.uniform(0.045, 0.095)
    # Marker ink is brighter than the dark metal below it.
    metal = scene.image
    scene.image = 0.25 + 0.75 * metal
    alpha = dye(rng, canvas, scene, place, radius, colour)
    scene.image = metal + alpha[..., None] * (scene.image - metal)
    return alpha


def _flip(rng: Generator, canvas: Canvas, scene: _NutScene) -> Array:
    distance, layer = _nut(canvas, scene, scene.steel.lugs, flipped=True)
    over(scene.image, _laid(canvas, scene, distance, layer), np.ones_like(distance))
    return np.maximum(scene.surface, coverage(distance, canvas))


def _scratch(rng: Generator, canvas: Canvas, scene: _NutScene) -> Array:
    bare = np.array([0.98, 0.97, 0.94]) * rng.uniform(0.95, 1.1)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, 2 * math.pi), rng.uniform(0.15, 0.30), 8, bend=0.3)
    path = centred(path, _on_metal(rng, scene, 0.52, 0.75))
    return scuff(rng, canvas, scene, path, rng.uniform(0.020, 0.029), bare)


CATEGORY = Category("metal_nut", _paint, (_bent, _color, _flip, _scratch))

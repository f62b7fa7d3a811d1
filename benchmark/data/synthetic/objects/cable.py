"""Cable: the cut end of a three-core cable, copper wires in green, blue and brown insulation inside a pale sheath."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, slope_to, tint
from benchmark.data.synthetic._marks import combined
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import Point, polar, rotation, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import around, cast_shadow, coverage, stroke

# Clockwise from the top.
_INSULATION: tuple[Colour, ...] = ((0.36, 0.60, 0.20), (0.46, 0.36, 0.29), (0.13, 0.33, 0.62))
_SHEATH: Colour = (0.76, 0.76, 0.74)
_FILLER: Colour = (0.50, 0.50, 0.49)
_COPPER: Colour = (0.86, 0.56, 0.36)
_GROUND: Colour = (0.30, 0.31, 0.31)
# In radii of a core, of the sheath, and in image units.
_CONDUCTOR, _SHEATH_INSIDE, _WIRE = 0.70, 0.855, 0.0265


@dataclass(frozen=True)
class Core:
    """One of the three conductors; `wires` (k, 2) are the centres of its copper wires."""

    centre: Point
    radius: float
    wires: Array


@dataclass(kw_only=True)
class CableScene(Scene):
    """A scene with its cores, and the (n, n, 3) picture of the `ground` without the cable."""

    cores: list[Core]
    ground: Array


def _paint(rng: Generator, canvas: Canvas) -> CableScene:
    light, uneven = lamp(rng, canvas, falloff=0.16)
    centre = (0.5 + rng.uniform(-0.025, 0.025), 0.5 + rng.uniform(-0.025, 0.025))
    angle, radius = rng.normal(0, 0.10), rng.uniform(0.425, 0.445)
    u, v = canvas.local(centre)
    rho = np.hypot(u, v) + 0.004 * noise(rng, canvas, 3)
    ground = tint(_GROUND, uneven * rng.uniform(0.85, 1.2) * (1 + 0.06 * fbm(rng, canvas, 4, 3)))
    darken(ground, 0.45 * np.exp(-np.clip(rho - radius, 0, None) / 0.03))
    # The saw left parallel marks across everything it cut.
    s, _ = canvas.local((0.5, 0.5), rng.uniform(0, math.pi))
    saw = 1 + 0.018 * lookup(curve_noise(rng, 45), 0.5 + 0.6 * s)
    shade = uneven * saw * (1 + 0.018 * fbm(rng, canvas, 12, 3))
    surface = coverage(rho - radius, canvas, 0.004)
    image = ground.copy()
    over(image, _sheath(rng, canvas, light, shade, rho / radius, (u * light[0] + v * light[1]) / radius), surface)
    gain = camera_gain(rng, exposure=0.09, balance=0.015)
    scene = CableScene(image, light, shade, surface, centre, angle, radius, gain, cores=[], ground=ground)
    for number, colour in enumerate(_INSULATION):
        turn = angle + math.pi * (2 * number / 3 - 0.5) + rng.normal(0, 0.03)
        size = 0.39 * radius * rng.uniform(0.985, 1.015)
        far = 0.985 * _SHEATH_INSIDE * radius - size
        place = polar(centre, turn, far)
        core = Core(place, size, _pack(rng, place, _CONDUCTOR * size))
        scene.cores.append(core)
        _lay(rng, canvas, scene, core, np.asarray(colour) * rng.uniform(0.94, 1.06, 3))
    return scene


def _sheath(rng: Generator, canvas: Canvas, light: Point, shade: Array, rho: Array, towards: Array) -> Array:
    """The pale sheath and, in the shadow inside it, the filler between the cores; `rho` is 1 on the outline."""
    inside = smoothstep(_SHEATH_INSIDE + 0.008, _SHEATH_INSIDE - 0.008, rho + 0.006 * noise(rng, canvas, 9))
    tone = np.asarray(_SHEATH) * rng.uniform(0.94, 1.05)
    bevel = smoothstep(0.965, 1.0, rho) * (0.16 * np.clip(towards, -1, 1) - 0.16)
    layer = tint(tone, shade * (1 + bevel + 0.05 * towards))
    pores = 1 + 0.045 * fbm(rng, canvas, 38, 2, fade=0.8)
    over(layer, tint(_FILLER, shade * pores * (0.98 - 0.22 * towards)), inside)
    darken(layer, 0.45 * np.exp(-(((rho - _SHEATH_INSIDE) / 0.012) ** 2)))
    return layer


def _pack(rng: Generator, centre: Point, radius: float) -> Array:
    """Centres (k, 2) of the wires in a round conductor: a slightly disturbed close packing."""
    row, column = np.divmod(np.arange(19 * 19), 19) - np.array([[9], [9]])
    along = column + 0.5 * (row % 2) + rng.random()
    sites = _WIRE * np.stack([along, row * math.sqrt(0.75) + rng.random()], axis=1)
    sites += rng.uniform(-0.15, 0.15, sites.shape) * _WIRE
    sites = sites @ rotation(rng.uniform(0, 2 * math.pi))
    return sites[np.hypot(sites[:, 0], sites[:, 1]) < radius - 0.45 * _WIRE] + centre


def _distances(canvas: Canvas, sites: Array) -> Array:
    """Squared distance (k, rows, columns) to each site."""
    x, y = sites[:, 0, None, None], sites[:, 1, None, None]
    return np.asarray((canvas.x - x) ** 2 + (canvas.y - y) ** 2)


def _lay(rng: Generator, canvas: Canvas, scene: CableScene, core: Core, colour: Array) -> None:
    """Paint a core with insulation of this colour into the scene."""
    part, window = around(canvas, core.centre, 1.2 * core.radius)
    shade, image = scene.shade[window], scene.image[window]
    u, v = part.local(core.centre)
    distance = np.hypot(u, v) - core.radius + 0.0022 * noise(rng, part, 8)
    towards = (u * scene.light[0] + v * scene.light[1]) / core.radius
    darken(image, 0.55 * np.exp(-np.clip(distance, 0, None) / 0.016))
    bevel = smoothstep(-0.012, 0.0, distance)
    plastic = shade * (0.92 + 0.05 * towards + bevel * (0.22 * towards - 0.18)) * (1 + 0.03 * noise(rng, part, 40))
    layer = tint(colour, plastic)
    layer += (0.05 * np.clip(0.6 + towards, 0, None) * shade)[..., None]
    opening = distance + (1 - _CONDUCTOR) * core.radius + 0.0016 * noise(rng, part, 20)
    over(layer, _copper(rng, part, scene.light, core.wires, shade), coverage(opening, part, 0.004))
    darken(layer, 0.50 * smoothstep(0.010, 0.0, np.abs(opening + 0.002)))
    over(image, layer, coverage(distance, part, 0.003))


def _copper(rng: Generator, canvas: Canvas, light: Point, wires: Array, shade: Array) -> Array:
    """The cut ends of wires: small discs, each with its own tone, tilt and burr; dark between them."""
    squared = _distances(canvas, wires)
    nearest = squared.argmin(axis=0)
    distance = np.sqrt(squared.min(axis=0))
    count = len(wires)
    tone, turn = rng.uniform(0.60, 1.12, count), rng.uniform(0, 2 * math.pi, count)
    size = 0.5 * _WIRE * rng.uniform(0.92, 1.06, count)
    dx, dy = canvas.x - wires[nearest, 0], canvas.y - wires[nearest, 1]
    tilt = (dx * np.cos(turn)[nearest] + dy * np.sin(turn)[nearest]) / (0.5 * _WIRE)
    burr = smoothstep(0.45, 1.0, distance / (0.5 * _WIRE)) * (dx * light[0] + dy * light[1]) / (0.5 * _WIRE)
    bright = tone[nearest] * (1 + 0.20 * tilt + 0.25 * burr)
    pale = smoothstep(1.0, 1.45, bright)
    metal = tint(_COPPER, shade * bright) + (0.22 * pale)[..., None] * np.array([0.7, 1.0, 1.0])
    gap = coverage(distance - size[nearest], canvas, 0.006)
    dark = tint((0.20, 0.10, 0.06), shade)
    return np.asarray(dark + gap[..., None] * (metal - dark))


def _some_core(rng: Generator, scene: CableScene) -> Core:
    return scene.cores[rng.integers(len(scene.cores))]


def _hollow(rng: Generator, canvas: Canvas, scene: Scene, alpha: Array, middle: Point, size: float) -> None:
    """Paint a dark cavity: only the wall opposite the lamp is lit a little."""
    u, v = canvas.local(middle)
    lit = smoothstep(0.1, 1.3, -(u * scene.light[0] + v * scene.light[1]) / size)
    depth = 0.055 + 0.13 * lit + 0.012 * noise(rng, canvas, 20)
    over(scene.image, tint((1.0, 0.94, 0.88), np.clip(depth, 0.02, 0.3)), alpha)


def _bent_wire(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    core = _some_core(rng, scene)
    start = core.wires[rng.integers(len(core.wires))]
    outwards = math.atan2(start[1] - core.centre[1], start[0] - core.centre[0])
    length, half = rng.uniform(0.17, 0.30), rng.uniform(0.0125, 0.0150)
    path = wander(rng, (start[0], start[1]), outwards + rng.normal(0, 0.4), length, 14, bend=rng.uniform(0.3, 1.3))
    line = stroke(canvas, path, reach=0.06)
    distance = line.distance - half
    alpha = coverage(distance, canvas)
    darken(scene.image, 0.60 * cast_shadow(distance, canvas, scene.light, 0.016) * (1 - alpha))
    # A bright line runs along the side that faces the lamp; the cut end is flat and pale.
    across = line.distance / half * slope_to(scene.light, line.distance, canvas)
    round_ = 0.62 + 0.30 * across + 0.55 * np.exp(-(((across - 0.35) / 0.28) ** 2))
    metal = tint(_COPPER, np.clip(round_, 0.2, 1.25)) + (0.10 * smoothstep(0.96, 1.0, line.along))[..., None]
    over(scene.image, metal, alpha)
    return alpha


def _cable_swap(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    number, other = rng.choice(3, 2, replace=False)
    core = scene.cores[number]
    again = Core(core.centre, core.radius, _pack(rng, core.centre, _CONDUCTOR * core.radius))
    _lay(rng, canvas, scene, again, np.asarray(_INSULATION[other]) * rng.uniform(0.94, 1.06, 3))
    return coverage(np.hypot(*canvas.local(core.centre)) - core.radius, canvas, 0.003)


def _missing_cable(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    core = _some_core(rng, scene)
    distance = np.hypot(*canvas.local(core.centre)) - core.radius
    alpha = coverage(distance - 0.002 + 0.002 * noise(rng, canvas, 9), canvas, 0.004)
    _hollow(rng, canvas, scene, alpha, core.centre, core.radius)
    # The far wall of the channel keeps the imprint of the core.
    rim = smoothstep(-0.022, 0.0, distance) * np.clip(0.5 + 0.2 * noise(rng, canvas, 14), 0, 1)
    over(scene.image, tint(_FILLER, 0.5 * scene.shade), rim * alpha)
    return alpha


def _missing_wire(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    core = _some_core(rng, scene)
    turn, far = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.6) * _CONDUCTOR * core.radius
    middle = polar(core.centre, turn, far)
    order = np.argsort(np.hypot(core.wires[:, 0] - middle[0], core.wires[:, 1] - middle[1]))
    gone = int(rng.integers(10, 19))
    part, window = around(canvas, core.centre, core.radius)
    squared = _distances(part, core.wires[order])
    # Wires that stay keep their round outlines.
    stays, went = np.sqrt(squared[gone:].min(axis=0)), np.sqrt(squared[:gone].min(axis=0))
    distance = np.maximum(0.5 * _WIRE - stays, went - 0.62 * _WIRE)
    alpha = np.zeros_like(scene.shade)
    alpha[window] = coverage(distance, part, 0.003)
    _hollow(rng, canvas, scene, alpha, middle, 0.06)
    return alpha


def _sector(rng: Generator, canvas: Canvas, centre: Point, turn: float, radii: Point, arc: float) -> Array:
    """Signed distance to a piece cut from a ring: `arc` long, between two radii, with slanted, rough walls."""
    u, v = canvas.local(centre, turn)
    rho = np.hypot(u, v)
    depth = (rho - radii[0]) / (radii[1] - radii[0])
    lean = rng.normal(0, 0.025, 2)
    sides = np.maximum(v - lean[0] * depth, -v - lean[1] * depth) - arc / 2
    distance = np.maximum.reduce([sides, radii[0] - rho, rho - radii[1], -u])
    return np.asarray(distance + 0.003 * noise(rng, canvas, 16) + 0.002 * noise(rng, canvas, 38))


def _cut_inner_insulation(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    core = _some_core(rng, scene)
    radii = ((_CONDUCTOR + 0.015) * core.radius, core.radius + 0.004)
    turn = rng.uniform(0, 2 * math.pi)
    distance = _sector(rng, canvas, core.centre, turn, radii, rng.uniform(0.13, 0.21))
    alpha = coverage(distance, canvas, 0.003)
    _hollow(rng, canvas, scene, alpha, polar(core.centre, turn, 0.85 * core.radius), 0.05)
    # The flank of the bare conductor shows at the bottom of the cut.
    u, v = canvas.local(core.centre, turn)
    flank = smoothstep(0.030, 0.004, np.hypot(u, v) - radii[0])
    strands = 0.8 + 0.22 * np.sin(2 * math.pi * v / _WIRE) + 0.12 * noise(rng, canvas, 40)
    over(scene.image, tint(_COPPER, 0.55 * scene.shade * strands), flank * alpha)
    return alpha


def _cut_outer_insulation(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    radii = (rng.uniform(0.87, 0.91) * scene.radius, 1.03 * scene.radius)
    turn = rng.uniform(0, 2 * math.pi)
    distance = _sector(rng, canvas, scene.centre, turn, radii, rng.uniform(0.16, 0.34))
    alpha = coverage(distance, canvas, 0.003) * scene.surface
    over(scene.image, scene.ground, coverage(distance, canvas, 0.003))
    wall = smoothstep(-0.016, 0.0, distance) * np.clip(0.6 + 0.3 * noise(rng, canvas, 20), 0, 1)
    over(scene.image, tint(_SHEATH, 0.62 * scene.shade), wall * alpha)
    return alpha


def _poke_insulation(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    turn = rng.uniform(0, 2 * math.pi)
    if rng.random() < 0.7:
        core = _some_core(rng, scene)
        middle, far, width = core.centre, 0.86 * core.radius, 0.025
    else:
        middle, far, width = scene.centre, 0.93 * scene.radius, 0.027
    at = polar(middle, turn, far)
    across, along = canvas.local(at, turn)
    # Follow the bend of the ring.
    across = across + along**2 / (2 * far)
    length = rng.uniform(0.062, 0.080)
    reach = np.hypot(across / width, along / length) + 0.10 * noise(rng, canvas, 24)
    distance = (reach - 1) * width
    alpha = coverage(distance, canvas, 0.004) * scene.surface
    lips = np.clip(0.55 + 0.35 * noise(rng, canvas, 32), 0.2, 1.1)
    over(scene.image, scene.image * lips[..., None], alpha)
    hole = coverage(distance + 0.006, canvas, 0.006) * alpha
    _hollow(rng, canvas, scene, hole, at, 0.04)
    return alpha


def _combined(rng: Generator, canvas: Canvas, scene: CableScene) -> Array:
    painters = (_missing_wire, _cut_inner_insulation, _cut_outer_insulation, _poke_insulation, _bent_wire)
    first, second = np.sort(rng.choice(len(painters), 2, replace=False))
    return combined(painters[first], painters[second])(rng, canvas, scene)


CATEGORY = Category(
    "cable",
    _paint,
    (
        _bent_wire,
        _cable_swap,
        _combined,
        _cut_inner_insulation,
        _cut_outer_insulation,
        _missing_cable,
        _missing_wire,
        _poke_insulation,
    ),
)

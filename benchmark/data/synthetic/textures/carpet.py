"""Carpet: a grey-brown weave seen from directly above."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, tint
from benchmark.data.synthetic._marks import DYES, dye, metal_scrap, pick, random_place, thread
from benchmark.data.synthetic._noise import fbm, noise
from benchmark.data.synthetic._paths import centred, polar, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage, stroke

_WARP_YARN: Colour = (0.36, 0.33, 0.30)
_WEFT_YARN: Colour = (0.56, 0.53, 0.485)


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.22)
    yarns = rng.uniform(31.0, 35.0)
    u, v = canvas.local((0.5, 0.5), rng.normal(0.0, 0.06))
    u = u * yarns + 0.45 * noise(rng, canvas, 3) + rng.uniform(48, 52)
    v = v * yarns * 0.9 + 0.45 * noise(rng, canvas, 3) + rng.uniform(48, 52)
    column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    # A 2/2 twill: each yarn passes over two others and under two, shifted by one step in every row.
    step = (column + row) % 4
    warp_on_top = step < 2
    across = 2 * np.where(warp_on_top, u - column, v - row) - 1
    along = np.where(warp_on_top, step + v - row, step - 2 + u - column) - 1
    shade = uneven * _relief(rng, canvas, light, warp_on_top, across, along)

    # Every yarn has its own tone, and every stitch a small deviation from it.
    yarn = np.where(warp_on_top, rng.normal(0, 0.04, 101)[column % 101], rng.normal(0, 0.05, 101)[row % 101])
    first_row = np.where(warp_on_top, row - step, row)
    first_column = np.where(warp_on_top, column, column - step + 2)
    stitch = rng.normal(0, 0.06, (101, 101))[first_row % 101, first_column % 101]
    shade *= 1 + yarn + stitch + 0.04 * fbm(rng, canvas, 3, 3)
    hue = (1 + rng.normal(0, 0.018) * np.array([1.0, 0.1, -1.0])) * rng.uniform(0.93, 1.07)
    colour = np.where(warp_on_top[..., None], hue * _WARP_YARN, hue * _WEFT_YARN)
    scene = Scene(colour * shade[..., None], light, shade, np.ones_like(shade), gain=camera_gain(rng))
    _loose_fibres(rng, canvas, scene)
    return scene


def _relief(
    rng: Generator,
    canvas: Canvas,
    light: tuple[float, float],
    warp_on_top: Array,
    across: Array,
    along: Array,
) -> Array:
    """Brightness of a round, twisted, slightly fuzzy yarn that passes under its neighbours at both ends."""
    height = (1 - across**2) * (1 - 0.6 * along**4)
    lamp_across = np.where(warp_on_top, light[0], light[1])
    lamp_along = np.where(warp_on_top, light[1], light[0])
    tilt = lamp_across * across + 0.5 * lamp_along * along**3
    twist = np.sin(2 * math.pi * (1.3 * along + 0.7 * across))
    fuzz = 0.09 * noise(rng, canvas, 90) + 0.05 * noise(rng, canvas, 45)
    return (0.50 + 0.58 * height) * (1 + 0.16 * tilt + 0.06 * twist + fuzz)


def _loose_fibres(rng: Generator, canvas: Canvas, scene: Scene) -> None:
    """Specks of pale or dark lint, as on any normal carpet, finer and shorter than all defects."""
    for _ in range(rng.integers(2, 8)):
        length = rng.uniform(0.012, 0.045)
        path = wander(rng, (rng.random(), rng.random()), rng.uniform(0, 2 * math.pi), length, 4, bend=1.2)
        width = rng.uniform(0.0022, 0.0040)
        alpha = coverage(stroke(canvas, path, reach=0.012).distance - width, canvas, 0.003)
        tone = 0.72 if rng.random() < 0.75 else 0.16
        over(scene.image, (tone, tone * 0.97, tone * 0.92), rng.uniform(0.4, 0.8) * alpha)


def _color(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    colour = pick(rng, DYES) * rng.uniform(0.85, 1.1, 3)
    return dye(rng, canvas, scene, random_place(rng, 0.2), rng.uniform(0.055, 0.135), colour)


def _cut(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    length, half = rng.uniform(0.24, 0.50), rng.uniform(0.018, 0.027)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, math.pi), length, 12, bend=0.35)
    line = stroke(canvas, centred(path, random_place(rng, 0.27)), reach=0.07)
    taper = np.sqrt(np.clip(1 - (2 * line.along - 1) ** 4, 0.05, 1))
    fray = noise(rng, canvas, 70)
    distance = line.distance - half * taper + 0.002 * fray
    alpha = coverage(distance, canvas, 0.004)
    # One lip is lifted into the light, the other turned away from it, depending on the lamp.
    normal = (path[0, 1] - path[-1, 1], path[-1, 0] - path[0, 0])
    facing = math.copysign(1.0, normal[0] * scene.light[0] + normal[1] * scene.light[1])
    lip = 1.12 + rng.uniform(0.25, 0.5) * facing * np.sign(line.off) + 0.16 * fray
    darken(scene.image, 0.45 * cast_shadow(distance, canvas, scene.light, 0.010) * (1 - alpha))
    over(scene.image, scene.image * lip[..., None], alpha)
    slit = coverage(line.distance - rng.uniform(0.58, 0.75) * half * taper + 0.004 * fray, canvas, 0.005)
    over(scene.image, tint((0.085, 0.072, 0.06), scene.shade), 0.93 * slit * alpha)
    return alpha


def _hole(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    radius, centre = rng.uniform(0.05, 0.105), random_place(rng, 0.18)
    distance = blob(rng, canvas, centre, radius, rough=0.10, aspect=rng.uniform(1.0, 1.5))
    distance = distance + 0.005 * noise(rng, canvas, 60)
    alpha = coverage(distance, canvas, 0.004)
    # The backing far below: lit where light passes the edge, with a trace of its coarse grid.
    u, v = canvas.local(centre, rng.uniform(0, math.pi))
    grid = np.sin(2 * math.pi * u / 0.035) * np.sin(2 * math.pi * v / 0.035)
    lit_side = -((canvas.x - centre[0]) * scene.light[0] + (canvas.y - centre[1]) * scene.light[1]) / radius
    depth = 0.09 + 0.09 * smoothstep(-0.2, 1.0, lit_side) * (1 + 0.4 * grid) + 0.012 * noise(rng, canvas, 40)
    over(scene.image, tint((1.0, 0.88, 0.74), np.clip(depth, 0.03, 0.3)), alpha)
    fringe = coverage(np.abs(distance) - 0.006, canvas, 0.010) * np.clip(noise(rng, canvas, 55), 0, 1)
    over(scene.image, tint(_WEFT_YARN, 1.15 * scene.shade), fringe)
    for _ in range(rng.integers(3, 7)):
        _torn_yarn(rng, canvas, scene, centre, radius, alpha)
    return alpha


def _torn_yarn(
    rng: Generator, canvas: Canvas, scene: Scene, centre: tuple[float, float], radius: float, hole: Array
) -> None:
    """A loose yarn end that reaches over a hole and gets thinner."""
    turn = rng.uniform(0, 2 * math.pi)
    start = polar(centre, turn, 1.1 * radius)
    inward = turn + math.pi + rng.normal(0, 0.35)
    line = stroke(canvas, wander(rng, start, inward, radius * rng.uniform(0.4, 0.9), 4, bend=0.7), reach=0.02)
    width = rng.uniform(0.006, 0.010) * (1 - 0.75 * line.along)
    strand = coverage(line.distance - width, canvas, 0.004)
    rounded = np.clip(1 - 0.5 * (line.distance / width) ** 2, 0.3, 1.0)
    over(scene.image, tint(_WEFT_YARN, rng.uniform(0.5, 0.9) * rounded), strand * hole)


def _metal_contamination(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    return metal_scrap(rng, canvas, scene, random_place(rng, 0.15))


def _thread(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    return thread(rng, canvas, scene, random_place(rng, 0.4))


CATEGORY = Category("carpet", _paint, (_color, _cut, _hole, _metal_contamination, _thread))

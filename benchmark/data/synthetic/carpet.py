"""Carpet: a grey-brown plain weave, seen from straight above."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import (
    Array,
    Canvas,
    Category,
    Colour,
    Defect,
    Scene,
    camera_gain,
    curve_noise,
    darken,
    fbm,
    lamp,
    lookup,
    noise,
    over,
    smoothstep,
    tint,
)
from benchmark.data.synthetic._shapes import blob, cast_shadow, centred, convex, coverage, gem, stroke, wander

_WARP_YARN: Colour = (0.36, 0.33, 0.30)
_WEFT_YARN: Colour = (0.56, 0.53, 0.485)
_DYES: tuple[Colour, ...] = (
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


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.22)
    yarns = rng.uniform(31.0, 35.0)
    u, v = canvas.local((0.5, 0.5), rng.normal(0.0, 0.06))
    u = u * yarns + 0.45 * noise(rng, canvas, 3) + rng.uniform(48, 52)
    v = v * yarns * 0.9 + 0.45 * noise(rng, canvas, 3) + rng.uniform(48, 52)
    column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    # A 2/2 twill: each yarn floats over two others, then dives under two, one step further in every row.
    step = (column + row) % 4
    warp_on_top = step < 2
    across = 2 * np.where(warp_on_top, u - column, v - row) - 1
    along = np.where(warp_on_top, step + v - row, step - 2 + u - column) - 1
    shade = uneven * _relief(rng, canvas, light, warp_on_top, across, along)

    # Every yarn has its own tone along its whole length, every stitch a little of its own.
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
    """Brightness of a round, twisted, slightly fuzzy yarn that dives under its neighbours at both ends."""
    height = (1 - across**2) * (1 - 0.6 * along**4)
    lamp_across = np.where(warp_on_top, light[0], light[1])
    lamp_along = np.where(warp_on_top, light[1], light[0])
    tilt = lamp_across * across + 0.5 * lamp_along * along**3
    twist = np.sin(2 * math.pi * (1.3 * along + 0.7 * across))
    fuzz = 0.09 * noise(rng, canvas, 90) + 0.05 * noise(rng, canvas, 45)
    return (0.50 + 0.58 * height) * (1 + 0.16 * tilt + 0.06 * twist + fuzz)


def _loose_fibres(rng: Generator, canvas: Canvas, scene: Scene) -> None:
    """Specks of pale or dark lint, part of any good carpet: finer and shorter than every real defect."""
    for _ in range(rng.integers(2, 8)):
        length = rng.uniform(0.012, 0.045)
        path = wander(rng, (rng.random(), rng.random()), rng.uniform(0, 2 * math.pi), length, 4, bend=1.2)
        width = rng.uniform(0.0022, 0.0040)
        alpha = coverage(stroke(canvas, path, reach=0.012).distance - width, canvas, 0.003)
        tone = 0.72 if rng.random() < 0.75 else 0.16
        over(scene.image, (tone, tone * 0.97, tone * 0.92), rng.uniform(0.4, 0.8) * alpha)


def _place(rng: Generator, margin: float) -> tuple[float, float]:
    return rng.uniform(margin, 1 - margin), rng.uniform(margin, 1 - margin)


def _color(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    dye = np.asarray(_DYES[rng.integers(len(_DYES))]) * rng.uniform(0.85, 1.1, 3)
    radius, aspect = rng.uniform(0.055, 0.135), rng.uniform(1.0, 2.6)
    distance = blob(rng, canvas, _place(rng, 0.2), radius, rough=0.22, aspect=aspect)
    alpha = coverage(distance, canvas, softness=0.018)
    soaked = np.clip(rng.uniform(0.55, 0.85) + 0.10 * noise(rng, canvas, 14), 0.4, 1.0)
    # Dye drinks light but the weave stays visible: colour times the brightness that was there.
    over(scene.image, scene.image.mean(axis=2, keepdims=True) * dye, alpha * soaked)
    return alpha


def _cut(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    length, half = rng.uniform(0.24, 0.50), rng.uniform(0.018, 0.027)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, math.pi), length, 12, bend=0.35)
    line = stroke(canvas, centred(path, _place(rng, 0.27)), reach=0.07)
    taper = np.sqrt(np.clip(1 - (2 * line.along - 1) ** 4, 0.05, 1))
    fray = noise(rng, canvas, 70)
    distance = line.distance - half * taper + 0.002 * fray
    alpha = coverage(distance, canvas, 0.004)
    # One lip is lifted into the light, the other turns away from it; which one follows from the lamp.
    normal = (path[0, 1] - path[-1, 1], path[-1, 0] - path[0, 0])
    facing = math.copysign(1.0, normal[0] * scene.light[0] + normal[1] * scene.light[1])
    lip = 1.12 + rng.uniform(0.25, 0.5) * facing * np.sign(line.off) + 0.16 * fray
    darken(scene.image, 0.45 * cast_shadow(distance, canvas, scene.light, 0.010) * (1 - alpha))
    over(scene.image, scene.image * lip[..., None], alpha)
    slit = coverage(line.distance - rng.uniform(0.58, 0.75) * half * taper + 0.004 * fray, canvas, 0.005)
    over(scene.image, tint((0.085, 0.072, 0.06), scene.shade), 0.93 * slit * alpha)
    return alpha


def _hole(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    radius, centre = rng.uniform(0.05, 0.105), _place(rng, 0.18)
    distance = blob(rng, canvas, centre, radius, rough=0.10, aspect=rng.uniform(1.0, 1.5))
    distance = distance + 0.005 * noise(rng, canvas, 60)
    alpha = coverage(distance, canvas, 0.004)
    # The backing far below: lit where the lamp reaches past the edge, with a trace of its own coarse grid.
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
    """A loose end that reaches from the edge of a hole over it, thinning out."""
    turn = rng.uniform(0, 2 * math.pi)
    start = (centre[0] + 1.1 * radius * math.cos(turn), centre[1] + 1.1 * radius * math.sin(turn))
    inward = turn + math.pi + rng.normal(0, 0.35)
    line = stroke(canvas, wander(rng, start, inward, radius * rng.uniform(0.4, 0.9), 4, bend=0.7), reach=0.02)
    width = rng.uniform(0.006, 0.010) * (1 - 0.75 * line.along)
    strand = coverage(line.distance - width, canvas, 0.004)
    rounded = np.clip(1 - 0.5 * (line.distance / width) ** 2, 0.3, 1.0)
    over(scene.image, tint(_WEFT_YARN, rng.uniform(0.5, 0.9) * rounded), strand * hole)


def _metal_contamination(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    metal, centre = _METALS[rng.integers(len(_METALS))], _place(rng, 0.15)
    if rng.random() < 0.5:
        distance = convex(canvas, gem(rng, centre, rng.uniform(0.048, 0.074), int(rng.integers(5, 8))))
        u, v = canvas.local(centre, rng.uniform(0, 2 * math.pi))
        sheen = lookup(curve_noise(rng, 7), (u / 0.14 + 0.5 + 0.15 * np.sign(v)))
    else:
        bend = rng.uniform(2.0, 4.5)
        path = wander(rng, (0.0, 0.0), rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.36), 18, bend)
        line = stroke(canvas, centred(path, centre), reach=0.06)
        half = rng.uniform(0.016, 0.023)
        distance = line.distance - half
        sheen = 1.2 * np.cos(line.off / half * 2.2 + 1.0) + 0.8 * lookup(curve_noise(rng, 9), line.along)
    alpha = coverage(distance, canvas)
    shadow = cast_shadow(distance, canvas, scene.light, 0.014)
    darken(scene.image, 0.65 * shadow * (1 - alpha))
    bright = np.clip(0.74 + 0.32 * sheen, 0.30, 1.35)
    edge = smoothstep(-0.008, 0.0, distance)
    over(scene.image, tint(metal, bright * (1 - 0.45 * edge)), alpha)
    return alpha


def _thread(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    colour = np.asarray(_THREADS[rng.integers(len(_THREADS))]) * rng.uniform(0.85, 1.1)
    length, half = rng.uniform(0.4, 0.85), rng.uniform(0.0160, 0.0195)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, 2 * math.pi), length, 28, bend=rng.uniform(0.8, 2.2))
    line = stroke(canvas, centred(path, _place(rng, 0.4)), reach=0.06)
    distance = line.distance - half
    alpha = coverage(distance, canvas)
    darken(scene.image, 0.6 * cast_shadow(distance, canvas, scene.light, 0.014) * (1 - alpha))
    plies = np.sin(2 * math.pi * (line.along * length / 0.034 + 0.45 * line.off / half))
    round_ = np.sqrt(np.clip(1 - (line.off / half) ** 2, 0.0, 1.0))
    over(scene.image, tint(colour, (0.5 + 0.5 * round_) * (1 + 0.20 * plies)), alpha)
    return alpha


CATEGORY = Category(
    name="carpet",
    kind="texture",
    mvtec_train_good=280,
    mvtec_test_good=28,
    paint=_paint,
    defects={
        "color": Defect(19, _color),
        "cut": Defect(17, _cut),
        "hole": Defect(17, _hole),
        "metal_contamination": Defect(17, _metal_contamination),
        "thread": Defect(19, _thread),
    },
)

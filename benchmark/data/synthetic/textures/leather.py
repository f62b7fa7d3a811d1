"""Leather: brown hide with a fine pebbled grain and pores, lit from the side."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, tint
from benchmark.data.synthetic._marks import DYES, dye, glue, pick, random_place
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import centred, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import Stroke, blob, cast_shadow, coverage, stroke

_HIDE: Colour = (0.42, 0.235, 0.150)
_CREASE: Colour = (0.20, 0.095, 0.060)
_SUEDE: Colour = (0.72, 0.55, 0.40)
# The pebbles are on a torus with this many cells per side, so that no picture shows one of them twice.
_TORUS = 64


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.24)
    cells, stretch = rng.uniform(40, 48), rng.uniform(1.0, 1.18)
    u, v = canvas.local((0.5, 0.5), rng.uniform(0, 2 * math.pi))
    # Hide grows unevenly: in places the grain is stretched or coarser.
    u = u * cells / stretch + 0.7 * noise(rng, canvas, 5) + 0.20 * noise(rng, canvas, 22)
    v = v * cells * stretch + 0.7 * noise(rng, canvas, 5) + 0.20 * noise(rng, canvas, 22)
    nearest, second, which = _pebbles(rng, u, v)
    crease = smoothstep(0.40, 0.0, second - nearest) * np.clip(0.75 + 0.35 * noise(rng, canvas, 9), 0.25, 1.0)
    dome = (1 - crease) * (1 - 0.35 * nearest) + 0.10 * noise(rng, canvas, 50) + 0.16 * noise(rng, canvas, 14)
    rows, columns = np.asarray(np.gradient(dome, canvas.pixel * cells))
    facing = -(columns * light[0] + rows * light[1])
    shade = uneven * (1 + np.clip(0.115 * facing, -0.26, 0.35)) * (1 + 0.05 * fbm(rng, canvas, 3, 4, fade=0.7))

    tone = rng.normal(0, 0.045, _TORUS * _TORUS)[which]
    hue = rng.uniform(0.86, 1.14) * (1 + rng.normal(0, 0.035) * np.array([0.4, -0.3, -1.0]))
    image = tint(hue * _HIDE, shade * (1 + tone))
    over(image, tint(hue * _CREASE, uneven), rng.uniform(0.34, 0.56) * crease)
    # Some corners where creases meet have a pore left by a hair.
    pore = smoothstep(0.10, 0.0, second - nearest) * smoothstep(0.52, 0.66, nearest) * (noise(rng, canvas, 18) > 0.2)
    over(image, tint(_CREASE, 0.45 * uneven), 0.8 * pore)
    gloss = np.clip(facing - 0.9, 0.0, 1.6) * rng.uniform(0.02, 0.06)
    image += (gloss * uneven)[..., None]
    return Scene(image, light, shade, np.ones_like(shade), gain=camera_gain(rng))


def _pebbles(rng: Generator, u: Array, v: Array) -> tuple[Array, Array, Array]:
    """Distance to the nearest and second nearest pebble at (u, v) in cells, and the number of the nearest."""
    jitter_u, jitter_v = rng.uniform(0.08, 0.92, (2, _TORUS * _TORUS))
    column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    in_u, in_v = u - column, v - row
    nearest, second = np.full_like(u, 9.0), np.full_like(u, 9.0)
    which = np.zeros_like(column)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            cell = (column + i) % _TORUS * _TORUS + (row + j) % _TORUS
            du, dv = jitter_u[cell] + (i - in_u), jitter_v[cell] + (j - in_v)
            distance = du * du + dv * dv
            np.minimum(second, np.maximum(distance, nearest), out=second)
            np.copyto(which, cell, where=distance < nearest)
            np.minimum(nearest, distance, out=nearest)
    return np.sqrt(nearest), np.sqrt(second), which


def _color(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    colour = pick(rng, DYES) * rng.uniform(1.15, 1.5, 3)
    return dye(rng, canvas, scene, random_place(rng, 0.2), rng.uniform(0.055, 0.125), colour)


def _lit_side(scene: Scene, path: Array) -> float:
    """+1 if the positive side of a `Stroke` along the path faces the lamp when it rises outwards, otherwise -1."""
    normal = (path[0, 1] - path[-1, 1], path[-1, 0] - path[0, 0])
    return math.copysign(1.0, -(normal[0] * scene.light[0] + normal[1] * scene.light[1]))


def _cut(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    length, half = rng.uniform(0.20, 0.46), rng.uniform(0.017, 0.026)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, math.pi), length, 12, bend=0.3)
    line = stroke(canvas, centred(path, random_place(rng, 0.26)), reach=0.08)
    taper = np.sqrt(np.clip(1 - (2 * line.along - 1) ** 4, 0.05, 1)) * (
        1 + 0.10 * lookup(curve_noise(rng, 14), line.along)
    )
    distance = line.distance - half * taper
    alpha = coverage(distance, canvas, 0.004)
    # The lips curl up: one is lit, the other in shadow; between them the pale flesh side, then a dark slit.
    side = _lit_side(scene, path) * np.sign(line.off)
    darken(scene.image, 0.35 * cast_shadow(distance, canvas, scene.light, 0.012) * (1 - alpha))
    over(scene.image, scene.image * (1.12 - rng.uniform(0.30, 0.5) * side)[..., None] + 0.03, alpha)
    inner = line.distance / (half * taper)
    fibre = 1 + 0.18 * noise(rng, canvas, 60)
    wall = coverage((inner - 0.66) * half, canvas, 0.004) * alpha
    over(scene.image, tint(_SUEDE, scene.shade * fibre * (0.62 + 0.30 * side)), rng.uniform(0.6, 0.95) * wall)
    slit = coverage((inner - rng.uniform(0.36, 0.52)) * half, canvas, 0.005) * alpha
    over(scene.image, tint((0.075, 0.042, 0.030), scene.shade), 0.95 * slit)
    return alpha


def _fold(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    length, half = rng.uniform(0.40, 0.85), rng.uniform(0.020, 0.036)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, math.pi), length, 16, bend=0.5)
    line = stroke(canvas, centred(path, random_place(rng, 0.38)), reach=0.09)
    alpha, across = _along_fold(canvas, line, half * (1 + 0.15 * lookup(curve_noise(rng, 8), line.along)))
    # A ridge pressed flat: one flank light, the other dark, and a worn, cracked line on its crest.
    flank = _lit_side(scene, path) * np.sin(math.pi * np.clip(across, -1, 1))
    strength = rng.uniform(0.38, 0.55) * (1 + 0.2 * noise(rng, canvas, 9))
    over(scene.image, scene.image * (1 - strength * flank)[..., None], alpha)
    broken = np.clip(0.65 + 0.45 * noise(rng, canvas, 16), 0, 1)
    crest = smoothstep(0.30, 0.08, np.abs(across + 0.12 * noise(rng, canvas, 26))) * alpha
    over(scene.image, tint((0.085, 0.045, 0.030), scene.shade), rng.uniform(0.6, 0.85) * broken * crest)
    return alpha


def _along_fold(canvas: Canvas, line: Stroke, half: Array) -> tuple[Array, Array]:
    """Opacity of a fold that tapers at both ends, and the position across it, -1..1."""
    taper = np.clip(1 - (2 * line.along - 1) ** 4, 0.04, 1) * half
    return coverage(line.distance - taper, canvas, 0.012), line.off / taper


def _glue(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    radius = rng.uniform(0.045, 0.085)
    distance = blob(rng, canvas, random_place(rng, 0.16), radius, rough=0.14, aspect=rng.uniform(1.0, 2.0))
    for _ in range(rng.integers(0, 3)):
        near = random_place(rng, 0.14)
        distance = np.minimum(distance, blob(rng, canvas, near, rng.uniform(0.020, 0.034), rough=0.12))
    milk = rng.uniform(0.80, 0.95)
    return glue(rng, canvas, scene, distance, (milk, 0.97 * milk, 0.90 * milk), body=rng.uniform(0.30, 0.85))


def _poke(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    radius, place = rng.uniform(0.046, 0.062), random_place(rng, 0.14)
    distance = blob(rng, canvas, place, radius, rough=0.07, aspect=rng.uniform(1.0, 1.3))
    alpha = coverage(distance, canvas, 0.006)
    u, v = canvas.local(place)
    towards_lamp = (u * scene.light[0] + v * scene.light[1]) / radius
    inward = -distance / radius
    # The rim was pushed up: its outer slope shines towards the lamp, its inner one on the far side.
    outer, inner = smoothstep(0.0, 0.16, inward), smoothstep(0.22, 0.42, inward)
    darken(scene.image, 0.45 * cast_shadow(distance, canvas, scene.light, 0.012) * (1 - alpha))
    relief = 0.60 * towards_lamp * (outer * (1 - inner)) - 0.75 * towards_lamp * inner
    over(scene.image, scene.image * np.clip(1.05 + relief - 0.22 * inner, 0.2, 1.8)[..., None] + 0.015, alpha)
    hole = coverage(distance + rng.uniform(0.42, 0.55) * radius + 0.003 * noise(rng, canvas, 40), canvas, 0.006)
    over(scene.image, tint((0.060, 0.035, 0.025), scene.shade), 0.95 * hole)
    return alpha


CATEGORY = Category("leather", _paint, (_color, _cut, _fold, _glue, _poke))

"""Tile: polished stone, light grey with dark, brown and white flecks of all sizes."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, slope_to, tint
from benchmark.data.synthetic._marks import crack, glue, random_place
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import centred, jagged, polar, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage, stroke

_GROUND: Colour = (0.70, 0.69, 0.665)
# Flecks from the lowest layer up: cells along the image, share of the area (in standard deviations above the
# mean: 1 is about a sixth), how soft their edge is, colour.
_FLECKS: tuple[tuple[float, float, float, Colour], ...] = (
    (16.0, 0.70, 0.60, (0.57, 0.565, 0.55)),
    (34.0, 1.05, 0.30, (0.83, 0.82, 0.79)),
    (26.0, 1.35, 0.25, (0.47, 0.41, 0.35)),
    (22.0, 1.25, 0.22, (0.34, 0.335, 0.33)),
    (29.0, 1.20, 0.20, (0.19, 0.185, 0.185)),
    (52.0, 1.60, 0.30, (0.15, 0.145, 0.145)),
)
_GLUES: tuple[Colour, ...] = ((0.80, 0.72, 0.46), (0.86, 0.80, 0.60), (0.80, 0.79, 0.73))


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.18)
    image = tint(np.asarray(_GROUND) * rng.uniform(0.95, 1.06), 1 + 0.05 * fbm(rng, canvas, 28, 2))
    scale = rng.uniform(0.90, 1.12)
    hue = 1 + rng.normal(0, 0.010) * np.array([1.0, 0.1, -1.0])
    # Stone is cloudy: some regions have more dark flecks than others.
    cloud, tone = 0.22 * noise(rng, canvas, 4), 1 + 0.14 * noise(rng, canvas, 18)
    for cells, threshold, soft, colour in _FLECKS:
        field = fbm(rng, canvas, cells * scale, 3 if cells < 30 else 2, fade=0.62)
        level = threshold + rng.normal(0, 0.10) - cloud
        over(image, tint(colour, tone), 0.94 * smoothstep(-soft, soft, field - level))
    image *= (uneven * (1 + 0.025 * noise(rng, canvas, 60)))[..., None] * hue
    return Scene(image, light, uneven, np.ones_like(uneven), gain=camera_gain(rng, exposure=0.12, balance=0.012))


def _crack(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    turn, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.55, 0.85)
    middle = random_place(rng, 0.34)
    distance = crack(rng, canvas, middle, turn, length, rng.uniform(0.025, 0.040), int(rng.integers(2, 5)))
    if rng.random() < 0.6:
        # A second fissure forks from the first.
        fork = turn + rng.choice([-1, 1]) * rng.uniform(0.6, 1.3)
        far = polar(middle, fork, 0.8 * length)
        line = stroke(canvas, jagged(rng, middle, far, 9, jitter=0.04), reach=0.08)
        distance = np.minimum(distance, line.distance - 0.015 * (1 - 0.5 * line.along))
    distance = distance - 0.003 + 0.002 * noise(rng, canvas, 45)
    alpha = coverage(distance, canvas, 0.003)
    # The wall opposite the lamp is lit, the rest of the fissure is dark.
    lit = np.clip(1 - cast_shadow(distance, canvas, scene.light, 0.006), 0, 1)
    crumbs = 1 + 0.30 * noise(rng, canvas, 50)
    over(scene.image, tint((0.62, 0.59, 0.55), scene.shade * (0.13 + 0.42 * lit * crumbs)), 0.96 * alpha)
    chips = coverage(np.abs(distance - 0.003) - 0.004, canvas, 0.008) * np.clip(noise(rng, canvas, 22), 0, 1)
    over(scene.image, tint((0.86, 0.85, 0.82), scene.shade), 0.55 * chips * (1 - alpha))
    return alpha


def _glue_strip(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    heading, length = rng.uniform(0, math.pi), rng.uniform(0.42, 0.74)
    path = wander(rng, (0.0, 0.0), heading, length, 8, bend=0.10)
    line = stroke(canvas, centred(path, random_place(rng, 0.34)), reach=0.16)
    half = rng.uniform(0.044, 0.061)
    # The two edges are wavy independently of each other.
    left, right = (lookup(curve_noise(rng, 16), line.along) for _ in range(2))
    edge = half * (1 + 0.13 * np.where(line.off > 0, left, right))
    distance = line.distance - edge + 0.004 * noise(rng, canvas, 12)
    colour = _GLUES[rng.integers(len(_GLUES))]
    alpha = glue(rng, canvas, scene, distance, colour, body=rng.uniform(0.48, 0.68))
    ridges = lookup(curve_noise(rng, 9), 0.5 + 0.45 * line.off / half) * (1 + 0.4 * noise(rng, canvas, 8))
    scene.image *= 1 + (alpha * np.clip(0.045 * ridges, -0.10, 0.12))[..., None]
    return alpha


def _gray_stroke(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    length, half = rng.uniform(0.40, 0.74), rng.uniform(0.034, 0.058)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, 2 * math.pi), length, 14, bend=rng.uniform(0.15, 0.9))
    line = stroke(canvas, centred(path, random_place(rng, 0.30)), reach=0.12)
    across = line.off / half
    # A felt tip leaves fine parallel lines and runs dry towards the end.
    hairs = lookup(curve_noise(rng, 22), 0.5 + 0.4 * across) + 0.5 * noise(rng, canvas, 24)
    ragged = 0.10 * lookup(curve_noise(rng, 30), line.along)
    alpha = coverage(line.distance - half * (1 + ragged) + 0.002 * noise(rng, canvas, 50), canvas, 0.006)
    dry = rng.uniform(0.15, 0.45) * smoothstep(0.55, 1.0, line.along)
    ink = np.clip(rng.uniform(0.80, 0.92) - dry * (0.6 + 0.4 * hairs) + 0.06 * hairs, 0.35, 0.96)
    tone = rng.uniform(0.36, 0.50) * (1 + 0.07 * hairs)
    over(scene.image, tint((0.98, 1.0, 1.02), scene.shade * tone), alpha * ink)
    return alpha


def _oil(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    centre, radius = random_place(rng, 0.24), rng.uniform(0.095, 0.140)
    distance = blob(rng, canvas, centre, radius, rough=0.13, aspect=rng.uniform(1.0, 2.0))
    for _ in range(rng.integers(0, 4)):
        beside = polar(centre, rng.uniform(0, 2 * math.pi), radius * rng.uniform(1.1, 1.8))
        distance = np.minimum(distance, blob(rng, canvas, beside, radius * rng.uniform(0.16, 0.34), rough=0.08))
    alpha = coverage(distance, canvas, 0.010)
    # Oil soaks in: darker and warmer, darkest along the rim; a film on top mirrors the lamp.
    rim = np.exp(-(((distance + 0.010) / 0.014) ** 2))
    depth = np.clip(rng.uniform(0.42, 0.54) + 0.10 * rim + 0.05 * noise(rng, canvas, 6), 0.3, 0.75)
    warm = np.array([0.93, 1.0, rng.uniform(1.08, 1.22)])
    scene.image *= 1 - np.clip(alpha * depth, 0, 1)[..., None] * warm
    u, v = canvas.local(centre)
    sheen = np.exp(-((u - 0.5 * radius * scene.light[0]) ** 2 + (v - 0.5 * radius * scene.light[1]) ** 2) / 0.0016)
    wavy = np.clip(0.5 + 0.5 * noise(rng, canvas, 14), 0, 1)
    over(scene.image, (0.93, 0.92, 0.86), rng.uniform(0.0, 0.40) * sheen * wavy * alpha)
    return alpha


def _rough(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    centre, radius = random_place(rng, 0.24), rng.uniform(0.105, 0.148)
    distance = blob(rng, canvas, centre, radius, rough=0.16, aspect=rng.uniform(1.0, 1.8))
    distance = distance + 0.006 * noise(rng, canvas, 35)
    alpha = coverage(distance, canvas, 0.012)
    # The polish is gone: pits, ridges and stone dust, rubbed in one direction.
    across = canvas.local(centre, rng.uniform(0, math.pi))[1]
    rubbed = lookup(curve_noise(rng, 46), 0.5 + across / 0.9 + 0.012 * noise(rng, canvas, 6))
    pits = 0.5 * noise(rng, canvas, 60) + 0.4 * noise(rng, canvas, 95) + 0.5 * rubbed
    facing = np.clip(-slope_to(scene.light, pits, canvas) / 85, -1.0, 1.0)
    tone = rng.uniform(0.36, 0.46) if rng.random() < 0.6 else rng.uniform(0.82, 0.94)
    dust = tint((1.0, 0.975, 0.94), scene.shade * tone * (1 + 0.38 * facing))
    over(scene.image, dust, alpha * np.clip(rng.uniform(0.78, 0.90) + 0.12 * rubbed, 0.35, 0.95))
    darken(scene.image, 0.45 * alpha * smoothstep(0.8, 1.6, -pits))
    return alpha


CATEGORY = Category("tile", _paint, (_crack, _glue_strip, _gray_stroke, _oil, _rough))

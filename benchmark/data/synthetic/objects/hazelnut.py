"""Hazelnut: a brown nut with a pale, rough base on a dark ground, at any angle."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._glyphs import random_text, text_paths
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, tint
from benchmark.data.synthetic._marks import crack, imprint
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import centred, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage, stroke

_SHELL: Colour = (0.56, 0.33, 0.17)
_PALE_SHELL: Colour = (0.70, 0.47, 0.27)
_BASE: Colour = (0.72, 0.58, 0.41)
_WOOD: Colour = (0.86, 0.70, 0.48)
_GROUND: Colour = (0.055, 0.055, 0.062)


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.15)
    centre = (0.5 + rng.uniform(-0.035, 0.035), 0.5 + rng.uniform(-0.035, 0.035))
    angle, radius = rng.uniform(0, 2 * math.pi), rng.uniform(0.335, 0.375)
    p, q = canvas.local(centre, angle)
    # t runs from the base (-1) to the tip (+1), s across; the nut tapers to a point at the tip.
    t, s = p / (radius * rng.uniform(1.02, 1.10)), q / (radius * rng.uniform(0.90, 1.0))
    narrowing, point = rng.uniform(0.06, 0.14), rng.uniform(0.05, 0.13)
    across = s / (1 - narrowing * t - point * np.clip(t, 0, 1.2) ** 3)
    reach = np.sqrt(t * t + across * across) + 0.012 * noise(rng, canvas, 4)
    surface = coverage((reach - 1) * 0.97 * radius, canvas)

    # A rounded body: its height gives the normal, and the normal the light.
    height = np.sqrt(np.clip(1 - reach * reach, 0.0, 1.0))
    normal_x, normal_y = (canvas.x - centre[0]) / radius, (canvas.y - centre[1]) / radius
    lift = rng.uniform(0.75, 1.0)
    lit = np.clip(0.52 * (normal_x * light[0] + normal_y * light[1]) + lift * height, 0, None)
    shade = uneven * (0.20 + 0.95 * lit)
    shell = _shell_colour(rng, canvas, t, across, height)
    edge_of_base = rng.uniform(-0.62, -0.42)
    base = _base_layer(rng, canvas, shell, t, across, edge_of_base)
    image = shell * shade[..., None]
    gloss = np.exp(-((normal_x - 0.38 * light[0]) ** 2 + (normal_y - 0.38 * light[1]) ** 2) / 0.10)
    image += (rng.uniform(0.06, 0.16) * gloss * (1 - base) * (1 + 0.3 * noise(rng, canvas, 45)))[..., None]

    ground = uneven * (1 + 0.12 * fbm(rng, canvas, 5, 4)) * rng.uniform(0.7, 1.3)
    ground = ground * (1 - 0.6 * np.exp(-(((reach - 1) / 0.10) ** 2)))
    image = tint(_GROUND, ground) + surface[..., None] * (image - tint(_GROUND, ground))
    return Scene(image, light, shade, surface, centre, angle, radius, camera_gain(rng))


def _shell_colour(rng: Generator, canvas: Canvas, t: Array, across: Array, height: Array) -> Array:
    """Brown shell with fine lines that run from base to tip, paler and dustier towards the tip."""
    # Meridian 0..1 of the visible half: lines crowd together at the sides as they do on a round body.
    meridian = np.arctan2(across, height + 0.05) / math.pi + 0.5 + 0.008 * noise(rng, canvas, 6)
    broad, fine = lookup(curve_noise(rng, 16), meridian), lookup(curve_noise(rng, 70), meridian)
    lines = 0.35 * broad + 0.65 * fine * (0.6 + 0.4 * np.clip(noise(rng, canvas, 7), -1, 1))
    mottle = fbm(rng, canvas, 5, 4, fade=0.6)
    paleness = np.clip(
        0.30 + 0.13 * lines + 0.12 * mottle + 0.35 * smoothstep(0.35, 1.0, t) + rng.normal(0, 0.08), 0, 1
    )
    tone = rng.uniform(0.88, 1.08) * (1 + 0.08 * lines + 0.04 * noise(rng, canvas, 50))
    hue = np.array([1.0, rng.uniform(0.94, 1.05), rng.uniform(0.88, 1.08)])
    shell = np.asarray(_SHELL) + paleness[..., None] * (np.asarray(_PALE_SHELL) - np.asarray(_SHELL))
    return shell * hue * tone[..., None]


def _base_layer(rng: Generator, canvas: Canvas, shell: Array, t: Array, across: Array, edge: float) -> Array:
    """Paint the pale cork-like base over the shell in place; return its alpha."""
    boundary = edge - 0.16 * across**2 + 0.03 * noise(rng, canvas, 9) + 0.014 * noise(rng, canvas, 28)
    base = smoothstep(0.025, -0.025, t - boundary)
    cork = 1 + 0.09 * fbm(rng, canvas, 20, 3, fade=0.8)
    over(shell, tint(_BASE, cork * rng.uniform(0.88, 1.08)), base)
    seam = np.clip(0.32 + 0.16 * noise(rng, canvas, 10), 0.0, 0.6)
    darken(shell, seam * smoothstep(0.07, 0.0, np.abs(t - boundary)))
    return base


def _on_nut(rng: Generator, scene: Scene, reach: float) -> tuple[float, float]:
    """A point on the shell within `reach` radii of the middle, rather near the tip than the base."""
    turn, distance = rng.uniform(0, 2 * math.pi), reach * math.sqrt(rng.random()) * scene.radius
    ahead = 0.15 * scene.radius
    return (
        scene.centre[0] + distance * math.cos(turn) + ahead * math.cos(scene.angle),
        scene.centre[1] + distance * math.sin(turn) + ahead * math.sin(scene.angle),
    )


def _crack(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    heading = scene.angle + rng.normal(0, 0.45)
    length, middle = scene.radius * rng.uniform(0.9, 1.5), _on_nut(rng, scene, 0.35)
    distance = crack(
        rng, canvas, middle, heading, length, widest=rng.uniform(0.036, 0.060), branches=int(rng.integers(1, 4))
    )
    alpha = coverage(distance, canvas) * scene.surface
    # The broken edge shows the thickness of the shell where it faces the lamp; below it is dark.
    near_lamp = cast_shadow(distance, canvas, scene.light, 0.007)
    edge = np.clip(1.0 - near_lamp + 0.2 * noise(rng, canvas, 40), 0, 1)
    over(scene.image, tint(_WOOD, scene.shade * (0.10 + 0.65 * edge)) * (1, 0.88, 0.75), alpha)
    chipped = coverage(np.abs(distance - 0.004) - 0.003, canvas, 0.006) * np.clip(noise(rng, canvas, 18), 0, 1)
    over(scene.image, tint(_WOOD, 0.9 * scene.shade), 0.6 * chipped * scene.surface * (1 - alpha))
    return alpha


def _cut(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    length, half = scene.radius * rng.uniform(0.6, 1.35), rng.uniform(0.017, 0.032)
    path = wander(rng, (0.0, 0.0), rng.uniform(0, math.pi), length, 10, bend=0.12)
    line = stroke(canvas, centred(path, _on_nut(rng, scene, 0.45)), reach=0.07)
    # The blade enters abruptly and leaves slowly, so one end is blunt and the other tapers off.
    taper = smoothstep(0.0, 0.08, line.along) * (1 - 0.8 * line.along**2.5)
    ragged = lookup(curve_noise(rng, 24), line.along)
    distance = line.distance - half * (0.12 + 0.88 * taper) * (1 + 0.10 * ragged)
    alpha = coverage(distance, canvas) * scene.surface
    # A knife leaves a wedge: one wall of bare wood is lit, the other is in shadow.
    wall = smoothstep(-0.9, 0.1, line.off / half * rng.choice([-1.0, 1.0]))
    grain = lookup(curve_noise(rng, 9), 0.5 + 0.5 * line.off / half) + 0.6 * noise(rng, canvas, 55)
    tone = rng.uniform(0.78, 1.05)
    bare = tint(_WOOD, tone * (0.10 + 0.95 * scene.shade) * (0.35 + 0.65 * wall) * (1 + 0.10 * grain))
    darken(scene.image, 0.35 * coverage(distance - 0.003, canvas, 0.010) * (1 - alpha) * scene.surface)
    over(scene.image, bare, rng.uniform(0.8, 1.0) * alpha)
    return alpha


def _hole(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    radius, centre = rng.uniform(0.042, 0.075), _on_nut(rng, scene, 0.6)
    distance = blob(rng, canvas, centre, radius, rough=0.09, aspect=rng.uniform(1.0, 1.35))
    alpha = coverage(distance, canvas) * scene.surface
    # Chewed, paler wood belongs to the hole: a crescent, because the bore goes in at a slant.
    slant, turn = rng.uniform(0.05, 0.22) * radius, rng.uniform(0, 2 * math.pi)
    u, v = canvas.local(centre)
    lean = (u * math.cos(turn) + v * math.sin(turn)) / radius
    bore = coverage(distance + slant * (1 + lean) + 0.004 * noise(rng, canvas, 45), canvas, 0.006)
    away = -(u * scene.light[0] + v * scene.light[1]) / radius
    chewed = scene.shade * (0.66 + 0.25 * away + 0.12 * noise(rng, canvas, 50))
    over(scene.image, tint(_WOOD, np.clip(chewed, 0.1, 1.3)), alpha)
    depth = np.clip(0.13 + 0.13 * away + 0.03 * noise(rng, canvas, 30), 0.04, 0.4)
    over(scene.image, tint((0.62, 0.38, 0.22), depth * scene.shade), bore * alpha)
    return alpha


def _print(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    height, pen = rng.uniform(0.13, 0.20), rng.uniform(0.0135, 0.0175)
    text = random_text(rng, int(rng.integers(1, 4)))
    turn = rng.uniform(0, 2 * math.pi)
    distance = imprint(canvas, text_paths(text, _on_nut(rng, scene, 0.25), height, turn), pen)
    alpha = coverage(distance + 0.0015 * noise(rng, canvas, 50), canvas) * scene.surface
    # The ink is thinner where the shell is rough.
    ink = np.clip(rng.uniform(0.78, 0.95) + 0.10 * noise(rng, canvas, 40), 0.45, 1.0)
    over(scene.image, tint((0.93, 0.93, 0.90), 0.35 + 0.60 * scene.shade), alpha * ink)
    return alpha


CATEGORY = Category("hazelnut", _paint, (_crack, _cut, _hole, _print))

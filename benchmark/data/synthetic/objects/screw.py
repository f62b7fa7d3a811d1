"""Screw: a wood screw seen from the side on a light ground, at any angle, photographed in grey."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, tint
from benchmark.data.synthetic._marks import scuff
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import centred, placed, wander
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import cast_shadow, coverage

_STEEL: Colour = (1.0, 1.0, 1.0)
_GROUND: Colour = (0.76, 0.76, 0.76)
# Distance from the top of the head as a share of the length, and half width as a share of the neck's.
_PROFILE = np.array(
    [(0.0, 2.15), (0.014, 2.22), (0.028, 2.15), (0.05, 1.82), (0.08, 1.40), (0.11, 1.12), (0.135, 1.02), (0.16, 1.0)]
)
# Positions along the screw where the thread and the taper of the tip begin.
_THREAD, _TAPER = 0.40, 0.84


@dataclass(frozen=True)
class _Turning:
    """One screw: its dimensions in image units, its reflection by slope (-1..1), and its surface."""

    length: float
    neck: float
    pitch: float
    phase: float
    depth: float
    mirror: Array
    grain: Array


@dataclass(frozen=True)
class _Damage:
    """A deformation of a screw, with positions along it as in `_frame`.

    crushed : 0..1, levels the thread
    bent_from, bend : from there on it bends sideways, this strongly
    cut_at, cut_slope : there it ends, in a plane that is this oblique
    """

    crushed: Array | float = 0.0
    bent_from: float = 1.0
    bend: float = 0.0
    cut_at: float = 1.0
    cut_slope: float = 0.0


@dataclass(kw_only=True)
class _ScrewScene(Scene):
    """A scene whose screw can be painted again with damage."""

    ground: Array
    turning: _Turning


def _paint(rng: Generator, canvas: Canvas) -> _ScrewScene:
    light, uneven = lamp(rng, canvas, falloff=0.14)
    centre = (0.5 + rng.uniform(-0.06, 0.06), 0.5 + rng.uniform(-0.06, 0.06))
    angle = rng.uniform(0, 2 * math.pi)
    ground = tint(_GROUND, uneven * (1 + 0.012 * fbm(rng, canvas, 5, 3) + 0.008 * noise(rng, canvas, 60)))
    gain = camera_gain(rng, exposure=0.08)
    turning = _turning(rng, canvas)
    pose = (centre, angle, turning.length / 2)
    scene = _ScrewScene(ground, light, uneven, uneven, *pose, gain, ground=ground, turning=turning)
    distance, layer = _screw(canvas, scene, _Damage())
    scene.image, scene.surface = _laid(canvas, scene, distance, layer), coverage(distance, canvas)
    return scene


def _turning(rng: Generator, canvas: Canvas) -> _Turning:
    slope = np.linspace(-1, 1, 512)
    mirror = 0.35 + 0.10 * slope + 0.05 * curve_noise(rng, 9, 512)
    for at, wide, strong in ((0.42, 0.20, 0.52), (-0.15, 0.14, 0.26), (-0.75, 0.15, 0.22)):
        at, strong = at + rng.uniform(-0.12, 0.12), strong * rng.uniform(0.6, 1.2)
        mirror = mirror + strong * np.exp(-(((slope - at) / wide) ** 2))
    grain = 0.06 * fbm(rng, canvas, 8, 4, fade=0.7) + 0.03 * noise(rng, canvas, 70)
    return _Turning(
        length=rng.uniform(0.73, 0.79),
        neck=rng.uniform(0.0440, 0.0470),
        pitch=rng.uniform(0.0370, 0.0390),
        phase=rng.random(),
        depth=rng.uniform(0.0160, 0.0180),
        mirror=mirror * rng.uniform(0.9, 1.1),
        grain=grain,
    )


def _frame(canvas: Canvas, scene: _ScrewScene) -> tuple[Array, Array]:
    """Along the screw, 0 at the top of the head to 1 at the tip, and across it in image units."""
    along, across = canvas.local(scene.centre, scene.angle)
    return along / (2 * scene.radius) + 0.5, across


def _screw(canvas: Canvas, scene: _ScrewScene, damage: _Damage) -> tuple[Array, Array]:
    """Signed distance to the outline, and the picture (n, n, 3) of the screw."""
    turning = scene.turning
    t, v = _frame(canvas, scene)
    v = v - damage.bend * np.clip(t - damage.bent_from, 0, None) ** 1.5
    core = turning.neck * np.interp(t, _PROFILE[:, 0], _PROFILE[:, 1])
    # The thread stands out from the shaft; both taper to a point at the tip.
    threaded = smoothstep(_THREAD - 0.02, _THREAD + 0.05, t)
    taper = np.sqrt(np.clip((1 - t) / (1 - _TAPER), 0, 1) ** 1.5)
    core = (core - 0.30 * turning.depth * threaded) * taper
    depth = turning.depth * threaded * np.clip((1 - t) / 0.10, 0, 1) ** 0.5
    turn = np.arcsin(np.clip(v / (core + 0.6 * depth + 1e-3), -1, 1)) / (2 * math.pi)
    winding = t * turning.length / turning.pitch + turn + turning.phase
    crest = (0.5 + 0.5 * np.cos(2 * math.pi * winding)) ** 1.4
    half = core + depth * (crest * (1 - damage.crushed) - 0.25 * damage.crushed)
    height = np.sqrt(np.clip(half**2 - v**2, 0, None))
    ends = np.maximum(-t, t - damage.cut_at + damage.cut_slope * v / turning.neck) * turning.length
    distance = np.maximum(0.8 * (np.abs(v) - half), ends)

    rows, columns = np.asarray(np.gradient(height, canvas.pixel))
    upright = 1 / np.sqrt(1 + rows**2 + columns**2)
    facing = -(columns * scene.light[0] + rows * scene.light[1]) * upright
    bright = lookup(turning.mirror, 0.5 + 0.5 * facing) * (0.42 + 0.62 * upright)
    valley = 0.36 * (1 - crest) * (depth / turning.depth) * (1 - damage.crushed)
    rim = smoothstep(0.035, 0.02, t) * 0.25
    bright = bright * (1 - valley) * (1 + turning.grain) + rim * upright
    return distance, tint(_STEEL, np.clip(bright, 0.03, 1.1) * scene.shade)


def _laid(canvas: Canvas, scene: _ScrewScene, distance: Array, layer: Array) -> Array:
    """The ground with the screw and its soft shadow on it."""
    image = scene.ground.copy()
    darken(image, 0.22 * cast_shadow(distance, canvas, scene.light, 0.020))
    darken(image, 0.18 * np.exp(-np.clip(distance, 0, None) / 0.016))
    over(image, layer, coverage(distance, canvas))
    return image


def _on_screw(scene: _ScrewScene, along: float, across: float) -> tuple[float, float]:
    """The image point of a place on the screw, `along` 0..1 and `across` in image units."""
    return placed(scene.centre, scene.angle, 2 * scene.radius * (along - 0.5), across)


def _manipulated_front(rng: Generator, canvas: Canvas, scene: _ScrewScene) -> Array:
    start = rng.uniform(0.76, 0.82)
    side = float(rng.choice([-1.0, 1.0]))
    if rng.random() < 0.4:
        damage = _Damage(0.0, start, side * rng.uniform(0.0, 0.3), rng.uniform(0.86, 0.92), rng.uniform(-0.03, 0.03))
    else:
        damage = _Damage(0.0, start, side * rng.uniform(0.6, 1.1), rng.uniform(0.95, 1.0), rng.uniform(-0.02, 0.02))
    t, _ = _frame(canvas, scene)
    distance, layer = _screw(canvas, scene, damage)
    beyond = smoothstep(start, start + 0.03, t)
    alpha = np.maximum(scene.surface, coverage(distance, canvas)) * (t > start + 0.02)
    over(scene.image, _laid(canvas, scene, distance, layer), beyond)
    return alpha


def _scratch_head(rng: Generator, canvas: Canvas, scene: _ScrewScene) -> Array:
    return _scratched(rng, canvas, scene, _on_screw(scene, rng.uniform(0.045, 0.065), rng.uniform(-0.025, 0.025)), 0.5)


def _scratch_neck(rng: Generator, canvas: Canvas, scene: _ScrewScene) -> Array:
    return _scratched(rng, canvas, scene, _on_screw(scene, rng.uniform(0.19, 0.34), rng.uniform(-0.01, 0.01)), 0.0)


def _scratched(rng: Generator, canvas: Canvas, scene: _ScrewScene, place: tuple[float, float], turn: float) -> Array:
    heading = scene.angle + math.pi * turn + rng.normal(0, 0.35)
    path = wander(rng, (0.0, 0.0), heading, rng.uniform(0.125, 0.155), 8, bend=0.3)
    bare = np.full(3, rng.uniform(0.78, 0.92))
    return scuff(rng, canvas, scene, centred(path, place), rng.uniform(0.025, 0.033), bare)


def _crushed(rng: Generator, canvas: Canvas, scene: _ScrewScene, where: Array) -> Array:
    """Level the thread where `where` (a signed distance) is negative: the metal is smeared and bare."""
    where = where + 0.004 * noise(rng, canvas, 22)
    level = coverage(where, canvas, 0.012)
    distance, layer = _screw(canvas, scene, _Damage(crushed=level))
    # The displaced metal forms folds along the screw.
    _, v = _frame(canvas, scene)
    folds = lookup(curve_noise(rng, 12), 0.5 + v / 0.2 + 0.03 * noise(rng, canvas, 12)) + noise(rng, canvas, 40)
    smeared = tint(_STEEL, np.clip(0.66 + 0.20 * folds, 0.12, 1.1) * scene.shade)
    over(layer, smeared, 0.72 * level)
    alpha = np.maximum(scene.surface, coverage(distance, canvas)) * coverage(where, canvas)
    over(scene.image, _laid(canvas, scene, distance, layer), smoothstep(0.016, 0.008, where))
    return alpha


def _patch(canvas: Canvas, scene: _ScrewScene, along: float, across: float, radii: tuple[float, float]) -> Array:
    """Signed distance to a patch with rounded corners on the screw."""
    u, v = canvas.local(_on_screw(scene, along, across), scene.angle)
    return (((u / radii[0]) ** 4 + (v / radii[1]) ** 4) ** 0.25 - 1) * min(radii)


def _thread_side(rng: Generator, canvas: Canvas, scene: _ScrewScene) -> Array:
    across = float(rng.choice([-1.0, 1.0])) * rng.uniform(0.036, 0.040)
    where = _patch(canvas, scene, rng.uniform(0.56, 0.74), across, (rng.uniform(0.088, 0.112), 0.036))
    return _crushed(rng, canvas, scene, where)


def _thread_top(rng: Generator, canvas: Canvas, scene: _ScrewScene) -> Array:
    radii = (rng.uniform(0.056, 0.070), rng.uniform(0.036, 0.042))
    return _crushed(
        rng, canvas, scene, _patch(canvas, scene, rng.uniform(0.52, 0.76), rng.uniform(-0.008, 0.008), radii)
    )


CATEGORY = Category("screw", _paint, (_manipulated_front, _scratch_head, _scratch_neck, _thread_side, _thread_top))

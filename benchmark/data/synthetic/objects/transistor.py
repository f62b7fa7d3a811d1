"""Transistor: a black case on three silver leads in the holes of a copper strip board."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._glyphs import random_text, text_paths
from benchmark.data.synthetic._light import Colour, camera_gain, darken, lamp, over, tint
from benchmark.data.synthetic._marks import imprint
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import Point, placed, polar, rotation
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import Stroke, blob, cast_shadow, coverage, ellipse, stroke

_COPPER: Colour = (0.66, 0.41, 0.27)
_RESIN_BOARD: Colour = (0.40, 0.26, 0.16)
_PLASTIC: Colour = (1.0, 1.0, 1.03)
_TIN: Colour = (0.94, 0.94, 0.92)
_FILLING: Colour = (0.70, 0.65, 0.56)
_HALF_WIDTH, _HALF_HEIGHT = 0.185, 0.168
# A lead is inside its hole beyond this share of its length.
_DIVE = 0.93


@dataclass(frozen=True)
class _Lead:
    """The path of a lead from inside the case, the share at which it ends, and whether that is in a hole."""

    path: Array
    stop: float = 1.0
    seated: bool = True

    @property
    def length(self) -> float:
        return float(np.hypot(*np.diff(self.path, axis=0).T).sum())


@dataclass(frozen=True)
class _Case:
    """The appearance of a case, independent of its place."""

    grain: Array
    gloss: float
    tone: float
    ink: float
    lines: tuple[str, str]


@dataclass(kw_only=True)
class _TransistorScene(Scene):
    """A scene whose transistor can be painted again: the bare board, the case, its picture, the leads."""

    board: Array
    case: _Case
    body: tuple[Array, Array]
    leads: tuple[_Lead, ...]
    lead_half: float


def _paint(rng: Generator, canvas: Canvas) -> _TransistorScene:
    light, uneven = lamp(rng, canvas, falloff=0.22)
    foot = (0.5 + rng.uniform(-0.025, 0.025), 0.83 + rng.uniform(-0.02, 0.015))
    pitch, turn = rng.uniform(0.132, 0.138), rng.normal(0, 0.012)
    board = _board(rng, canvas, uneven, foot, pitch, turn)
    centre = (foot[0] + rng.uniform(-0.015, 0.015), foot[1] - 0.475 + rng.uniform(-0.012, 0.012))
    angle = rng.normal(0, 0.025)
    case, gain, lead_half = _case(rng, canvas), camera_gain(rng), rng.uniform(0.0235, 0.0265)
    body = _case_picture(canvas, case, light, uneven, centre, angle)
    leads = tuple(_lead(rng, centre, angle, foot, pitch, turn, column) for column in (-1, 0, 1))
    pose = (centre, angle, _HALF_WIDTH)
    scene = _TransistorScene(
        board, light, uneven, uneven, *pose, gain, board=board, case=case, body=body, leads=leads, lead_half=lead_half
    )
    scene.image, scene.surface = _assembled(canvas, scene, scene.body, scene.leads)
    return scene


def _case(rng: Generator, canvas: Canvas) -> _Case:
    return _Case(
        grain=0.10 * noise(rng, canvas, 80) + 0.10 * fbm(rng, canvas, 5, 3),
        gloss=rng.uniform(0.04, 0.16),
        tone=rng.uniform(0.085, 0.135),
        ink=rng.uniform(0.30, 0.52),
        lines=(str(rng.choice(["C547B", "C337", "C558", "C327"])), random_text(rng, 3)),
    )


def _board(rng: Generator, canvas: Canvas, uneven: Array, foot: Point, pitch: float, turn: float) -> Array:
    """Copper strips with a row of holes in each, on brown resin paper; `foot` is one of the holes."""
    u, v = canvas.local(foot, turn)
    row, column = v / pitch - np.rint(v / pitch), u / pitch - np.rint(u / pitch)
    strip = smoothstep(0.43, 0.39, np.abs(row))
    # Rolled copper: fine lines along the strips; it tarnishes in patches.
    lines = lookup(curve_noise(rng, 150), 0.5 + v / 1.6 + 0.002 * noise(rng, canvas, 5))
    patches = fbm(rng, canvas, 4, 4, fade=0.6)
    shine = 1 + 0.07 * lines + 0.10 * patches + 0.10 * np.cos(2 * math.pi * row + rng.uniform(0, 6))
    age = rng.uniform(0.85, 1.1) * np.array([1.0, rng.uniform(0.92, 1.06), rng.uniform(0.85, 1.1)])
    board = tint(_RESIN_BOARD, uneven * (1 + 0.10 * noise(rng, canvas, 60) + 0.05 * patches))
    over(board, tint(_COPPER, uneven * shine) * age, strip)
    hole = np.hypot(row, column) * pitch - rng.uniform(0.021, 0.024)
    darken(board, 0.30 * smoothstep(0.012, 0.0, np.abs(hole)))
    over(board, tint((0.075, 0.055, 0.045), uneven * (1 + 2.5 * np.clip(row + column, 0, 0.3))), coverage(hole, canvas))
    return board


def _lead(rng: Generator, centre: Point, angle: float, foot: Point, pitch: float, turn: float, column: int) -> _Lead:
    """A lead from the case to the pitch of the board and into a hole."""
    start = placed(centre, angle, 0.085 * column, 0.9 * _HALF_HEIGHT)
    out = placed(centre, angle, 0.085 * column, _HALF_HEIGHT + rng.uniform(0.04, 0.06))
    end = polar(foot, turn, column * pitch)
    knee = (end[0] + rng.normal(0, 0.004), out[1] + 0.075 + rng.normal(0, 0.006))
    return _Lead(np.array([start, out, knee, end]))


def _assembled(
    canvas: Canvas, scene: _TransistorScene, body: tuple[Array, Array], leads: tuple[_Lead, ...]
) -> tuple[Array, Array]:
    """The picture of the board with a transistor, and the alpha of the transistor."""
    case, layer = body
    image = scene.board.copy()
    metal, across, along = np.full_like(case, 1.0), np.zeros_like(case), np.zeros_like(case)
    for lead in leads:
        line, distance = _lead_outline(canvas, scene, lead)
        # Later leads are on top of earlier ones.
        closer = (distance < metal) | (distance < 0)
        np.minimum(metal, distance, out=metal)
        np.copyto(across, line.off / scene.lead_half, where=closer)
        np.copyto(along, line.along if lead.seated else np.minimum(line.along, _DIVE), where=closer)
    darken(image, 0.55 * cast_shadow(np.minimum(case, metal), canvas, scene.light, 0.030))
    over(image, _tinned(scene, across, along), coverage(metal, canvas))
    darken(image, 0.6 * coverage(case - 0.006, canvas, 0.02))
    over(image, layer, coverage(case, canvas))
    return image, coverage(np.minimum(case, metal), canvas)


def _lead_outline(canvas: Canvas, scene: _TransistorScene, lead: _Lead) -> tuple[Stroke, Array]:
    """A lead as a stroke, and the signed distance to it; it is broader at the case."""
    line = stroke(canvas, lead.path, reach=0.06)
    distance = line.distance - scene.lead_half * (1 + 0.18 * smoothstep(0.30, 0.22, line.along))
    if lead.stop < 1:
        distance = np.maximum(distance, (line.along - lead.stop) * lead.length)
    return line, distance


def _tinned(scene: Scene, across: Array, along: Array) -> Array:
    """The picture of a lead: a flat tinned strip with one lit edge, darker where it enters its hole."""
    lit = 0.18 * across * (scene.light[0] if abs(scene.light[0]) > 0.3 else 0.3)
    sheen = 0.66 + lit + 0.22 * np.exp(-(((across - 0.25) / 0.30) ** 2)) + 0.10 * np.sin(9 * along + 5 * scene.angle)
    sheen = sheen * (1 - 0.45 * smoothstep(0.72, 1.0, np.abs(across))) * (1 - 0.65 * smoothstep(_DIVE, 1.02, along))
    return tint(_TIN, np.clip(sheen, 0.08, 1.1) * scene.shade)


def _case_picture(
    canvas: Canvas, case: _Case, light: Point, shade: Array, centre: Point, angle: float
) -> tuple[Array, Array]:
    """Signed distance to the case and its picture: a flat front with print, a rounded top, bevelled edges."""
    u, v = canvas.local(centre, angle)
    body = _rounded_box(u, v, _HALF_WIDTH, _HALF_HEIGHT, 0.028)
    front = _rounded_box(u, v - 0.026, _HALF_WIDTH - 0.014, _HALF_HEIGHT - 0.036, 0.018)
    bevel = np.clip(front / 0.02, 0, 1)
    facing = (u / _HALF_WIDTH * light[0] + v / _HALF_HEIGHT * light[1]) * bevel
    top = smoothstep(-0.112, -0.128, v)
    gloss = np.exp(-(((u - 0.6 * v + 0.16 * light[0]) / 0.085) ** 2))
    bright = case.tone * (1 + case.grain + 0.55 * np.clip(facing, -0.9, 1) + 0.85 * top)
    bright = bright + case.gloss * gloss * (0.35 + 0.65 * top) + 0.10 * smoothstep(0.007, 0.0, np.abs(front)) * (v < 0)
    # The ejector pin of the mould leaves a round dent above the print.
    dent = ellipse(canvas, placed(centre, angle, 0.0, -0.072), (0.027, 0.027), 0.0)
    slope = (u * light[0] + (v + 0.072) * light[1]) / 0.027
    bright = bright * (1 - 0.35 * coverage(dent, canvas, 0.006)) - 0.07 * slope * smoothstep(0.010, 0.0, np.abs(dent))
    paths = [
        path
        for text, low in zip(case.lines, (0.010, 0.082), strict=True)
        for path in text_paths(text, placed(centre, angle, 0.0, low), 0.046, angle)
    ]
    ink = 0.75 * coverage(imprint(canvas, paths, 0.0045), canvas, 0.005)
    bright = bright + ink * (case.ink - bright)
    return body, tint(_PLASTIC, np.clip(bright, 0.015, 1.0) * shade)


def _rounded_box(u: Array, v: Array, half_width: float, half_height: float, rounding: float) -> Array:
    """Signed distance to a box with rounded corners around the origin."""
    du, dv = np.abs(u) - half_width + rounding, np.abs(v) - half_height + rounding
    return np.hypot(np.clip(du, 0, None), np.clip(dv, 0, None)) + np.minimum(np.maximum(du, dv), 0) - rounding


def _replace_lead(canvas: Canvas, scene: _TransistorScene, number: int, lead: _Lead) -> None:
    """Paint the transistor again with another lead in the place of number `number`."""
    leads = (*scene.leads[:number], *scene.leads[number + 1 :], lead)
    scene.image, scene.surface = _assembled(canvas, scene, scene.body, leads)


def _bent_lead(rng: Generator, canvas: Canvas, scene: _TransistorScene) -> Array:
    number = int(rng.integers(3))
    lead = scene.leads[number]
    # Outer leads bend outwards, where there is space.
    side = (-1.0, float(rng.choice([-1.0, 1.0])), 1.0)[number]
    start, out, knee, end = lead.path
    heading, half = math.pi / 2 - side * rng.uniform(0.45, 1.15), 0.5 * math.dist(knee, end)
    middle = knee + half * np.array([math.cos(heading), math.sin(heading)])
    heading += side * rng.uniform(-0.5, 0.5)
    tip = middle + half * np.array([math.cos(heading), math.sin(heading)])
    bent = _Lead(np.array([start, out, knee, middle, tip]), seated=False)
    # The part beyond the knee, before and after.
    since = 1 - 2 * half / lead.length
    alphas = []
    for each in (lead, bent):
        line, distance = _lead_outline(canvas, scene, each)
        alphas.append(coverage(distance, canvas) * (line.along > since))
    _replace_lead(canvas, scene, number, bent)
    return np.maximum(*alphas)


def _cut_lead(rng: Generator, canvas: Canvas, scene: _TransistorScene) -> Array:
    number = int(rng.integers(3))
    before = scene.surface
    _replace_lead(canvas, scene, number, replace(scene.leads[number], stop=rng.uniform(0.30, 0.58), seated=False))
    return np.clip(before - scene.surface, 0, 1)


def _damaged_case(rng: Generator, canvas: Canvas, scene: _TransistorScene) -> Array:
    turn, radius = rng.uniform(0, 2 * math.pi), rng.uniform(0.064, 0.102)
    far = rng.uniform(0.55, 1.05)
    along = float(np.clip(1.3 * far * math.cos(turn), -1, 1)) * (_HALF_WIDTH - 0.02)
    across = float(np.clip(1.3 * far * math.sin(turn), -1, 1)) * (_HALF_HEIGHT - 0.02)
    place = placed(scene.centre, scene.angle, along, across)
    distance = blob(rng, canvas, place, radius, rough=0.20, aspect=rng.uniform(1.0, 1.7))
    distance = np.maximum(distance + 0.003 * noise(rng, canvas, 50), scene.body[0])
    alpha = coverage(distance, canvas)
    # The wall of the break casts a shadow on the filling; its edge is broken plastic, paler than the surface.
    shadow = 1 - cast_shadow(-distance, canvas, (-scene.light[0], -scene.light[1]), 0.014)
    crumbs = 0.13 * noise(rng, canvas, 45) + 0.12 * fbm(rng, canvas, 14, 2)
    tone = rng.uniform(0.8, 1.05) * (0.45 + 0.55 * shadow) * (1 + crumbs)
    over(scene.image, tint(_FILLING, np.clip(tone, 0.1, 1.2) * scene.shade), alpha)
    edge = smoothstep(0.009, 0.0, np.abs(distance + 0.006)) * np.clip(0.6 + 0.4 * noise(rng, canvas, 30), 0, 1)
    over(scene.image, tint((0.20, 0.19, 0.19), scene.shade), edge * alpha)
    return alpha


def _misplaced(rng: Generator, canvas: Canvas, scene: _TransistorScene) -> Array:
    if rng.random() < 0.3:  # missing
        scene.image = scene.board.copy()
        return scene.surface
    # Rotated about the centre of the picture, so that it stays inside; or hardly rotated but shifted far.
    turned = rng.random() < 0.65
    turn = float(rng.choice([-1.0, 1.0])) * (rng.uniform(0.35, 1.5) if turned else rng.uniform(0.05, 0.2))
    shift = rng.uniform(-0.05, 0.05, 2) if turned else rng.choice([-1.0, 1.0], 2) * rng.uniform(0.06, 0.14, 2)

    def moved(points: Array) -> Array:
        return (points - 0.5) @ rotation(turn) + 0.5 + shift

    centre = moved(np.asarray(scene.centre))
    body = _case_picture(canvas, scene.case, scene.light, scene.shade, (centre[0], centre[1]), scene.angle + turn)
    leads = tuple(_Lead(moved(lead.path), seated=False) for lead in scene.leads)
    scene.image, surface = _assembled(canvas, scene, body, leads)
    return np.maximum(scene.surface, surface)


CATEGORY = Category("transistor", _paint, (_bent_lead, _cut_lead, _damaged_case, _misplaced))

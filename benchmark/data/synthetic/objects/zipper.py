"""Zipper: closed metal teeth that run down the middle of two dark woven tapes, on a light ground, in grey."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._cloth import felt, tear
from benchmark.data.synthetic._light import camera_gain, lamp, tint
from benchmark.data.synthetic._marks import combined
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import Point
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage, stroke

# Teeth are numbered from above the picture to below it.
_TEETH, _ABOVE = 44, 10
# Distances from the middle line: reach of a head beyond it, ends of tooth, seam and tape.
_OVERLAP, _FOOT, _SEAM, _EDGE, _INNER_EDGE = 0.021, 0.082, 0.118, 0.365, 0.030


@dataclass(frozen=True)
class _Teeth:
    """Both rows of teeth, each array (2, _TEETH): left row, then right row.

    out, along, tilt, tone : offsets outwards and down; rotation; brightness
    start : distance from the tip at which it starts; 0 for a complete tooth, beyond its foot for a missing one
    """

    out: Array
    along: Array
    tilt: Array
    start: Array
    tone: Array


@dataclass(kw_only=True)
class _ZipperScene(Scene):
    """A zipper that can be painted again with teeth out of place or the rows apart.

    x, y : (n, n) distance to the right of the middle line and down along it
    pitch, first : distance between the teeth of a row, position of the first one of the left row
    edges : (2, samples) wavy outer edge of the left and right tape, by height
    near : the columns of pixels that may contain teeth; teeth are computed only there
    ground, cloth, bare : (n, n) brightness of the ground, of the cloth without weave, of everything but the teeth
    """

    teeth: _Teeth
    x: Array
    y: Array
    pitch: float
    first: float
    edges: Array
    near: slice
    ground: Array
    cloth: Array
    bare: Array = field(init=False)

    def across(self, side: int, gap: Array | None = None) -> Array:
        """Distance outwards from the middle line to the left (0) or right (1), in a tape pulled aside by `gap`."""
        outwards = self.x if side else -self.x
        return outwards if gap is None else outwards - gap * smoothstep(0.20, 0.11, outwards)


def _paint(rng: Generator, canvas: Canvas) -> _ZipperScene:
    light, uneven = lamp(rng, canvas, falloff=0.16)
    centre, angle = (0.5 + rng.uniform(-0.018, 0.018), 0.5), rng.normal(0, 0.010)
    x, y = canvas.local(centre, angle)
    pitch = rng.uniform(0.056, 0.063)
    out, along = rng.normal(0, 0.0013, (2, 2, _TEETH))
    tone = rng.uniform(0.46, 0.70) * rng.normal(1, 0.06, (2, _TEETH))
    teeth = _Teeth(out, along, rng.normal(0, 0.035, (2, _TEETH)), np.zeros((2, _TEETH)), tone)
    # The table is periodic; its end is far outside the picture.
    edges = _EDGE + rng.uniform(-0.012, 0.012, (2, 1)) + 0.0022 * np.stack([curve_noise(rng, 16) for _ in range(2)])
    weave = 1 + 0.06 * fbm(rng, canvas, 3, 3) + 0.10 * noise(rng, canvas, 55) + 0.06 * noise(rng, canvas, 24)
    width = canvas.x.size
    scene = _ZipperScene(
        image=np.empty((width, width, 3)),
        light=light,
        shade=uneven,
        surface=np.ones_like(uneven),
        centre=centre,
        angle=angle,
        gain=camera_gain(rng, exposure=0.08),
        teeth=teeth,
        x=x + 0.004 * noise(rng, canvas, 2),
        y=y,
        pitch=pitch,
        first=rng.uniform(0, pitch) - 0.5 - _ABOVE * pitch,
        edges=edges,
        near=slice(int(0.3 * width), width - int(0.3 * width)),
        ground=uneven * rng.uniform(0.74, 0.86) * (1 + 0.015 * fbm(rng, canvas, 6, 3)),
        cloth=uneven * rng.uniform(0.12, 0.21) * weave,
    )
    scene.bare, scene.surface = _tapes(canvas, scene)
    scene.image[:] = _compose(canvas, scene, teeth)
    return scene


def _compose(canvas: Canvas, scene: _ZipperScene, teeth: _Teeth, gap: Array | None = None) -> Array:
    """The whole picture (n, n, 3); with a `gap`, both rows are that far from the middle line."""
    grey = scene.bare.copy() if gap is None else _tapes(canvas, scene, gap)[0]
    distance, metal = np.full_like(grey, 1.0), np.zeros_like(grey)
    left, right = (_row(scene, teeth, side, scene.across(side, gap)[:, scene.near]) for side in (0, 1))
    distance[:, scene.near] = np.minimum(left[0], right[0])
    metal[:, scene.near] = np.where(left[0] < right[0], left[1], right[1])
    grey *= 1 - 0.6 * cast_shadow(distance, canvas, scene.light, 0.010)
    grey *= 1 - 0.5 * coverage(distance - 0.003, canvas, 0.012)
    grey += coverage(distance, canvas) * (scene.shade * metal - grey)
    return tint((1.0, 1.0, 1.0), grey)


def _tapes(canvas: Canvas, scene: _ZipperScene, gap: Array | None = None) -> tuple[Array, Array]:
    """Brightness (n, n) of the ground with the two tapes, and the alpha of the tapes."""
    m = np.where(scene.x > 0, scene.across(1, gap), scene.across(0, gap))
    edges = [lookup(table, (scene.y + 1) / 2) for table in scene.edges]
    distance = np.maximum(m - np.where(scene.x > 0, edges[1], edges[0]), _INNER_EDGE - m)
    surface = coverage(distance, canvas)
    grey = scene.ground * (1 - 0.45 * cast_shadow(distance, canvas, scene.light, 0.022))
    # Between closed rows it is dark; light reaches the ground only where they part.
    between = 0.93 if gap is None else 0.93 * (1 - 0.6 * smoothstep(0.006, 0.035, gap))
    grey *= 1 - (np.abs(scene.x) < 0.2) * between
    return grey + surface * (scene.cloth * _weave(scene, m) - grey), surface


def _cloth_profile() -> tuple[Array, Array, Array, Array]:
    """Tables over twice the distance from the middle line: mean, contrast and lean of the twill, seam yarn."""
    m = np.arange(1024) / 2048
    rib, inside = np.divmod(m / 0.052, 1.0)
    bulge = np.sin(math.pi * inside)
    # A cord beside the teeth, a seam along it and a hem at the outer edge.
    off_seam = np.abs(m - _SEAM)
    gain = (1 + 0.5 * smoothstep(0.024, 0.0, np.abs(m - 0.092))) * (1 - 0.35 * smoothstep(0.016, 0.006, off_seam))
    gain *= 1 + 0.35 * smoothstep(0.016, 0.004, np.abs(m - _EDGE + 0.022))
    lean = 3.2 * math.pi * np.where(rib % 2 > 0, inside, -inside)
    return gain * (0.90 + 0.16 * bulge), gain * (0.09 + 0.13 * bulge), lean, 0.9 * smoothstep(0.007, 0.003, off_seam)


_CLOTH = _cloth_profile()


def _weave(scene: _ZipperScene, m: Array) -> Array:
    """Herringbone cloth at the distance `m` from the middle line, about 1."""
    mean, contrast, lean, seam = (lookup(table, 2 * m) for table in _CLOTH)
    stitches = smoothstep(-0.5, 0.2, np.sin(2 * math.pi * scene.y / 0.042))
    return mean + contrast * np.sin(2 * math.pi / 0.026 * scene.y + lean) + seam * stitches


def _tooth_profile() -> tuple[Array, Array, Array, Array]:
    """Tables over 5 times the distance from the tip: half width in pitches, gloss, slope at both ends, neck."""
    a = np.arange(1024) / 5120
    neck = smoothstep(0.016, 0.0, np.abs(a - 0.046))
    # A head, a narrower neck, and a broad foot that is clamped to the tape.
    half = 0.225 - 0.05 * neck + 0.105 * smoothstep(0.048, 0.066, a)
    end = _FOOT + _OVERLAP
    slope = smoothstep(0.010, 0.0, a) - smoothstep(end - 0.02, end, a)
    return half, 0.35 * smoothstep(0.10, 0.07, a), slope, 0.15 * neck


_TOOTH = _tooth_profile()


def _row(scene: _ZipperScene, teeth: _Teeth, side: int, m: Array) -> tuple[Array, Array]:
    """Signed distance to the teeth of one row, and their brightness, at distances `m` near the middle line."""
    place = (scene.y[:, scene.near] - scene.first) / scene.pitch - 0.5 * side
    number = np.rint(place).astype(np.intp)
    a = m + _OVERLAP
    half_width, gloss, slope, dip = (lookup(table, 5 * a) for table in _TOOTH)
    half_width *= scene.pitch
    distance, across, tone = np.full_like(m, 1.0), np.zeros_like(m), np.zeros_like(m)
    # Pushed teeth may be in the places of their neighbours.
    moved = np.abs(teeth.along[side]).max() > 0.1 * scene.pitch
    for step in (-1, 0, 1) if moved else (0,):
        k = np.clip(number + step, 0, _TEETH - 1)
        c = (place - number - step) * scene.pitch - teeth.along[side][k] - teeth.tilt[side][k] * (a - 0.06)
        low, high = teeth.start[side][k], _FOOT + _OVERLAP
        # A box with rounded corners.
        over_side = np.abs(c) - half_width + 0.006
        over_end = np.abs(a - teeth.out[side][k] - (low + high) / 2) - (high - low) / 2 + 0.006
        corner = np.hypot(np.maximum(over_side, 0.0), np.maximum(over_end, 0.0))
        this = corner + np.minimum(np.maximum(over_side, over_end), 0.0) - 0.006
        closer = this < distance
        np.copyto(distance, this, where=closer)
        np.copyto(across, c / half_width, where=closer)
        np.copyto(tone, teeth.tone[side][k], where=closer)
    across = np.clip(across, -1.0, 1.0)
    lamp_out = scene.light[0] if side else -scene.light[0]
    facing = np.sqrt(1 - 0.85 * across**2) + 0.35 * scene.light[1] * across - 0.25 * lamp_out * slope
    gloss *= smoothstep(0.30, 0.05, np.abs(across - 0.3 * scene.light[1]))
    return distance, tone * (0.25 + 0.70 * facing + gloss - dip)


def _broken_teeth(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    side, count = int(rng.integers(2)), int(rng.integers(2, 5))
    highest = round((rng.uniform(0.10, 0.80) - 0.5 - scene.first) / scene.pitch)
    lost = slice(highest, highest + count)
    # Some break at the neck and leave their foot.
    left = rng.uniform(0.055, 0.065) if rng.random() < 0.3 else 1.0
    start, only = scene.teeth.start.copy(), np.ones_like(scene.teeth.start)
    start[side, lost], only[side, lost] = left, 0.0
    m = scene.across(side)[:, scene.near]
    distance, _ = _row(scene, replace(scene.teeth, start=only), side, m)
    scene.image[:] = _compose(canvas, scene, replace(scene.teeth, start=start))
    alpha = np.zeros_like(scene.ground)
    # The area in the shadow of the teeth, up to the next ones, changes too.
    alpha[:, scene.near] = coverage(np.maximum(distance - 0.012, m + _OVERLAP - left), canvas, 0.004)
    return alpha


def _split_teeth(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    height, reach, widest = rng.uniform(0.15, 0.85), rng.uniform(0.16, 0.26), rng.uniform(0.026, 0.046)
    gap = widest * np.clip(1 - ((scene.y + 0.5 - height) / reach) ** 2, 0.0, 1.0) ** 2
    scene.image[:] = _compose(canvas, scene, scene.teeth, gap)
    return coverage(np.maximum(np.abs(scene.x) - 0.088 - gap, 0.005 - gap), canvas, 0.004)


def _squeezed_teeth(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    height, reach, press = rng.uniform(0.18, 0.82), rng.uniform(0.10, 0.15), rng.uniform(0.42, 0.62)
    place = scene.first + scene.pitch * (np.arange(_TEETH) + np.array([[0.0], [0.5]])) + 0.5 - height
    inside = np.clip(1 - (place / reach) ** 2, 0.0, 1.0)
    teeth = replace(
        scene.teeth,
        along=scene.teeth.along - press * place * inside,
        out=scene.teeth.out + rng.uniform(-0.004, 0.020, place.shape) * np.sqrt(inside),
        tilt=scene.teeth.tilt
        + (rng.uniform(-0.4, 0.4, (2, 1)) + rng.uniform(-0.2, 0.2, place.shape)) * np.sqrt(inside),
    )
    scene.image[:] = _compose(canvas, scene, teeth)
    band = np.maximum(np.abs(scene.x) - 0.102, np.abs(scene.y + 0.5 - height) - 0.9 * reach)
    return coverage(band + 0.003 * noise(rng, canvas, 14), canvas, 0.004)


def _on_tape(scene: _ZipperScene, out: float, height: float, side: int) -> Point:
    """The point of the picture at the distance `out` from the middle line on one side."""
    return scene.centre[0] + (out if side else -out) - scene.angle * (height - 0.5), height


def _fabric_border(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    side = int(rng.integers(2))
    place = _on_tape(scene, scene.edges[side].mean() + rng.uniform(-0.015, 0.008), rng.uniform(0.12, 0.88), side)
    inwards = math.pi * side + np.linspace(-1.3, 1.3, 6)
    return tear(rng, canvas, scene, place, rng.uniform(0.070, 0.092), 0.9 * scene.ground, inwards)


def _fabric_interior(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    place = _on_tape(scene, rng.uniform(0.19, 0.255), rng.uniform(0.12, 0.88), int(rng.integers(2)))
    radius = rng.uniform(0.042, 0.064)
    if rng.random() < 0.6:
        below = rng.uniform(0.5, 0.85) * scene.ground
        return tear(rng, canvas, scene, place, radius, below, np.linspace(0, 2 * math.pi, 6))
    roots = np.asarray(place) + rng.uniform(-0.6, 0.6, (6, 2)) * radius
    worn = blob(rng, canvas, place, radius, rough=0.15, aspect=1.5)
    return felt(rng, canvas, scene, worn, roots, rng.uniform(0.40, 0.55))


def _rough(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    side, height, length = int(rng.integers(2)), rng.uniform(0.25, 0.75), rng.uniform(0.16, 0.36)
    out, half = rng.uniform(0.116, 0.136), rng.uniform(0.018, 0.030)
    t = np.concatenate([[-0.5, 0.5], rng.uniform(-0.5, 0.5, 8)])
    points = np.array([_on_tape(scene, out, height + ti * length, side) for ti in t])
    distance = stroke(canvas, points[:2], reach=0.09).distance - half
    roots = points[2:] + half * rng.uniform(-1, 1, (8, 1)) * np.array([1.0, 0.0])
    return felt(rng, canvas, scene, distance, roots, rng.uniform(0.40, 0.55))


def _combined(rng: Generator, canvas: Canvas, scene: _ZipperScene) -> Array:
    # The teeth come first: they paint the whole zipper again.
    on_teeth = (_broken_teeth, _squeezed_teeth)[rng.integers(2)]
    on_cloth = (_fabric_border, _fabric_interior, _rough)[rng.integers(3)]
    return combined(on_teeth, on_cloth)(rng, canvas, scene)


CATEGORY = Category(
    "zipper",
    _paint,
    (_broken_teeth, _combined, _fabric_border, _fabric_interior, _rough, _split_teeth, _squeezed_teeth),
)

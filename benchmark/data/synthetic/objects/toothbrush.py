"""Toothbrush: the head of a brush, bristles up, on a dark ground."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, lamp, over, slope_to, tint
from benchmark.data.synthetic._marks import dirt, pick
from benchmark.data.synthetic._noise import curve_noise, fbm, lookup, noise
from benchmark.data.synthetic._paths import Point, placed, polar
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import coverage

_WHITE: Colour = (0.88, 0.885, 0.87)
_BRISTLES: tuple[Colour, ...] = (
    (0.24, 0.44, 0.82),
    (0.28, 0.66, 0.46),
    (0.82, 0.29, 0.28),
    (0.90, 0.78, 0.34),
    (0.38, 0.70, 0.84),
    (0.88, 0.54, 0.30),
)
_PLASTICS: tuple[Colour, ...] = (
    (0.84, 0.85, 0.86),
    (0.30, 0.52, 0.84),
    (0.36, 0.70, 0.46),
    (0.80, 0.28, 0.30),
    (0.86, 0.76, 0.34),
    (0.84, 0.52, 0.66),
)
_DIRT: tuple[Colour, ...] = ((0.20, 0.15, 0.11), (0.40, 0.27, 0.14), (0.13, 0.13, 0.14), (0.36, 0.38, 0.16))
_GROUND: Colour = (0.085, 0.088, 0.098)


@dataclass(frozen=True)
class _Tuft:
    """A bundle of bristles: from `root` on the head to `tip`, both in the image, `radius` wide at its tip.

    `fray` is 0 if all bristles end together and 1 if they spread like straw; `strands` (samples,) varies their tone.
    """

    root: Point
    tip: Point
    radius: float
    colour: Array
    strands: Array
    fray: float = 0.0


@dataclass(kw_only=True)
class _Brush(Scene):
    """The head without bristles (`bare`), its tufts from back to front, and the visible tuft by pixel (`owner`)."""

    bare: Array
    tufts: tuple[_Tuft, ...]
    speckle: Array
    owner: Array = field(init=False)


def _paint(rng: Generator, canvas: Canvas) -> _Brush:
    light, uneven = lamp(rng, canvas, falloff=0.12)
    angle = rng.choice([-0.5, 0.5]) * math.pi + rng.normal(0, 0.035)
    # The head points along the angle; the neck leaves the image on the other side.
    shift = rng.uniform(0.01, 0.035)
    centre = (0.5 + rng.uniform(-0.02, 0.02), 0.5 + shift * math.sin(angle) + rng.uniform(-0.01, 0.01))
    radii = rng.uniform(0.405, 0.44), rng.uniform(0.235, 0.265)
    ground = uneven * (1 + 0.10 * fbm(rng, canvas, 6, 2)) * rng.uniform(0.6, 1.4)
    bare, surface = _head(rng, canvas, light, uneven, tint(_GROUND, ground), (centre, angle, radii))

    tufts = _layout(rng, centre, angle, radii)
    speckle = 0.85 * noise(rng, canvas, 135) + 0.4 * noise(rng, canvas, 70)
    for tuft in tufts:
        columns, rows = (_window(canvas, at, at, tuft.radius) for at in tuft.root)
        away = np.hypot(canvas.x[:, columns] - tuft.root[0], canvas.y[rows] - tuft.root[1])
        bare[rows, columns] *= 1 - 0.75 * coverage(away - 0.75 * tuft.radius, canvas, 0.006)[..., None]
    scene = _Brush(
        image=bare,
        light=light,
        shade=uneven,
        surface=surface,
        centre=centre,
        angle=angle,
        radius=radii[0],
        gain=camera_gain(rng, exposure=0.10, balance=0.015),
        bare=bare,
        tufts=tufts,
        speckle=speckle,
    )
    scene.image, scene.owner = _plant(canvas, scene, tufts)
    return scene


def _head(
    rng: Generator,
    canvas: Canvas,
    light: Point,
    uneven: Array,
    ground: Array,
    pose: tuple[Point, float, tuple[float, float]],
) -> tuple[Array, Array]:
    """The picture of the moulded head and neck on the ground, and the alpha of the plastic."""
    centre, angle, (long_, wide) = pose
    p, q = canvas.local(centre, angle)
    round_ = np.cbrt((p / long_) ** 2 * np.abs(p / long_) + (q / wide) ** 2 * np.abs(q / wide))
    neck = np.maximum(np.abs(q) - rng.uniform(0.07, 0.105), p + 0.7 * long_)
    # A fillet joins head and neck.
    head, fillet = (round_ - 1) * wide, 0.05
    blend = np.clip(0.5 + 0.5 * (neck - head) / fillet, 0, 1)
    distance = neck + blend * (head - neck) - fillet * blend * (1 - blend)
    surface = coverage(distance, canvas, 0.004)
    facing = slope_to(light, distance, canvas)
    bevel = smoothstep(-0.045, 0.0, distance)
    shade = uneven * (0.72 + 0.30 * bevel * facing - 0.22 * bevel + 0.03 * noise(rng, canvas, 5))
    # Little light reaches the head between the bristles.
    shade = shade * (1 - 0.45 * smoothstep(1.0, 0.75, round_))
    plastic = tint(pick(rng, _PLASTICS) * rng.uniform(0.85, 1.1), shade)
    gloss = np.exp(-(((distance + 0.014) / 0.007) ** 2)) * smoothstep(0.2, 1.0, facing)
    over(plastic, (0.97, 0.97, 0.97), rng.uniform(0.3, 0.7) * gloss)
    ground = ground * (1 - 0.5 * np.exp(-((np.clip(distance, 0, None) / 0.03) ** 2)))[..., None]
    return ground + surface[..., None] * (plastic - ground), surface


def _layout(rng: Generator, centre: Point, angle: float, radii: tuple[float, float]) -> tuple[_Tuft, ...]:
    """Tufts in rows across the head, from its edge inwards, in the colours of one design."""
    long_, wide = 0.92 * radii[0], 0.90 * radii[1]
    rows, pitch = int(rng.integers(8, 10)), 2 * wide / rng.uniform(3.9, 4.4)
    accents, design = [pick(rng, _BRISTLES) * rng.uniform(0.85, 1.1) for _ in range(2)], rng.integers(5)
    lean = rng.normal(0, 0.006, 2)
    strands = iter(curve_noise(rng, 26 * 48, 128 * 48).reshape(48, 128))
    tufts = []
    for row in range(rows):
        p = long_ * (2 * row + 1 - rows) / rows
        half = wide * (1 - abs(p / long_) ** 3) ** (1 / 3)
        number = max(2, int(2 * half / pitch + 0.30))
        for column in range(number):
            q = (column - (number - 1) / 2) * pitch
            x, y = placed(centre, angle, p, q)
            # Perspective: upright bristles lean away from the middle of the image.
            jitter = rng.normal(0, 0.0035, 2) + lean
            tip = (x + 0.055 * (x - 0.5) + jitter[0], y + 0.055 * (y - 0.5) + jitter[1])
            colour = _design(int(design), accents, p / long_, abs(q) / wide, row)
            tone = colour * rng.uniform(0.93, 1.05)
            tufts.append(_Tuft((x, y), tip, 0.57 * pitch * rng.uniform(0.94, 1.06), tone, next(strands)))
    tufts.sort(key=lambda tuft: -math.dist(tuft.root, centre))
    return tuple(tufts)


def _design(design: int, accents: list[Array], along: float, off: float, row: int) -> Array:
    """Bristle colour by place: `along` -1..1 from neck to tip, `off` 0..1 from the middle to the side."""
    white = np.asarray(_WHITE)
    if design == 0:
        return accents[0] if off < 0.4 else white
    if design == 1:
        return accents[0] if off > 0.4 and abs(along) < 0.7 else white
    if design == 2:
        return (white, accents[0], white, accents[1])[row % 4]
    if design == 3:
        return accents[0] if along > 0.45 else (accents[1] if off < 0.4 else white)
    return accents[0] if abs(along) > 0.5 else white


def _plant(canvas: Canvas, scene: _Brush, tufts: tuple[_Tuft, ...]) -> tuple[Array, Array]:
    """The bare head with these tufts, and the number of the visible tuft by pixel (-1: none)."""
    image = scene.bare.copy()
    owner = np.full(scene.shade.shape, -1)
    for number, tuft in enumerate(tufts):
        _bundle(canvas, scene, image, owner, tuft, number)
    return image, owner


def _bundle(canvas: Canvas, scene: _Brush, image: Array, owner: Array, tuft: _Tuft, number: int) -> None:
    """Paint one tuft into its window of the image, its soft shadow first."""
    columns, rows = (_window(canvas, tuft.root[k], tuft.tip[k], 1.3 * tuft.radius + 0.012) for k in (0, 1))
    dx, dy = canvas.x[:, columns] - tuft.root[0], canvas.y[rows] - tuft.root[1]
    length, turn = math.dist(tuft.root, tuft.tip), math.atan2(tuft.tip[1] - tuft.root[1], tuft.tip[0] - tuft.root[0])
    cos, sin = math.cos(turn), math.sin(turn)
    ahead, across = dx * cos + dy * sin, dy * cos - dx * sin
    t = np.clip(ahead / length, 0.0, 1.0)
    width = tuft.radius * (0.78 + (0.22 + 0.35 * tuft.fray) * t)
    speckle = scene.speckle[rows, columns]
    strand = lookup(tuft.strands, 0.5 + 0.5 * across / width)
    distance = np.hypot(ahead - t * length, across) - width + 0.003 * speckle
    from_tip = ahead - length
    alpha = np.clip(0.5 - distance / 0.010, 0.0, 1.0)
    if tuft.fray:
        # Frayed bristles have different lengths, and gaps between them.
        ends = tuft.fray * length * (0.20 + 0.28 * strand)
        alpha = np.minimum(alpha, coverage(from_tip - ends, canvas, 0.006))
        alpha *= 1 - tuft.fray * smoothstep(0.45, 1.1, t) * smoothstep(0.2, -1.2, strand)

    inside = (0.94 * width - np.hypot(from_tip, across)) / 0.016
    top = np.clip(inside, 0.0, 1.0) * (1 - 0.8 * tuft.fray)
    side = (0.46 + 0.40 * t * min(1.0, length / 0.05)) * (1 + 0.17 * strand)
    tilt = from_tip * (cos * scene.light[0] + sin * scene.light[1])
    tilt = tilt + across * (cos * scene.light[1] - sin * scene.light[0])
    bright = side + top * (0.97 + 0.15 * speckle + 0.10 * tilt / tuft.radius - side)
    shadow = 0.45 * np.clip(0.6 - distance / 0.022, 0.0, 1.0)
    part = image[rows, columns]
    part *= (1 - shadow * (1 - alpha))[..., None]
    part += alpha[..., None] * (tint(tuft.colour, scene.shade[rows, columns] * bright) - part)
    owner[rows, columns][alpha > 0.5] = number


def _window(canvas: Canvas, a: float, b: float, margin: float) -> slice:
    low, high = (min(a, b) - margin) / canvas.pixel, (max(a, b) + margin) / canvas.pixel
    return slice(max(0, math.floor(low)), max(0, math.ceil(high)))


def _change(canvas: Canvas, scene: _Brush, changed: dict[int, _Tuft | None]) -> Array:
    """Replace tufts by others or remove them; the new ones are on top."""
    kept = tuple(tuft for number, tuft in enumerate(scene.tufts) if number not in changed)
    added = tuple(tuft for tuft in changed.values() if tuft is not None)
    gone = np.isin(scene.owner, list(changed))
    scene.image[:], owner = _plant(canvas, scene, kept + added)
    return (gone | (owner >= len(kept))).astype(np.float64)


def _neighbours(rng: Generator, scene: _Brush, number: int) -> list[int]:
    """A tuft of the outer two thirds and those next to it, `number` in total."""
    seed = scene.tufts[rng.integers(len(scene.tufts) * 2 // 3)].root
    return sorted(range(len(scene.tufts)), key=lambda k: math.dist(scene.tufts[k].root, seed))[:number]


def _splayed(rng: Generator, canvas: Canvas, scene: _Brush) -> Array:
    """Worn: tufts spread and fall outwards in different directions."""
    changed: dict[int, _Tuft | None] = {}
    for number in _neighbours(rng, scene, int(rng.integers(1, 6))):
        tuft = scene.tufts[number]
        p, q = _in_head(scene, tuft.root)
        turn = scene.angle + math.atan2(2.5 * q, p) + rng.normal(0, 0.35)
        changed[number] = _fallen(rng, tuft, turn, rng.uniform(0.07, 0.12), rng.uniform(0.7, 1.0))
    return _change(canvas, scene, changed)


def _bent(rng: Generator, canvas: Canvas, scene: _Brush) -> Array:
    """Pressed: neighbouring tufts lean in the same direction."""
    turn, far = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.09)
    changed: dict[int, _Tuft | None] = {
        number: _fallen(rng, scene.tufts[number], turn + rng.normal(0, 0.12), far * rng.uniform(0.85, 1.15), 0.45)
        for number in _neighbours(rng, scene, int(rng.integers(3, 8)))
    }
    return _change(canvas, scene, changed)


def _missing(rng: Generator, canvas: Canvas, scene: _Brush) -> Array:
    return _change(canvas, scene, dict.fromkeys(_neighbours(rng, scene, int(rng.integers(1, 5)))))


def _dirty(rng: Generator, canvas: Canvas, scene: _Brush) -> Array:
    place = scene.tufts[_neighbours(rng, scene, 1)[0]].tip
    return dirt(rng, canvas, scene, place, rng.uniform(0.045, 0.085), pick(rng, _DIRT) * rng.uniform(0.85, 1.2))


def _in_head(scene: _Brush, point: Point) -> tuple[float, float]:
    """Position relative to the head: along it towards its tip, and across."""
    dx, dy = point[0] - scene.centre[0], point[1] - scene.centre[1]
    cos, sin = math.cos(scene.angle), math.sin(scene.angle)
    return dx * cos + dy * sin, dy * cos - dx * sin


def _fallen(rng: Generator, tuft: _Tuft, turn: float, far: float, fray: float) -> _Tuft:
    return replace(tuft, tip=polar(tuft.root, turn, far), radius=tuft.radius * rng.uniform(0.85, 1.05), fray=fray)


def _defective(rng: Generator, canvas: Canvas, scene: _Brush) -> Array:
    kinds = (_splayed, _bent, _missing, _dirty)
    return kinds[rng.choice(4, p=(0.4, 0.25, 0.2, 0.15))](rng, canvas, scene)


CATEGORY = Category("toothbrush", _paint, (_defective,))

"""Bottle: the mouth of a brown bottle from above, dark rings on a lit table."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import Colour, camera_gain, lamp, over, tint
from benchmark.data.synthetic._marks import dirt, pick
from benchmark.data.synthetic._noise import fbm, lookup, noise
from benchmark.data.synthetic._paths import polar
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import coverage

# Colours of the glass from the middle of the mouth outwards, at these fractions of the outer radius.
_RINGS: tuple[tuple[float, Colour], ...] = (
    (0.00, (0.66, 0.50, 0.31)),
    (0.22, (0.62, 0.45, 0.26)),
    (0.40, (0.50, 0.33, 0.16)),
    (0.465, (0.34, 0.19, 0.07)),
    (0.50, (0.07, 0.035, 0.02)),
    (0.56, (0.05, 0.028, 0.02)),
    (0.575, (0.40, 0.21, 0.07)),
    (0.61, (0.52, 0.29, 0.10)),
    (0.65, (0.30, 0.15, 0.05)),
    (0.675, (0.055, 0.03, 0.02)),
    (0.75, (0.06, 0.033, 0.022)),
    (0.765, (0.20, 0.105, 0.045)),
    (0.79, (0.17, 0.09, 0.04)),
    (0.81, (0.045, 0.03, 0.022)),
    (0.95, (0.035, 0.026, 0.022)),
    (0.975, (0.13, 0.085, 0.05)),
    (1.00, (0.05, 0.035, 0.03)),
)
_MOUTH, _WALL = 0.48, 0.79
_TABLE: Colour = (0.90, 0.91, 0.91)
_DIRT: tuple[Colour, ...] = (
    (0.86, 0.84, 0.78),
    (0.70, 0.72, 0.74),
    (0.16, 0.13, 0.11),
    (0.62, 0.60, 0.20),
    (0.30, 0.42, 0.60),
    (0.78, 0.34, 0.22),
)


def _paint(rng: Generator, canvas: Canvas) -> Scene:
    light, uneven = lamp(rng, canvas, falloff=0.10)
    centre = (0.5 + rng.uniform(-0.025, 0.025), 0.5 + rng.uniform(-0.025, 0.025))
    radius = rng.uniform(0.405, 0.435)
    u, v = canvas.local(centre)
    distance = np.hypot(u, v)
    # Blown glass is never perfectly round: each ring wavers a little.
    rho = distance / radius
    wavy = rho + 0.006 * noise(rng, canvas, 3) * smoothstep(1.0, 0.85, rho)
    glass = lookup(_ring_table(rng), wavy)
    glow = 1 + 0.22 * (u * light[0] + v * light[1]) / radius + 0.05 * fbm(rng, canvas, 4, 3)
    glass *= (glow * uneven)[..., None]
    _glare(rng, glass, np.arctan2(v, u) / (2 * math.pi) + 0.5, rho)

    table = tint(_TABLE, uneven * (1 - 0.10 * np.exp(-((np.clip(rho - 1, 0, None) / 0.05) ** 2))))
    surface = coverage(distance - radius, canvas, 0.004)
    image = table + surface[..., None] * (glass - table)
    gain = camera_gain(rng, exposure=0.07, balance=0.012)
    return Scene(image, light, uneven, surface, centre, radius=radius, gain=gain)


def _ring_table(rng: Generator) -> Array:
    """Colour by radius (2048, 3) over 0..1, ring edges and tones shifted a little for this bottle."""
    stops = np.array([stop for stop, _ in _RINGS])
    stops[1:-1] += 0.5 * rng.uniform(-0.012, 0.012, stops.size - 2)
    colours = np.array([colour for _, colour in _RINGS]) * rng.uniform(0.85, 1.15, (stops.size, 1))
    colours = colours * np.array([1.0, rng.uniform(0.92, 1.06), rng.uniform(0.85, 1.15)])
    grid = np.arange(2048) / 2048
    return np.stack([np.interp(grid, np.sort(stops), channel) for channel in colours.T], axis=1)


def _glare(rng: Generator, glass: Array, turns: Array, rho: Array) -> None:
    """Reflections of the lamps: arcs along the rings, at different angles in each shot."""
    lamps = rng.random()
    grid = np.arange(1024) / 1024
    # For several rings: the arcs by angle times the band by radius.
    for ring, width in ((0.61, 0.022), (0.775, 0.012), (0.88, 0.03), (0.965, 0.010), (0.53, 0.010)):
        arcs = np.zeros_like(grid)
        for _ in range(2):
            at = lamps + rng.choice([0.0, 0.25, 0.5, 0.75]) + rng.normal(0, 0.04)
            off = np.abs((grid - at + 0.5) % 1.0 - 0.5)
            arcs += rng.uniform(0.10, 0.55) * smoothstep(rng.uniform(0.05, 0.12), 0.0, off)
        band = np.exp(-(((grid - ring) / width) ** 2))
        glass += (lookup(band, rho) * lookup(arcs, turns))[..., None] * np.array([1.0, 0.95, 0.86])


def _missing_glass(
    rng: Generator, canvas: Canvas, scene: Scene, half_width: float, outer: float, depth: float
) -> Array:
    """Break a piece out of a ring: `depth` inwards from `outer`, `half_width` to either side (in radii)."""
    u, v = canvas.local(scene.centre, rng.uniform(0, 2 * math.pi))
    u, v = u / scene.radius, v / scene.radius
    # In this frame the break is at (outer, 0); its walls are polylines, not arcs.
    rho = np.hypot(u, v)
    inwards = outer - rho
    corners = np.sort(np.concatenate([[-1.0, 1.0], rng.uniform(-0.9, 0.9, 6)]))
    floor = depth * (1 - 0.65 * np.abs(corners) ** 1.5) * rng.uniform(0.65, 1.15, corners.size)
    heights = np.sort(np.concatenate([[0.0, 1.2], rng.uniform(0.1, 1.1, 3)]))
    sides = half_width * (1 - 0.40 * heights) * rng.uniform(0.80, 1.15, (2, heights.size))
    lean = rng.normal(0, 0.3)
    across = v + lean * inwards
    walls = (
        0.8 * (inwards - np.interp(across / half_width, corners, floor)),
        -across - np.interp(inwards / depth, heights, sides[0]),
        across - np.interp(inwards / depth, heights, sides[1]),
    )
    # The last two limit the break to the glass and to this side of the ring.
    distance = scene.radius * np.maximum.reduce([*walls, -inwards, rho - 1, -u])
    distance = distance + 0.0015 * noise(rng, canvas, 60)
    alpha = coverage(distance, canvas) * scene.surface
    _shards(rng, canvas, scene, distance, alpha, (u - outer + depth / 2, v), half_width)
    return alpha


def _shards(
    rng: Generator,
    canvas: Canvas,
    scene: Scene,
    distance: Array,
    alpha: Array,
    local: tuple[Array, Array],
    extent: float,
) -> None:
    """Fill a break: the lit table seen through it, and fresh facets of glass along its walls."""
    facet = np.zeros_like(distance)
    for _ in range(5):
        turn, shift = rng.uniform(0, 2 * math.pi), rng.uniform(-0.6, 0.6) * extent
        side = local[0] * math.cos(turn) + local[1] * math.sin(turn) - shift
        facet += rng.choice([-1.0, 1.0]) * np.clip(side / canvas.pixel * scene.radius, -1, 1)
    facet = facet / 5 + 0.25 * noise(rng, canvas, 12)
    # Thick glass is brown, thin glass clear: facets near the wall are thick, some reach far into the break.
    thick = smoothstep(-rng.uniform(0.03, 0.05), 0.0, distance) * np.clip(0.6 - 0.9 * facet, 0.05, 0.95)
    amber = np.array([0.50, 0.29, 0.11]) * rng.uniform(0.8, 1.3)
    clear = np.asarray(_TABLE) * rng.uniform(0.86, 1.02)
    glow = scene.shade * (1 + 0.10 * facet)
    over(scene.image, glow[..., None] * (clear + thick[..., None] * (amber - clear)), alpha)
    crest = smoothstep(0.006, 0.0, np.abs(distance + 0.006)) * np.clip(0.3 + 1.5 * facet, 0, 1)
    over(scene.image, (0.98, 0.96, 0.90), crest * alpha)


def _broken_large(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    outer = 1.0 if rng.random() < 0.7 else rng.uniform(0.78, 0.86)
    return _missing_glass(rng, canvas, scene, rng.uniform(0.26, 0.42), outer, rng.uniform(0.26, 0.46))


def _broken_small(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    outer = 1.0 if rng.random() < 0.6 else rng.uniform(0.66, 0.72)
    return _missing_glass(rng, canvas, scene, rng.uniform(0.12, 0.20), outer, rng.uniform(0.16, 0.25))


def _contamination(rng: Generator, canvas: Canvas, scene: Scene) -> Array:
    colour = pick(rng, _DIRT) * rng.uniform(0.85, 1.1)
    turn = rng.uniform(0, 2 * math.pi)
    # Pale dirt also shows on the dark wall, dark dirt only against the light in the mouth.
    in_mouth = colour.max() < 0.3 or rng.random() < 0.5
    away = scene.radius * (rng.uniform(0, 0.8 * _MOUTH) if in_mouth else rng.uniform(_MOUTH, _WALL))
    return dirt(rng, canvas, scene, polar(scene.centre, turn, away), rng.uniform(0.045, 0.095), colour)


CATEGORY = Category("bottle", _paint, (_broken_large, _broken_small, _contamination))

"""Grid: a woven metal mesh with diamond openings in front of a dark ground, photographed in grey."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, smoothstep
from benchmark.data.synthetic._light import camera_gain, lamp, tint
from benchmark.data.synthetic._marks import glue, metal_scrap, random_place, thread
from benchmark.data.synthetic._noise import fbm, noise
from benchmark.data.synthetic._product import Category, Scene
from benchmark.data.synthetic._shapes import blob, cast_shadow, coverage

# Length of the tables of wire tones and offsets: more than the wires in any picture.
_WIRES = 101

Bend = Callable[[Array, Array], Array]
"""Returns the displacement of a wire (by number) at a position along it, all in pitches."""


@dataclass(frozen=True)
class _Family:
    """One of the two families of parallel wires, in pitches: wire k runs where `across` is k.

    `along` is the `across` of the other family: two wires cross where both are integers.
    """

    across: Array
    along: Array
    tone: Array
    heading: tuple[float, float]
    start: float

    def nearest(self, bend: Bend | None) -> tuple[Array, Array]:
        """Number of the nearest wire at each point, and the distance to it; a bent wire keeps its width."""
        number = np.rint(self.across)
        off = self.across - number
        if bend is None:
            return number, off
        best_number, best_off = number, off - bend(number, self.along)
        for step in (-1.0, 1.0):
            other = off - step - bend(number + step, self.along)
            closer = np.abs(other) < np.abs(best_off)
            best_number = np.where(closer, number + step, best_number)
            best_off = np.where(closer, other, best_off)
        return best_number, best_off


@dataclass
class _MeshScene(Scene):
    """A mesh that can be woven again with displaced wires.

    families : the wires by heading
    pitch, half : distance between neighbouring wires, half the width of a wire
    ground : (n, n) brightness of the background
    uneven : (n, n) light of the lamp with the fine unevenness of the wire's surface
    """

    families: tuple[_Family, _Family] = field(kw_only=True)
    pitch: float = field(kw_only=True)
    half: float = field(kw_only=True)
    ground: Array = field(kw_only=True)
    uneven: Array = field(kw_only=True)


def _paint(rng: Generator, canvas: Canvas) -> _MeshScene:
    light, uneven = lamp(rng, canvas, falloff=0.28)
    pitch, opening = rng.uniform(0.076, 0.088), rng.uniform(0.60, 0.67)
    turn = rng.normal(0.0, 0.05)
    headings, starts = (turn - opening, turn + opening), rng.uniform(40, 42, 2)
    coordinates = [
        canvas.local((0.5, 0.5), heading)[0] / pitch + 0.09 * noise(rng, canvas, 3) + start
        for heading, start in zip(headings, starts, strict=True)
    ]
    families = []
    for one, heading in enumerate(headings):
        across = coordinates[one] + rng.normal(0, 0.025, _WIRES)[np.rint(coordinates[one]).astype(np.intp) % _WIRES]
        tone, direction = rng.normal(1, 0.05, _WIRES), (math.cos(heading), math.sin(heading))
        families.append(_Family(across, coordinates[1 - one], tone, direction, starts[one]))
    ground = uneven * (rng.uniform(0.20, 0.30) + 0.02 * fbm(rng, canvas, 3, 3))
    scene = _MeshScene(
        np.empty((canvas.y.size, canvas.x.size, 3)),
        light,
        uneven,
        np.ones_like(uneven),
        gain=camera_gain(rng),
        families=(families[0], families[1]),
        pitch=pitch,
        half=rng.uniform(0.0120, 0.0140),
        ground=ground,
        uneven=uneven * rng.uniform(0.92, 1.06) * (1 + 0.05 * noise(rng, canvas, 60)),
    )
    scene.image[:] = _weave(canvas, scene, (None, None), (0.0, 0.0))
    return scene


def _weave(canvas: Canvas, scene: _MeshScene, bends: Sequence[Bend | None], cuts: Sequence[Array | float]) -> Array:
    """The picture (n, n, 3) of the mesh, with the displacements and cuts (0..1) of the wires of each family."""
    found = [family.nearest(bend) for family, bend in zip(scene.families, bends, strict=True)]
    # The actual positions of the other family: a wire dips under the wires that really cross it.
    positions = [
        number + off + cut * (family.across - number - off)
        for (number, off), cut, family in zip(found, cuts, scene.families, strict=True)
    ]
    layers = []
    for one, family in enumerate(scene.families):
        number, off = found[one]
        # Alternate wires go over and under, and so do their crossings.
        phase = math.pi * (positions[1 - one] + number + one)
        height, slope = np.cos(phase), np.sin(phase)
        # Crimped wires also swing a little to the sides, so that the diamonds have round shoulders.
        distance = (off + 0.06 * slope) * scene.pitch
        opacity = coverage(np.abs(distance) - scene.half, canvas) * (1 - cuts[one])
        layers.append(np.stack([height, opacity, _wire(scene, family, number, distance, height, slope), distance]))
    upper, lower = np.where(layers[0][0] > layers[1][0], layers, layers[::-1])

    nearest = np.minimum.reduce([np.where(opacity > 0, np.abs(distance), 1.0) for _, opacity, _, distance in layers])
    shadow = 0.5 * cast_shadow(nearest - scene.half, canvas, scene.light, 0.016)
    # The upper wire shades the lower one right beside it.
    beside = smoothstep(2.0 * scene.half, scene.half, np.abs(upper[3])) * (upper[1] > 0)
    grey = scene.ground * (1 - shadow)
    grey += lower[1] * (lower[2] * (1 - 0.40 * beside) - grey)
    grey += upper[1] * (upper[2] - grey)
    return tint((1.0, 1.0, 1.0), grey)


def _wire(scene: _MeshScene, family: _Family, number: Array, distance: Array, height: Array, slope: Array) -> Array:
    """Brightness of a round wire: bright where it faces the lamp, dull where it goes under another."""
    side = np.clip(distance / scene.half, -1.0, 1.0)
    (across_x, across_y), (light_x, light_y) = family.heading, scene.light
    lamp_across = across_x * light_x + across_y * light_y
    lamp_along = across_x * light_y - across_y * light_x
    round_ = np.sqrt(1 - 0.85 * side * side)
    facing = round_ + 0.35 * lamp_across * side + 0.16 * lamp_along * slope
    gloss = np.clip(facing + 0.18 * height - 0.80, 0.0, 1.0) * 0.70
    tone = family.tone[number.astype(np.intp) % _WIRES]
    return tone * (0.20 + 0.38 * facing + 0.05 * height + gloss)


def _swept(canvas: Canvas, scene: _MeshScene, one: int, bend: Bend, least: float) -> Array:
    """Opacity (n, n) of the area between the original and the displaced place of each bent wire."""
    family = scene.families[one]
    distance = np.full_like(family.across, 1.0)
    base = np.rint(family.across)
    for step in (-1.0, 0.0, 1.0):
        shift = bend(base + step, family.along)
        off = family.across - base - step
        gap = np.maximum(np.minimum(shift, 0.0) - off, off - np.maximum(shift, 0.0))
        np.minimum(distance, np.where(np.abs(shift) > least, gap * scene.pitch - scene.half, 1.0), out=distance)
    return coverage(distance, canvas, 0.004)


def _at(scene: _MeshScene, one: int, place: tuple[float, float]) -> tuple[float, float]:
    """The wire of a family that is nearest to `place`, and the position along it.

    Computed from the regular mesh and not from the pixel there, which could be another wire at another size.
    """
    x, y = place[0] - 0.5, place[1] - 0.5
    plan = [(x * f.heading[0] + y * f.heading[1]) / scene.pitch + f.start for f in scene.families]
    return round(plan[one]), plan[1 - one]


def _bent(rng: Generator, canvas: Canvas, scene: _MeshScene) -> Array:
    alpha = np.zeros_like(scene.ground)
    bends: list[Bend | None] = [None, None]
    place = random_place(rng, 0.22)
    first = int(rng.integers(2))
    for one in (first, 1 - first) if rng.random() < 0.5 else (first,):
        push = rng.choice([-1.0, 1.0]) * rng.uniform(0.7, 1.05)
        # Neighbours give way too; otherwise wires would overlap.
        bend = _pushed(_at(scene, one, place), push, rng.uniform(2.2, 3.3), rng.uniform(1.6, 2.4) * abs(push))
        bends[one] = bend
        np.maximum(alpha, _swept(canvas, scene, one, bend, 0.12), out=alpha)
    scene.image[:] = _weave(canvas, scene, bends, (0.0, 0.0))
    return alpha


def _pushed(at: tuple[float, float], push: float, reach: float, spread: float) -> Bend:
    """Wires that bulge by up to `push` around a place, over `reach` along them and `spread` across, in pitches."""
    wire, position = at

    def bend(number: Array, along: Array) -> Array:
        inside = 1 - ((number - wire) / spread) ** 2 - ((along - position) / reach) ** 2
        return push * np.clip(inside, 0.0, 1.0) ** 2

    return bend


@dataclass(frozen=True)
class _Rupture:
    """Cut wires by number: half length and middle of the gap, displacements of the two ends; all in pitches."""

    gap: Array
    middle: Array
    aside: Array
    reach: float

    def bend(self, number: Array, along: Array) -> Array:
        k = number.astype(np.intp) % _WIRES
        sprung = np.clip(1 - self.beyond(number, along) / self.reach, 0.0, 1.0) ** 2
        return self.aside[(along > self.middle[k]).astype(np.intp), k] * sprung

    def beyond(self, number: Array, along: Array) -> Array:
        """Signed distance to the gap of the wire, along it."""
        k = number.astype(np.intp) % _WIRES
        return np.abs(along - self.middle[k]) - self.gap[k]


def _broken(rng: Generator, canvas: Canvas, scene: _MeshScene) -> Array:
    one, torn = int(rng.integers(2)), int(rng.integers(1, 4))
    wire, position = _at(scene, one, random_place(rng, 0.2))
    wires = slice(int(wire), int(wire) + torn)
    # An intact wire has a gap of negative length.
    rupture = _Rupture(np.full(_WIRES, -9.0), np.zeros(_WIRES), np.zeros((2, _WIRES)), rng.uniform(1.1, 1.7))
    rupture.gap[wires] = rng.uniform(0.65, 1.0, torn) if torn > 1 else rng.uniform(1.5, 2.1)
    rupture.middle[wires] = position + rng.normal(0, 0.15, torn) + rng.normal(0, 0.4) * np.arange(torn)
    rupture.aside[:, wires] = rng.uniform(-0.55, 0.55, (2, torn))

    family = scene.families[one]
    bends, cuts = [None, rupture.bend], [np.zeros_like(scene.ground)] * 2
    cuts[one] = coverage(rupture.beyond(family.nearest(rupture.bend)[0], family.along) * scene.pitch, canvas, 0.004)
    scene.image[:] = _weave(canvas, scene, bends if one else bends[::-1], cuts)
    place = np.rint(family.across)
    gone = np.maximum(
        np.abs(family.across - place) * scene.pitch - scene.half, rupture.beyond(place, family.along) * scene.pitch
    )
    swept = _swept(canvas, scene, one, rupture.bend, 0.06) * (1 - cuts[one])
    return np.maximum(coverage(gone, canvas, 0.004), swept)


def _glue(rng: Generator, canvas: Canvas, scene: _MeshScene) -> Array:
    radius = rng.uniform(0.055, 0.11)
    distance = blob(rng, canvas, random_place(rng, 0.17), radius, rough=0.16, aspect=rng.uniform(1.0, 1.8))
    tone = rng.uniform(0.55, 0.75)
    return glue(rng, canvas, scene, distance, (tone, tone, tone), body=rng.uniform(0.45, 0.7))


def _metal_contamination(rng: Generator, canvas: Canvas, scene: _MeshScene) -> Array:
    return metal_scrap(rng, canvas, scene, random_place(rng, 0.15))


def _thread(rng: Generator, canvas: Canvas, scene: _MeshScene) -> Array:
    return thread(rng, canvas, scene, random_place(rng, 0.4))


CATEGORY = Category("grid", _paint, (_bent, _broken, _glue, _metal_contamination, _thread))

"""The definition of a category: a product, its defects, and the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, shrink

_GRAIN = 0.012  # of the sensor, in medium light
# ITU-R BT.601, as Pillow converts to grey.
_LUMINANCE = np.array([[0.299], [0.587], [0.114]])


@dataclass
class Scene:
    """A defect-free picture, and the geometry and light that defects need.

    A product whose defects move or remove a part subclasses this and adds what is needed to paint that part again, or
    what is behind it.

    image : (n, n, 3) float64, 0 black to 1 white; defects paint into it
    light : unit vector in the image plane, towards the lamp
    shade : (n, n) brightness of anything on the surface, about 1
    surface : (n, n) 0..1, the area of the product; all ones for a texture
    centre, angle, radius : pose of an object; a texture keeps the defaults
    gain : exposure and white balance per channel, applied after the defect
    """

    image: Array
    light: tuple[float, float]
    shade: Array
    surface: Array
    centre: tuple[float, float] = (0.5, 0.5)
    angle: float = 0.0
    radius: float = 0.5
    gain: Array = field(default_factory=lambda: np.ones(3))


AnyScene = TypeVar("AnyScene", bound=Scene)


@dataclass(frozen=True)
class Category(Generic[AnyScene]):
    """The definition of a category, registered under `name`.

    paint : draws the defect-free scene
    painters : one per defect type, named `_` and the label; each changes `scene.image` in place and returns the alpha
        (n, n), 0..1, of the defect
    """

    name: str
    paint: Callable[[Generator, Canvas], AnyScene]
    painters: tuple[Callable[[Generator, Canvas, AnyScene], Array], ...]

    @cached_property
    def defects(self) -> dict[str, Callable[[Generator, Canvas, AnyScene], Array]]:
        """The painters by label."""
        return {painter.__name__.removeprefix("_"): painter for painter in self.painters}


def develop(rng: Generator, canvas: Canvas, scene: Scene, mode: str) -> Array:
    """The camera: average down, expose, add sensor grain (brightness and some colour), round to uint8.

    `mode` is "L" for products that MVTec AD photographed in grey: the camera drops the colour.
    """
    image = shrink(scene.image, canvas) * scene.gain
    if mode == "L":
        image = np.repeat(image @ _LUMINANCE, 3, axis=2)
    speckle = rng.standard_normal((canvas.size, canvas.size, 1))
    if mode == "RGB":
        speckle = speckle + 0.4 * rng.standard_normal(image.shape)
    # Shot noise: bright pixels carry more of it than dark ones.
    image += _GRAIN * (0.5 + 0.8 * np.clip(image, 0.0, 1.0)) * speckle
    return np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)

"""The definition of a category: a product, its defects, and the camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.random import Generator

from benchmark.data.synthetic._canvas import Array, Canvas, shrink

Kind: TypeAlias = Literal["texture", "object"]
Mode: TypeAlias = Literal["RGB", "L"]

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
class Defect(Generic[AnyScene]):
    """One defect type: MVTec AD's number of images, and a painter.

    The painter changes `scene.image` in place and returns the alpha (n, n), 0..1, of the defect.
    """

    mvtec_images: int
    paint: Callable[[Generator, Canvas, AnyScene], Array]


@dataclass(frozen=True)
class Category(Generic[AnyScene]):
    """The definition of a category, registered under `name`.

    `mode` is "L" for products that MVTec AD photographed in grey: the camera drops the colour.
    """

    name: str
    kind: Kind
    mvtec_train_good: int
    mvtec_test_good: int
    paint: Callable[[Generator, Canvas], AnyScene]
    defects: Mapping[str, Defect[AnyScene]]
    grain: float = 0.012
    mode: Mode = "RGB"


def develop(rng: Generator, canvas: Canvas, scene: Scene, grain: float, mode: Mode) -> Array:
    """The camera: average down, expose, add sensor grain (brightness and some colour), round to uint8."""
    image = shrink(scene.image, canvas) * scene.gain
    if mode == "L":
        image = np.repeat(image @ _LUMINANCE, 3, axis=2)
    speckle = rng.standard_normal((canvas.size, canvas.size, 1))
    if mode == "RGB":
        speckle = speckle + 0.4 * rng.standard_normal(image.shape)
    # Shot noise: bright pixels carry more of it than dark ones.
    image += grain * (0.5 + 0.8 * np.clip(image, 0.0, 1.0)) * speckle
    return np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)

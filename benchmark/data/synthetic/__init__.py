"""The embedded data set `synthetic`: procedural images modelled on the products of MVTec AD.

All images are rendered from formulas; none is stored. A category is a module that defines `CATEGORY`; to add one, write
the module and add it to the import and the tuple below. Numbers of images and colour modes are MVTec AD's
(``data_manifests/mvtec_ad/counts.csv``).

Each (split, label) has half as many images as in MVTec AD, rounded up, and at least `_MIN_IMAGES`.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from baselines.errors import InputError, unknown_name
from benchmark.data.choices import EDITIONS
from benchmark.data.mvtec import published_counts
from benchmark.data.synthetic._canvas import Array, Canvas, shrink
from benchmark.data.synthetic._product import Category, develop
from benchmark.data.synthetic.objects import (
    bottle,
    cable,
    capsule,
    hazelnut,
    metal_nut,
    pill,
    screw,
    toothbrush,
    transistor,
    zipper,
)
from benchmark.data.synthetic.textures import carpet, grid, leather, tile, wood
from benchmark.random_streams import stream

__all__ = [
    "EDITIONS",
    "VERSION",
    "category_mode",
    "category_names",
    "checksum",
    "counts",
    "defect_free_twin",
    "render",
]

VERSION: int = 2
"""Raised whenever a pixel of any image changes."""

_MIN_IMAGES = 8
_MIN_SIDE, _MAX_SIDE, _CHECKSUM_SIDE = 32, 1024, 64
_MODULES = (
    *(carpet, grid, leather, tile, wood),
    *(bottle, cable, capsule, hazelnut, metal_nut, pill, screw, toothbrush, transistor, zipper),
)
_CATEGORIES: dict[str, Category[Any]] = {module.CATEGORY.name: module.CATEGORY for module in _MODULES}


def category_names() -> tuple[str, ...]:
    """Return the names of all categories, sorted.

    Examples
    --------
    >>> category_names()[:3]
    ('bottle', 'cable', 'capsule')
    """
    return tuple(sorted(_CATEGORIES))


def category_mode(category: str) -> str:
    """Return the colour mode of `category`, "RGB" or "L" (grey); InputError if it is unknown.

    Examples
    --------
    >>> category_mode("screw")
    'L'
    """
    return _in_mvtec(category)[0]["mode"]


def counts(category: str) -> dict[tuple[str, str], int]:
    """Return the number of images by (split, label): train/good, test/good, then the defect types.

    InputError if `category` is unknown.

    Examples
    --------
    >>> counts("bottle")["test", "broken_small"]
    11
    """
    return {(row["split"], row["label"]): max(_MIN_IMAGES, -(-int(row["images"]) // 2)) for row in _in_mvtec(category)}


def render(
    category: str, split: str, label: str, index: int, size: int, edition: str = "synthetic"
) -> tuple[Array, Array]:
    """Render one image and its defect mask.

    Parameters
    ----------
    category
        One of `category_names`.
    split, label
        A key of `counts(category)`.
    index
        From 0 to the count of this (split, label) minus 1.
    size
        Side in pixels, 32 to 1024.
    edition
        One of `EDITIONS`.

    Returns
    -------
    image
        uint8 (size, size, 3), RGB.
    mask
        bool (size, size), True where the defect covers more than half of the pixel; all False for "good".

    Raises
    ------
    InputError
        If a name is unknown or a number is out of range.

    Notes
    -----
    The result depends on `VERSION` and the arguments alone. The scene is the same at every size, except for the
    sensor grain, which is drawn per pixel.

    Examples
    --------
    >>> image, mask = render("carpet", "test", "hole", 0, 32)
    >>> image.shape, bool(mask.any())
    ((32, 32, 3), True)
    """
    return _draw(category, split, label, index, size, edition, with_defect=True)


def defect_free_twin(category: str, split: str, label: str, index: int, size: int, edition: str = "synthetic") -> Array:
    """Render the same image without its defect: same product, light and grain; uint8 RGB.

    Arguments and errors are those of `render`.

    Examples
    --------
    >>> image, mask = render("tile", "test", "oil", 0, 32)
    >>> bool((image != defect_free_twin("tile", "test", "oil", 0, 32))[mask].any())
    True
    """
    return _draw(category, split, label, index, size, edition, with_defect=False)[0]


def checksum(category: str) -> str:
    """Return the SHA-256 of all images and masks at 64 px, as in ``data_manifests/synthetic``.

    The order is that of `counts`, then by index. InputError if `category` is unknown.
    """
    digest = hashlib.sha256()
    for (split, label), images in counts(category).items():
        for index in range(images):
            for array in render(category, split, label, index, _CHECKSUM_SIDE):
                digest.update(array.tobytes())
    return digest.hexdigest()


def _draw(
    category: str, split: str, label: str, index: int, size: int, edition: str, with_defect: bool
) -> tuple[Array, Array]:
    found = _find(category)
    _check(category, split, label, index, size)
    if edition not in EDITIONS:
        raise unknown_name("edition of the synthetic data", edition, EDITIONS)
    canvas = Canvas.of_size(size)

    def separate(purpose: str) -> np.random.Generator:
        """Return a stream per purpose, so that the scene does not depend on what its defect draws, nor on the size."""
        return stream(edition, VERSION, category, split, label, index, purpose)

    scene = found.paint(separate("scene"), canvas)
    mask = np.zeros((size, size), dtype=bool)
    if with_defect and label != "good":
        alpha = found.defects[label](separate("defect"), canvas, scene)
        mask = shrink(alpha, canvas) > 0.5
    return develop(separate("grain"), canvas, scene, category_mode(category)), mask


def _find(category: str) -> Category[Any]:
    if category not in _CATEGORIES:
        raise unknown_name("synthetic category", category, category_names())
    return _CATEGORIES[category]


def _in_mvtec(category: str) -> list[dict[str, str]]:
    name = _find(category).name
    return [row for row in published_counts() if row["category"] == name]


def _check(category: str, split: str, label: str, index: int, size: int) -> None:
    available = counts(category)
    splits = dict.fromkeys(key[0] for key in available)
    if split not in splits:
        raise unknown_name(f"split of synthetic {category}", split, splits)
    if (split, label) not in available:
        raise unknown_name(
            f"label of synthetic {category}/{split}", label, [key[1] for key in available if key[0] == split]
        )
    images = available[split, label]
    if not 0 <= index < images:
        raise InputError(f"index {index} of synthetic {category}/{split}/{label} is not in 0..{images - 1}")
    if not _MIN_SIDE <= size <= _MAX_SIDE:
        raise InputError(f"image size {size} is not in {_MIN_SIDE}..{_MAX_SIDE} pixels")

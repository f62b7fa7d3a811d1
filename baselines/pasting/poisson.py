"""The defect at its place by Poisson blending: its gradients, fitted to the normal image along the mask's boundary."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu
from torch import Tensor

# Solving is fast once the mask's system is factorised, and a run has a few masks only.
_KEPT_SYSTEMS = 32


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the solution of Perez et al., Eq. (7), with the defective image's gradients (Eq. 11), and its annotation.

    Within the mask the differences between neighbouring pixels, also across its boundary, are as near as possible to
    those of the defective image; outside, pixels are those of the normal image. Values are rounded and clipped. An
    annotation of the whole image has no boundary to fit to: its image is returned as it is.

    Examples
    --------
    >>> normal = torch.full((3, 1, 5), 100, dtype=torch.uint8)
    >>> defective = torch.tensor([50, 50, 20, 50, 50], dtype=torch.uint8).expand(3, 1, 5)
    >>> mask = torch.tensor([[[False, True, True, True, False]]])
    >>> source, _ = make_defect(defective, mask, normal, np.random.default_rng(0))
    >>> source[0, 0].tolist()  # 30 below its surroundings, whose difference in brightness is gone
    [100, 100, 70, 100, 100]
    """
    inside = mask[0].numpy()
    if not inside.any() or inside.all():
        return defective, mask
    rows, solve = _system(inside.tobytes(), inside.shape)
    background, foreground = (image.permute(1, 2, 0).reshape(-1, 3).double().numpy() for image in (normal, defective))
    blended = background.copy()
    # The unknown is the difference from the normal image, which is zero outside.
    blended[inside.ravel()] += solve(rows @ (foreground - background))
    pixels = torch.from_numpy(np.rint(blended).clip(0, 255).astype(np.uint8))
    return pixels.reshape(*inside.shape, 3).permute(2, 0, 1), mask


@lru_cache(maxsize=_KEPT_SYSTEMS)
def _system(mask: bytes, shape: tuple[int, int]) -> tuple[sparse.csr_array, Callable[[np.ndarray], np.ndarray]]:
    """Return the rows of the image's Laplacian that belong to a mask, and the solver of the system within it."""
    inside = np.frombuffer(mask, dtype=bool)
    height, width = (_path_laplacian(length) for length in shape)
    rows = sparse.csr_array(sparse.kronsum(width, height))[inside]
    return rows, splu(rows[:, inside].tocsc()).solve


def _path_laplacian(length: int) -> sparse.dia_array:
    """Return the graph Laplacian of a row of pixels: the number of neighbours minus the neighbours."""
    neighbours = sparse.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(length, length))
    return sparse.diags_array(neighbours.sum(axis=0)) - neighbours

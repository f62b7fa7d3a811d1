"""The minibatches of a run: the same sequence for every method of one (category, K, seed)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from baselines.pasting import get_pasting
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.identity import paste_probability
from benchmark.protocol.runs import RunSpec
from benchmark.random_streams import stream
from benchmark.training.pasting import paste_images
from benchmark.training.predict import to_device, to_input


class Pasted(NamedTuple):
    """Normal images with artificial defects.

    Attributes
    ----------
    images : Tensor, float, shape (m, 3, H, W)
    mask : Tensor, float, shape (m, 1, H, W)
        Zeros and ones.
    """

    images: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Minibatch:
    """The images of one iteration.

    Attributes
    ----------
    defective, normal : Tensor, float, shape (m, 3, H, W)
    mask : Tensor, float, shape (m, 1, H, W)
        Zeros and ones.
    pasted : Pasted or None
        The defects on the normal images, if this minibatch takes the crop-and-paste branch.
    """

    defective: Tensor
    mask: Tensor
    normal: Tensor
    pasted: Pasted | None = None


def minibatches(spec: RunSpec, arrays: CategoryArrays, device: torch.device) -> Iterator[Minibatch]:
    """Yield minibatches without end, in the same order for every method of one (category, K, seed).

    A minibatch holds m different images; it repeats images only if fewer than m are available. If the inner loop of
    Algorithm 1 passes over all normal images, its last minibatch repeats its images to hold m.
    """
    draw, protocol = spec.draw, spec.protocol
    key = (spec.category, len(draw.shots), spec.seed)
    defect_rng, normal_rng, paste_rng, pasting_rng = (
        stream(purpose, *key) for purpose in ("defect batches", "normal batches", "crop and paste", "pasting")
    )
    pasting = get_pasting(spec.method.recipe.pasting)
    probability = paste_probability(spec.method.recipe, protocol)
    shots, normals = list(draw.shots), np.array(draw.normals)
    shot_images = to_input(arrays.images[shots], protocol.image_normalisation, device)
    shot_masks = _to_mask(arrays.masks[shots], device)

    def choose(rng: np.random.Generator, available: int) -> list[int]:
        indices: list[int] = rng.choice(
            available, protocol.batch_size, replace=protocol.batch_size > available
        ).tolist()
        return indices

    def normal_batches() -> Iterator[list[int]]:
        if protocol.normal_batches_per_defect_batch != "all":
            for _ in range(protocol.normal_batches_per_defect_batch):
                yield choose(normal_rng, len(normals))
            return
        order = normal_rng.permutation(len(normals)).tolist()
        for start in range(0, len(order), protocol.batch_size):
            images = order[start : start + protocol.batch_size]
            yield (images * protocol.batch_size)[: protocol.batch_size]

    def pasted(defective: np.ndarray, normal: np.ndarray) -> Pasted:
        images, masks = paste_images(
            pasting, arrays.images[defective], arrays.masks[defective], arrays.images[normal], pasting_rng
        )
        return Pasted(to_input(images, protocol.image_normalisation, device), _to_mask(masks, device))

    while True:
        chosen = np.array(choose(defect_rng, len(shots)))
        rows = to_device(chosen, device)
        for batch in normal_batches():
            paste = paste_rng.random() < probability  # uses one number, whatever the probability
            yield Minibatch(
                defective=shot_images[rows],
                mask=shot_masks[rows],
                normal=to_input(arrays.images[normals[batch]], protocol.image_normalisation, device),
                pasted=pasted(np.array(shots)[chosen], normals[batch]) if paste else None,
            )


def _to_mask(masks: np.ndarray, device: torch.device) -> Tensor:
    """Turn boolean masks (N, H, W) into float ones (N, 1, H, W)."""
    return to_device(masks, device).float().unsqueeze(1)

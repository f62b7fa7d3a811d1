"""Images to defect probabilities: the normalisation of inputs and the forward pass of Fig. 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.networks import SegmentationNetwork
from benchmark.data.cache import CategoryArrays

# Fixed, not a profile field: it does not change what a network in evaluation mode predicts.
BATCH = 8
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def to_input(images: np.ndarray, normalisation: str, device: torch.device) -> Tensor:
    """Turn uint8 images (N, H, W, 3) into network input: float32 (N, 3, H, W), channels last in memory.

    Parameters
    ----------
    normalisation : {"imagenet", "none"}
        Subtract ImageNet's mean and divide by its deviation, or leave values in [0, 1].
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    scaled = pixels.permute(0, 3, 1, 2).float().div_(255)
    if normalisation == "none":
        return scaled
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (_IMAGENET_MEAN, _IMAGENET_STD))
    return scaled.sub_(mean).div_(std)


def autocast(protocol: dict[str, Any], device: torch.device) -> torch.autocast:
    """Return the context that runs layers in the protocol's precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=protocol["precision"] == "bf16")


def predict(
    network: SegmentationNetwork,
    arrays: CategoryArrays,
    indices: Sequence[int],
    protocol: dict[str, Any],
    device: torch.device,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (position, probabilities) for images of a category; float32 (H, W) in [0, 1].

    The network is in evaluation mode meanwhile and left in the mode it was in.
    """
    was_training = network.training
    network.eval()
    try:
        for start in range(0, len(indices), BATCH):
            batch = list(indices[start : start + BATCH])
            with torch.inference_mode(), autocast(protocol, device):
                logits = network(to_input(arrays.images[batch], protocol["image_normalisation"], device))
            probabilities = logits.float().sigmoid()[:, 0].cpu().numpy()
            yield from zip(batch, probabilities, strict=True)
    finally:
        network.train(was_training)

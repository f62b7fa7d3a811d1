"""What a trained network makes of images: the normalisation of inputs, the forward pass of Fig. 1, lambda."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.losses import realism_weight
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


def paste_and_weigh(
    network: SegmentationNetwork,
    defective: np.ndarray,
    normal: np.ndarray,
    masks: np.ndarray,
    protocol: dict[str, Any],
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray]:
    """Paste defects upon normal images, Eq. (4), and say how real the outcome looks to the network, Eq. (6).

    Parameters
    ----------
    defective, normal : np.ndarray, uint8, shape (N, H, W, 3)
    masks : np.ndarray, bool, shape (N, H, W)

    Returns
    -------
    pasted : np.ndarray, uint8, shape (N, H, W, 3)
    realism : np.ndarray, float64, shape (N,)
        Lambda in [0, 1]; the network is in evaluation mode for it, and left in the mode it was in.
    """
    pasted = np.where(masks[..., None], defective, normal)
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode(), autocast(protocol, device):
            deepest = [
                network.encode(to_input(images, protocol["image_normalisation"], device))[-1].float()
                for images in (defective, pasted)
            ]
        realism = realism_weight(deepest[0], deepest[1]).double().clamp(0, 1).cpu().numpy()
    finally:
        network.train(was_training)
    return pasted, realism

"""The paper's equations (Section III): normal background regularization, crop-and-paste, weighted BCE.

Shapes: images (N, 3, H, W), masks (N, 1, H, W) of zeros and ones, features (N, C, h, w); all float tensors.
Losses are sums over the batch, as Algorithm 1 prints them; ``reduction`` speaks of pixels only.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.recipe import Similarity

MaskDownsample = Literal["max", "nearest", "area"]
Reduction = Literal["sum", "mean"]
Gradient = Literal["stopped", "flows"]

# Below this length a pooled feature vector has no direction: the cosine's gradient grows as 1 / length.
SHORTEST_VECTOR = 1e-6


def downsample_mask(mask: Tensor, size: tuple[int, int], how: MaskDownsample = "max") -> Tensor:
    """Bring a mask to the size of a feature map: the hat-M of Eq. (1), shape (N, 1, *size), values in [0, 1].

    ``max`` marks every cell that a defect touches, ``nearest`` looks at one pixel per cell, ``area`` gives
    the defective fraction of each cell.
    """
    if how == "max":
        return F.adaptive_max_pool2d(mask, size)
    if how == "nearest":
        return F.interpolate(mask, size, mode="nearest-exact")
    return F.adaptive_avg_pool2d(mask, size)


def normal_background(features: Tensor, small_mask: Tensor) -> Tensor:
    """Blank the defective cells of a feature map, Eq. (1); shape of ``features``."""
    return features * (1 - small_mask)


def global_average_pool(features: Tensor) -> Tensor:
    """Average each channel over its cells, Eq. (2); shape (N, C)."""
    return features.mean(dim=(2, 3))


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine similarity of vectors (N, C), shape (N,); 0, with zero gradient, where either has no direction."""
    length_a, length_b = torch.linalg.vector_norm(a, dim=1), torch.linalg.vector_norm(b, dim=1)
    directed = (length_a > SHORTEST_VECTOR) & (length_b > SHORTEST_VECTOR)
    lengths = torch.where(directed, length_a * length_b, 1.0)
    return torch.where(directed, (a * b).sum(dim=1) / lengths, 0.0)


def nbr_loss(
    defective: Tensor,
    normal: Tensor,
    mask: Tensor,
    similarity: Similarity = "cosine",
    mask_downsample: MaskDownsample = "max",
) -> Tensor:
    """Normal background regularization, Eqs. (1)-(3), summed over the batch; a scalar.

    A sample whose mask covers every cell has no normal background and contributes nothing.

    Parameters
    ----------
    defective, normal : Tensor, shape (N, C, h, w)
        Encoder features of the defective and of the normal images, F^d and F^n.
    mask : Tensor, shape (N, 1, H, W)
        Masks of the defective images, full size.
    similarity : {"cosine", "euclidean"}
        Eq. (3), or the distance of Table VII's ablation in its place.
    mask_downsample : {"max", "nearest", "area"}
        See ``downsample_mask``.
    """
    height, width = defective.shape[-2:]
    small_mask = downsample_mask(mask, (height, width), mask_downsample)
    background = global_average_pool(normal_background(defective, small_mask))
    reference = global_average_pool(normal)
    if similarity == "cosine":
        terms = -cosine(background, reference)
    else:
        terms = torch.linalg.vector_norm(background - reference, dim=1)
    has_background = (small_mask < 1).flatten(1).any(dim=1)
    return torch.where(has_background, terms, 0.0).sum()


def crop_and_paste(defective: Tensor, normal: Tensor, mask: Tensor) -> Tensor:
    """Paste the defects at their own place upon normal images, Eq. (4); shape (N, 3, H, W).

    Every pixel outside the mask is the normal image's, bit for bit.
    """
    return torch.where(mask > 0, defective, normal)


def realism_weight(defective: Tensor, pasted: Tensor, gradient: Gradient = "stopped") -> Tensor:
    """How real a pasted image looks to the encoder: lambda of Eq. (6), shape (N,), values in [0, 1].

    Parameters
    ----------
    defective, pasted : Tensor, shape (N, C, h, w)
        Encoder features of the defective images and of what was pasted from them, F^d and F^CaP.
    gradient : {"stopped", "flows"}
        Whether lambda is a plain weight, or a term the encoder is trained through.
    """
    weight = cosine(global_average_pool(defective), global_average_pool(pasted)).abs()
    return weight.detach() if gradient == "stopped" else weight


def weighted_bce(logits: Tensor, mask: Tensor, weight: Tensor | None = None, reduction: Reduction = "sum") -> Tensor:
    """Binary cross-entropy, Eq. (7), or weighted per image, Eq. (5); summed over the batch, a scalar.

    Parameters
    ----------
    logits, mask : Tensor, shape (N, 1, H, W)
        Network output before the sigmoid, and the truth.
    weight : Tensor, shape (N,), optional
        lambda of each image; 1 if not given.
    reduction : {"sum", "mean"}
        Over the pixels of an image.
    """
    pixels = F.binary_cross_entropy_with_logits(logits, mask, reduction="none").flatten(1)
    images = pixels.sum(dim=1) if reduction == "sum" else pixels.mean(dim=1)
    return (images if weight is None else weight * images).sum()

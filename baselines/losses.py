"""The paper's equations (Section III): normal background regularization, crop-and-paste, weighted BCE.

Shapes: images (N, 3, H, W), masks (N, 1, H, W) of zeros and ones, features (N, C, h, w); all float tensors.
Losses are summed over the batch, as in Algorithm 1; ``reduction`` concerns the pixels only.
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
BackgroundAverage = Literal["all_cells", "background"]

# A shorter feature vector counts as zero: the gradient of the cosine grows as 1 / length.
_MIN_LENGTH = 1e-6


def downsample_mask(mask: Tensor, size: tuple[int, int], how: MaskDownsample = "max") -> Tensor:
    """Downsample a mask to the size of a feature map: hat-M of Eq. (1), shape (N, 1, *size), values in [0, 1].

    Parameters
    ----------
    mask : Tensor, shape (N, 1, H, W)
    size : tuple of int
        Height and width of the feature map.
    how : {"max", "nearest", "area"}
        ``max`` marks every cell that a defect touches, ``nearest`` takes one pixel per cell, ``area`` the defective
        fraction of each cell.

    Examples
    --------
    >>> mask = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    >>> downsample_mask(mask, (1, 1), "max").item(), downsample_mask(mask, (1, 1), "area").item()
    (1.0, 0.25)
    """
    if how == "max":
        return F.adaptive_max_pool2d(mask, size)
    if how == "nearest":
        return F.interpolate(mask, size, mode="nearest-exact")
    return F.adaptive_avg_pool2d(mask, size)


def normal_background(features: Tensor, small_mask: Tensor) -> Tensor:
    """Set the defective cells of a feature map to zero, Eq. (1); shape of ``features``.

    Examples
    --------
    >>> normal_background(torch.full((1, 1, 1, 2), 3.0), torch.tensor([[[[1.0, 0.0]]]])).tolist()
    [[[[0.0, 3.0]]]]
    """
    return features * (1 - small_mask)


def global_average_pool(features: Tensor) -> Tensor:
    """Average each channel over its cells, Eq. (2); shape (N, C).

    Examples
    --------
    >>> global_average_pool(torch.tensor([[[[1.0, 3.0]]]])).tolist()
    [[2.0]]
    """
    return features.mean(dim=(2, 3))


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine similarity of vectors (N, C), shape (N,); 0, with zero gradient, if either vector is zero.

    Examples
    --------
    >>> cosine(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[2.0, 0.0], [1.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    length_a, length_b = torch.linalg.vector_norm(a, dim=1), torch.linalg.vector_norm(b, dim=1)
    nonzero = (length_a > _MIN_LENGTH) & (length_b > _MIN_LENGTH)
    lengths = torch.where(nonzero, length_a * length_b, 1.0)
    return torch.where(nonzero, (a * b).sum(dim=1) / lengths, 0.0)


def nbr_loss(
    defective: Tensor,
    normal: Tensor,
    mask: Tensor,
    similarity: Similarity = "cosine",
    mask_downsample: MaskDownsample = "max",
    background_average: BackgroundAverage = "all_cells",
) -> Tensor:
    """Return the normal background regularization loss, Eqs. (1)-(3), summed over the batch; a scalar.

    A sample whose mask covers every cell has no normal background and contributes nothing.

    Parameters
    ----------
    defective, normal : Tensor, shape (N, C, h, w)
        Encoder features of the defective and the normal images, F^d and F^n.
    mask : Tensor, shape (N, 1, H, W)
        Masks of the defective images at full size.
    similarity : {"cosine", "euclidean"}
        Eq. (3), or the distance of Table VII's ablation.
    mask_downsample : {"max", "nearest", "area"}
        See ``downsample_mask``.
    background_average : {"all_cells", "background"}
        Eq. (2) as printed averages the background over all cells, those set to zero included; ``background`` divides
        by the number of background cells instead. It makes no difference to the cosine, which ignores lengths.

    Examples
    --------
    >>> features = torch.ones(2, 4, 3, 3)
    >>> nbr_loss(features, features, torch.zeros(2, 1, 96, 96)).item()
    -2.0
    """
    height, width = defective.shape[-2:]
    small_mask = downsample_mask(mask, (height, width), mask_downsample)
    background = global_average_pool(normal_background(defective, small_mask))
    reference = global_average_pool(normal)
    if similarity == "cosine":
        terms = -cosine(background, reference)
    else:
        if background_average == "background":
            share = global_average_pool(1 - small_mask)
            background = background / torch.where(share > 0, share, 1.0)
        terms = torch.linalg.vector_norm(background - reference, dim=1)
    has_background = (small_mask < 1).flatten(1).any(dim=1)
    return torch.where(has_background, terms, 0.0).sum()


def crop_and_paste(defective: Tensor, normal: Tensor, mask: Tensor) -> Tensor:
    """Paste defects onto normal images at the same position, Eq. (4); shape (N, 3, H, W).

    Every pixel outside the mask is exactly that of the normal image.

    Examples
    --------
    >>> defective, normal = torch.ones(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    >>> crop_and_paste(defective, normal, torch.tensor([[[[1.0, 0.0]]]]))[0, 0].tolist()
    [[1.0, 0.0]]
    """
    return torch.where(mask > 0, defective, normal)


def realism_weight(defective: Tensor, pasted: Tensor, gradient: Gradient = "stopped") -> Tensor:
    """Return how real pasted images look to the encoder: lambda of Eq. (6), shape (N,), values in [0, 1].

    Parameters
    ----------
    defective, pasted : Tensor, shape (N, C, h, w)
        Encoder features of the defective images and of the images made from them, F^d and F^CaP.
    gradient : {"stopped", "flows"}
        Whether lambda is a constant weight, or the encoder is also trained through it.

    Examples
    --------
    >>> realism_weight(torch.ones(2, 4, 3, 3), torch.ones(2, 4, 3, 3)).tolist()
    [1.0, 1.0]
    """
    weight = cosine(global_average_pool(defective), global_average_pool(pasted)).abs()
    return weight.detach() if gradient == "stopped" else weight


def weighted_bce(logits: Tensor, mask: Tensor, weight: Tensor | None = None, reduction: Reduction = "sum") -> Tensor:
    """Return the binary cross-entropy, Eq. (7), or weighted per image, Eq. (5), summed over the batch; a scalar.

    Parameters
    ----------
    logits, mask : Tensor, shape (N, 1, H, W)
        Network output before the sigmoid, and the ground truth.
    weight : Tensor, shape (N,), optional
        Lambda of each image; 1 by default.
    reduction : {"sum", "mean"}
        Over the pixels of an image.

    Examples
    --------
    >>> round(weighted_bce(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2), reduction="mean").item(), 4)
    0.6931
    """
    pixels = F.binary_cross_entropy_with_logits(logits, mask, reduction="none").flatten(1)
    images = pixels.sum(dim=1) if reduction == "sum" else pixels.mean(dim=1)
    return (images if weight is None else weight * images).sum()

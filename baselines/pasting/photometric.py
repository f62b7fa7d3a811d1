"""The defect at its place with other brightness, contrast and colors."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torchvision.transforms.v2 import functional as F

# As much as photos of one product under one camera may differ: not tuned.
_STRENGTH, _HUE = 0.2, 0.05


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the defective image with jittered colors, and its annotation.

    Examples
    --------
    >>> import torch
    >>> defective, mask = torch.full((3, 1, 1), 100, dtype=torch.uint8), torch.ones(1, 1, 1, dtype=torch.bool)
    >>> source, _ = make_defect(defective, mask, defective, np.random.default_rng(0))
    >>> source.flatten().tolist()
    [103, 103, 103]
    """
    return jitter(defective, _STRENGTH, _HUE, rng), mask


def jitter(image: Tensor, strength: float, hue: float, rng: np.random.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue of an image, in this order; uint8 (3, H, W).

    It is torchvision's ``ColorJitter``, which draws from torch's global random numbers and could not be repeated from
    a generator of one's own.

    Parameters
    ----------
    strength : float
        The factors of the first three are uniform in 1 - strength to 1 + strength.
    hue : float
        Hue is turned by uniform -hue to hue of the whole circle.

    Examples
    --------
    >>> import torch
    >>> grey = torch.full((3, 1, 1), 100, dtype=torch.uint8)
    >>> jitter(grey, 0.0, 0.0, np.random.default_rng(0)).flatten().tolist()
    [100, 100, 100]
    """
    brightness, contrast, saturation = rng.uniform(1 - strength, 1 + strength, 3).tolist()
    image = F.adjust_brightness(image, brightness)
    image = F.adjust_contrast(image, contrast)
    image = F.adjust_saturation(image, saturation)
    changed: Tensor = F.adjust_hue(image, rng.uniform(-hue, hue))
    return changed

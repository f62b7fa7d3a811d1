"""The paper's pasting: the defect as it is, at the same position."""

from __future__ import annotations

import numpy as np
from torch import Tensor


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the defective image and its annotation unchanged, Eq. (4).

    Examples
    --------
    >>> import torch
    >>> defective, mask = torch.zeros(3, 2, 2, dtype=torch.uint8), torch.ones(1, 2, 2, dtype=torch.bool)
    >>> make_defect(defective, mask, defective + 1, np.random.default_rng(0)) == (defective, mask)
    True
    """
    return defective, mask

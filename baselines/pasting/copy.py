"""The paper's pasting: the defect as it is, at the same position."""

from __future__ import annotations

import numpy as np
from torch import Tensor


def make_defect(defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the defective image and its annotation unchanged, Eq. (4)."""
    return defective, mask

"""What a pasting is: the source and the mask of Eq. (4).

Every pasting is crop-and-paste, Eq. (4), with another source image or another mask than the paper's:
``pasted = M * source + (1 - M) * normal``. A pasting makes M and the source; ``paste`` applies Eq. (4), so no pasting
can change a pixel outside the mask that the network is trained with.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor

from baselines.losses import crop_and_paste


class Pasting(Protocol):
    """Make a defect for a normal image; it draws its random numbers from ``rng`` alone and changes no argument.

    Parameters
    ----------
    defective : Tensor, uint8, shape (3, H, W)
        A defective training image, RGB in 0 to 255, before any normalisation.
    mask : Tensor, bool, shape (1, H, W)
        Its annotation; may be empty, cover everything or touch the border.
    normal : Tensor, uint8, shape (3, H, W)
    rng : np.random.Generator

    Returns
    -------
    source : Tensor, uint8, shape (3, H, W)
        An image that shows the defect; only its pixels under the returned mask count.
    mask : Tensor, bool, shape (1, H, W)
        Where the defect will be; empty for no defect.

    Examples
    --------
    >>> def darken(defective, mask, normal, rng):  # a shadow where the defect was
    ...     return normal // 2, mask
    """

    def __call__(
        self, defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]: ...


def paste(
    pasting: Pasting, defective: Tensor, mask: Tensor, normal: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return a normal image with a defect, uint8 (3, H, W), and the mask of the defect, bool (1, H, W).

    Every pixel outside the returned mask is exactly that of the normal image. Parameters as of ``Pasting``.

    Examples
    --------
    >>> import torch
    >>> from baselines.pasting import get_pasting
    >>> defective, normal = torch.full((3, 1, 2), 9, dtype=torch.uint8), torch.zeros(3, 1, 2, dtype=torch.uint8)
    >>> mask = torch.tensor([[[True, False]]])
    >>> image, _ = paste(get_pasting("copy"), defective, mask, normal, np.random.default_rng(0))
    >>> image[0].tolist()
    [[9, 0]]
    """
    source, pasted_mask = pasting(defective, mask, normal, rng)
    return crop_and_paste(source, normal, pasted_mask), pasted_mask

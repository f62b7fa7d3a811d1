"""Pasted images, in the form of the image cache."""

from __future__ import annotations

import numpy as np
import torch

from baselines.pasting.base import Pasting, paste


def paste_images(
    pasting: Pasting, defective: np.ndarray, masks: np.ndarray, normal: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste a defect onto each of some normal images.

    Parameters
    ----------
    pasting : Pasting
    defective, normal : np.ndarray, uint8, shape (N, H, W, 3)
    masks : np.ndarray, bool, shape (N, H, W)
        Of the defective images.
    rng : np.random.Generator
        Used for one image after the other.

    Returns
    -------
    pasted : np.ndarray, uint8, shape (N, H, W, 3)
    masks : np.ndarray, bool, shape (N, H, W)
        Where the pasted images are defective.

    Examples
    --------
    >>> from baselines.pasting import get_pasting
    >>> defective, normal = np.full((1, 1, 2, 3), 9, np.uint8), np.zeros((1, 1, 2, 3), np.uint8)
    >>> masks = np.array([[[True, False]]])
    >>> paste_images(get_pasting("copy"), defective, masks, normal, np.random.default_rng(0))[0][0, 0, :, 0].tolist()
    [9, 0]
    """
    images, places = [], []
    for bad, mask, good in zip(defective, masks, normal, strict=True):
        image, place = paste(pasting, _to_tensor(bad), _to_tensor(mask[..., None]), _to_tensor(good), rng)
        images.append(image.permute(1, 2, 0).numpy())
        places.append(place[0].numpy())
    return np.stack(images), np.stack(places)


def _to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """Turn an array (H, W, C) into a tensor (C, H, W)."""
    return torch.from_numpy(pixels).permute(2, 0, 1)

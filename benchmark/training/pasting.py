"""Pasted images, in the form of the image cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from baselines.pasting import get_pasting, pasting_names
from baselines.pasting.base import Pasting, paste
from benchmark.random_streams import stream


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


def paste_in_each_way(
    defective: np.ndarray, mask: np.ndarray, normal: Sequence[np.ndarray], category: str
) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Paste a defect onto some normal images by every pasting, to look at.

    Parameters
    ----------
    defective, normal : np.ndarray, uint8, shape (H, W, 3)
    mask : np.ndarray, bool, shape (H, W)
    category : str
        Random numbers depend on it and on the pasting.

    Returns
    -------
    dict
        Name of the pasting to an image and its mask for each normal image.

    Examples
    --------
    >>> grey = np.zeros((8, 8, 3), np.uint8)
    >>> list(paste_in_each_way(grey, np.eye(8, dtype=bool), [grey], "tile"))[:2]
    ['copy', 'place']
    """
    count = len(normal)
    found = {}
    for name in pasting_names():
        images, masks = paste_images(
            get_pasting(name),
            np.stack([defective] * count),
            np.stack([mask] * count),
            np.stack(normal),
            stream("pasting sheet", category, name),
        )
        found[name] = list(zip(images, masks, strict=True))
    return found


def _to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """Turn an array (H, W, C) into a tensor (C, H, W)."""
    return torch.from_numpy(pixels).permute(2, 0, 1)

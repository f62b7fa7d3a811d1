"""Images for tests of training."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.data.image_cache import CategoryArrays
from benchmark.data.manifest import CategoryManifest, ImageRecord


@pytest.fixture
def arrays() -> CategoryArrays:
    """Ten images of 64 px, each of a grey level of its own; odd ones have a defect."""
    records, images, masks = [], [], []
    for index in range(10):
        label = "cut" if index % 2 else "good"
        split = "train" if label == "good" else "test"
        name = f"{split}/{label}/{index}.png"
        records.append(
            ImageRecord(split, label, name, f"m{index}.png" if index % 2 else "", defect_pixels=100 * (index % 2))
        )
        images.append(np.full((64, 64, 3), 20 * index, dtype=np.uint8))
        mask = np.zeros((64, 64), dtype=bool)
        mask[: 10 * (index % 2), :10] = True
        masks.append(mask)
    return CategoryArrays(CategoryManifest("test", "levels", "", tuple(records)), np.stack(images), np.stack(masks))

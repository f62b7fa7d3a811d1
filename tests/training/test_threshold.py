"""The threshold chosen on training images, against a search over pixels in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.score import histogram
from benchmark.training.threshold import best_threshold


def mean_iou(images: list[tuple[np.ndarray, np.ndarray]], threshold: float) -> float:
    """The mean over images of the intersection over the union."""
    return float(np.mean([((p >= threshold) & t).sum() / ((p >= threshold) | t).sum() for p, t in images]))


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_has_the_best_mean_iou(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = []
    for height in (3, 7, 12):
        truth = np.zeros((20, 20), dtype=bool)
        truth[2 : 2 + height, 3:15] = True
        images.append((np.clip(rng.normal(0.2 + 0.25 * truth, 0.1), 0, 1), truth))
    found = best_threshold(np.stack([histogram(*image) for image in images]), usual=0.5)
    values = {k / 256: mean_iou(images, k / 256) for k in range(1, 256)}
    assert found < 0.45  # at the usual one most of a defect is missed
    best = [threshold for threshold in values if values[threshold] == pytest.approx(max(values.values()), abs=1e-12)]
    assert found == min(best, key=lambda threshold: abs(threshold - 0.5))


def test_where_every_threshold_is_as_good_the_usual_one_stays() -> None:
    counts = np.zeros((2, 2, 256), dtype=np.uint32)
    counts[:, 0, 3] = 1000
    assert best_threshold(counts, usual=0.3) == 0.3  # resizing has emptied all masks
    counts[0, 1, 250] = 50
    assert best_threshold(counts, usual=0.5) == 0.5

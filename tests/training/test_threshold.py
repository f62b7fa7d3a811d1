"""The threshold chosen on training images, against a search over pixels in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.score import histogram
from benchmark.training.threshold import best_threshold


def pooled_dice(images: list[tuple[np.ndarray, np.ndarray]], threshold: float) -> float:
    """2 TP / (2 TP + FP + FN) of the pixels of all images."""
    tp = sum(int(((p >= threshold) & t).sum()) for p, t in images)
    wrong = sum(int(((p >= threshold) != t).sum()) for p, t in images)
    return 2 * tp / (2 * tp + wrong)


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_has_the_best_dice_of_all_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = []
    for defective in (True, True, False, False, False):
        truth = np.zeros((20, 20), dtype=bool)
        truth[4:9, 3:15] = defective
        images.append((np.clip(rng.normal(0.2 + 0.25 * truth, 0.1), 0, 1), truth))
    counts = sum(histogram(probability, truth).astype(np.int64) for probability, truth in images)
    found = best_threshold(np.asarray(counts), usual=0.5)
    values = {k / 256: pooled_dice(images, k / 256) for k in range(1, 256)}
    assert values[found] == max(values.values())
    assert found < 0.45  # the usual one misses most of the defect
    assert found == min((t for t in values if values[t] == max(values.values())), key=lambda t: abs(t - 0.5))


def test_where_every_threshold_is_as_good_the_usual_one_stays() -> None:
    empty = np.zeros((2, 256), dtype=np.int64)
    assert best_threshold(empty, usual=0.5) == 0.5
    separated = empty.copy()
    separated[0, 3], separated[1, 250] = 1000, 50
    assert best_threshold(separated, usual=0.5) == 0.5
    assert best_threshold(empty, usual=0.3) == 0.3

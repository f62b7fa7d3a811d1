"""The threshold chosen on training images, against a search over pixels in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.histograms import LOGIT_EDGES, histograms, to_probability
from benchmark.results.metrics import best_threshold


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
        images.append((rng.normal(-3 + 2.5 * truth, 0.8).astype(np.float32), truth))
    found = best_threshold(histograms(*zip(*images, strict=True)), usual=0.5)
    values = {edge: mean_iou(images, edge) for edge in LOGIT_EDGES[np.abs(LOGIT_EDGES) < 8]}
    assert found < 0.45  # at the usual one most of a defect is missed
    best = [edge for edge in values if values[edge] == pytest.approx(max(values.values()), abs=1e-12)]
    nearest = min(best, key=lambda edge: abs(to_probability(edge) - 0.5))
    assert found == to_probability(nearest)
    probabilities = [(to_probability(logits).astype(np.float32), truth) for logits, truth in images]
    assert mean_iou(probabilities, found) == max(values.values())


def test_where_every_threshold_is_as_good_the_usual_one_stays_or_the_nearest_to_it() -> None:
    low, nothing = np.full((4, 9), -3.0), np.zeros((4, 9), dtype=bool)
    assert (
        best_threshold(histograms([low, low], [nothing, nothing]), usual=0.3) == 0.3
    )  # resizing has emptied all masks
    marked = nothing.copy()
    marked[0] = True
    assert best_threshold(histograms([low, np.where(marked, 9.0, -9.0)], [nothing, marked]), usual=0.5) == 0.5


@pytest.mark.parametrize("sign", [1, -1])
def test_the_threshold_is_one_that_probabilities_can_tell_apart(sign: int) -> None:
    truth = np.zeros((4, 9), dtype=bool)
    truth[0] = True
    logits = np.where(truth, np.float32(sign * 300 + 5), np.float32(sign * 300))
    threshold = np.float32(best_threshold(histograms([logits], [truth]), usual=0.5))
    assert 0 < threshold < 1

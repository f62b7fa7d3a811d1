"""Metrics against plain statements of Eq. (8) and of Section IV-D."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.score import IMAGE_COLUMNS, boundary_counts, count_image, dice, iou, roc_points, summarise


def test_iou_and_dice_are_equation_8() -> None:
    assert iou(3, 1, 2) == 3 / 6
    assert dice(3, 1, 2) == 6 / 9
    assert isinstance(iou(3, 1, 2), float)
    assert iou(0, 0, 5) == dice(0, 4, 0) == 0
    assert np.isnan(iou(0, 0, 0))
    assert np.isnan(dice(0, 0, 0))
    assert iou([1, 0], [1, 0], [0, 0]).tolist()[0] == 0.5


def test_counts_partition_the_image() -> None:
    rng = np.random.default_rng(0)
    probability, truth = rng.random((9, 7)).astype(np.float32), rng.random((9, 7)) > 0.7
    counts = count_image(probability, truth, 0.5)
    predicted = {(r, c) for r in range(9) for c in range(7) if probability[r, c] >= 0.5}
    marked = {(r, c) for r in range(9) for c in range(7) if truth[r, c]}
    assert len(predicted) != len(marked)
    assert counts["tp"] == len(predicted & marked)
    assert counts["fp"] == len(predicted - marked)
    assert counts["fn"] == len(marked - predicted)
    assert counts["tp"] + counts["fp"] + counts["fn"] + counts["tn"] == 63
    assert counts["predicted_area"] == len(predicted)
    assert counts["max_probability"] == probability.max()


def eroded(mask: np.ndarray) -> np.ndarray:
    """One step of erosion with a 3 x 3 window; the outside is not part of the mask."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    return np.all([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)


@pytest.mark.parametrize(("shape", "steps"), [((20, 30), 1), ((128, 128), 4), ((150, 200), 5)])
def test_the_boundary_band_is_what_as_many_erosions_remove(shape: tuple[int, int], steps: int) -> None:
    rng = np.random.default_rng(steps)
    masks = []
    for _ in range(2):
        mask = np.zeros(shape, dtype=bool)
        for top, left in rng.integers(0, min(shape), (6, 2)):
            mask[top : top + 25, left : left + 25] = True
        masks.append(mask)
    bands = []
    for mask in masks:
        inside = mask
        for _ in range(steps):
            inside = eroded(inside)
        bands.append(mask & ~inside)
    found, true = bands
    assert (found & true).any()
    expected = ((found & true).sum(), (found & ~true).sum(), (true & ~found).sum())
    assert boundary_counts(*masks) == tuple(map(int, expected))
    assert boundary_counts(masks[0], np.zeros(shape, dtype=bool)) == (0, int(found.sum()), 0)


def rows(*images: tuple[str, int, int, int]) -> pd.DataFrame:
    """Images as (label, tp, fp, fn), of 100 pixels."""
    content = [
        (f"{i}.png", label, tp, fp, fn, 100 - tp - fp - fn, tp + fp, 0.5)
        for i, (label, tp, fp, fn) in enumerate(images)
    ]
    return pd.DataFrame(content, columns=list(IMAGE_COLUMNS))


def test_means_are_over_defective_images_and_a_miss_counts_zero() -> None:
    metrics = summarise(rows(("good", 0, 50, 0), ("cut", 5, 0, 5), ("cut", 0, 0, 9)))
    assert metrics.iou == 0.25
    assert metrics.dc == pytest.approx((2 / 3) / 2)
    assert (metrics.scored_images, metrics.defective_images, metrics.normal_images) == (2, 2, 1)


def test_an_image_without_a_marked_pixel_counts_for_detection_only() -> None:
    metrics = summarise(rows(("good", 0, 0, 0), ("cut", 5, 0, 5), ("cut", 0, 7, 0)))
    assert (metrics.iou, metrics.scored_images) == (0.5, 1)
    assert (metrics.acc, metrics.auc, metrics.defective_images) == (1.0, 1.0, 2)


def test_detection_scores_by_area_and_decides_by_one_pixel() -> None:
    images = rows(("good", 0, 0, 0), ("good", 0, 3, 0), ("cut", 2, 0, 1), ("cut", 0, 0, 5), ("cut", 9, 0, 0))
    metrics = summarise(images)
    assert metrics.acc == 3 / 5
    scores, labels = [0, 3, 2, 0, 9], [0, 0, 1, 1, 1]
    pairs = [(a > b) + 0.5 * (a == b) for a, x in zip(scores, labels) for b, y in zip(scores, labels) if x > y]  # noqa: B905
    assert metrics.auc == pytest.approx(np.mean(pairs))
    curve = roc_points(images)
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(metrics.auc)


def test_without_both_kinds_there_is_no_curve() -> None:
    for images in (rows(("cut", 1, 0, 0)), rows(("good", 0, 0, 0))):
        metrics = summarise(images)
        assert metrics.auc is metrics.acc is None
        assert roc_points(images).empty
    assert summarise(rows(("good", 0, 0, 0))).iou is None

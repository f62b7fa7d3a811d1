"""Histograms of logits against counts of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from benchmark.histograms import LINEAR_EDGES, LOGIT_EDGES, Histograms, histograms, to_probability


def made_up(images: int = 4, size: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits and masks (N, H, W); the first image is normal."""
    rng = np.random.default_rng(seed)
    truth = rng.random((images, size, size)) > 0.9
    truth[0] = False
    logits = rng.normal(-20 + 22 * truth, 12).astype(np.float32)
    logits[-1, 0, :4] = -1e9, 1e9, 0.0, 2.0
    return logits, truth


def test_edges_are_even_in_the_middle_then_widen_and_are_exact_in_float32() -> None:
    widths = np.diff(LOGIT_EDGES)
    assert (widths > 0).all()
    assert np.array_equal(LOGIT_EDGES.astype(np.float32), LOGIT_EDGES)
    assert np.array_equal(LOGIT_EDGES, -LOGIT_EDGES[::-1])
    assert (widths[np.abs(LOGIT_EDGES[:-1]) < 4] == 1 / 64).all()
    beyond = LOGIT_EDGES[:-1] >= 4
    assert (widths[beyond] <= LOGIT_EDGES[:-1][beyond] / 128).all()
    assert LOGIT_EDGES[[0, -1]].tolist() == [-8192, 8192]


def test_histograms_give_the_counts_at_every_edge() -> None:
    logits, truth = made_up()
    counted = histograms(logits, truth)
    assert (counted.normal.sum(axis=1) == (~truth).sum(axis=(1, 2))).all()
    fp, tp = counted.above()
    for edge in (0, 1000, 1664, 1665, 1900, len(LOGIT_EDGES) - 1):
        predicted = logits >= LOGIT_EDGES[edge]
        assert fp[:, edge].tolist() == (predicted & ~truth).sum(axis=(1, 2)).tolist()
        assert tp[:, edge].tolist() == (predicted & truth).sum(axis=(1, 2)).tolist()


def test_regions_touch_by_a_side_or_a_corner() -> None:
    logits, truth = made_up()
    counted = histograms(logits, truth).regions
    assert counted is not None
    expected = [
        (row, logits[row][labels == number])
        for row, mask in enumerate(truth)
        for labels, count in [label(mask, np.ones((3, 3)))]
        for number in range(1, count + 1)
    ]
    assert len(counted) == len(expected) > 10
    for region, (row, values) in enumerate(expected):
        inside = slice(*counted.starts[region : region + 2])
        assert (counted.image[region], counted.area[region]) == (row, len(values))
        bins = np.repeat(counted.bins[inside], counted.counts[inside])
        assert bins.tolist() == sorted(np.searchsorted(LOGIT_EDGES, values, side="right").tolist())
    corner = np.array([[True, False], [False, True]])
    assert len(histograms([np.zeros((2, 2))], [corner]).regions or ()) == 1


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [0], [1, 3], []])
def test_a_selection_is_what_counting_those_images_gives(rows: list[int]) -> None:
    logits, truth = made_up()
    selected = histograms(logits, truth).select(np.isin(range(4), rows))
    assert len(selected.normal) == len(rows)
    if rows:
        alone = histograms(logits[rows], truth[rows])
        assert np.array_equal(selected.normal, alone.normal)
        assert np.array_equal(selected.defective, alone.defective)
        for name in ("image", "starts", "bins", "counts"):
            assert np.array_equal(getattr(selected.regions, name), getattr(alone.regions, name))


def test_bins_before_format_3_are_even_in_probability() -> None:
    assert to_probability(LINEAR_EDGES) == pytest.approx(np.arange(1, 256) / 256, abs=1e-15)
    counts = np.zeros((1, 256), dtype=np.int64)
    counts[0, [3, 200]] = 5, 7
    old = Histograms(LINEAR_EDGES, counts, counts)
    assert old.found() is None
    assert old.above()[0][0, [2, 3, 199, 200]].tolist() == [12, 7, 7, 0]
    assert old.select(np.array([False])).normal.shape == (0, 256)

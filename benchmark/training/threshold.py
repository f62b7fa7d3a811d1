"""A threshold for using a model, chosen on its training images alone; runs are scored at the paper's 0.5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.data.image_cache import CategoryArrays
from benchmark.score import HISTOGRAM_BINS, histogram, iou
from benchmark.training.predict import Predictor


def choose_threshold(predictor: Predictor, arrays: CategoryArrays, shots: Sequence[int]) -> float:
    """Return the threshold with the best mean IOU on the annotated training images, as ``best_threshold`` does.

    Normal images have no IOU, and do not count.

    Parameters
    ----------
    shots : sequence of int
        Positions of the K-shot images in the manifest.

    Returns
    -------
    float
        In (0, 1).
    """
    counts = [histogram(probability, arrays.masks[index]) for index, probability in predictor.predict(arrays, shots)]
    return best_threshold(np.stack(counts), predictor.protocol.threshold)


def best_threshold(counts: np.ndarray, usual: float) -> float:
    """Return the threshold with the best mean IOU, Eq. (8).

    Parameters
    ----------
    counts : np.ndarray, int, shape (images, 2, 256)
        ``score.histogram`` of each image; those without a defective pixel are left out.
    usual : float
        Of equally good thresholds, the one nearest to this is returned; ``usual`` itself if no image is left.

    Returns
    -------
    float
        A multiple of 1/256 in (0, 1), or ``usual``.

    Examples
    --------
    >>> counts = np.zeros((1, 2, 256), int)
    >>> counts[0, 0, 70], counts[0, 1, 90] = 100, 10  # normal pixels at 0.27, defective ones at 0.35
    >>> best_threshold(counts, usual=0.5)
    0.3515625
    """
    counts = counts[counts[:, 1].any(axis=1)]
    if not len(counts):
        return usual
    thresholds = np.arange(1, HISTOGRAM_BINS) / HISTOGRAM_BINS
    above = np.cumsum(counts[..., ::-1], axis=2)[..., ::-1][..., 1:]  # pixels at or above each threshold
    fp, tp = above[:, 0], above[:, 1]
    values = iou(tp, fp, counts[:, 1].sum(axis=1, keepdims=True) - tp).mean(axis=0)
    best = thresholds[values == values.max()]
    return float(best[np.argmin(np.abs(best - usual))])

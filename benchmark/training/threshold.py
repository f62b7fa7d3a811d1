"""A threshold for using a model, chosen on its training images alone; scores use the paper's 0.5."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.draws import Draw
from benchmark.score import HISTOGRAM_BINS, dice, histogram
from benchmark.training.predict import Predictor


def choose_threshold(
    predictor: Predictor, arrays: CategoryArrays, draw: Draw, on_image: Callable[[], None] = lambda: None
) -> float:
    """Return the threshold with the best Dice coefficient on the training images.

    Parameters
    ----------
    draw : Draw
        Its K annotated images and all its normal images are predicted.
    on_image : callable
        Called after each image.

    Returns
    -------
    float
        As ``best_threshold``.
    """
    counts = np.zeros((2, HISTOGRAM_BINS), dtype=np.int64)
    for index, probability in predictor.predict(arrays, [*draw.shots, *draw.normals]):
        counts += histogram(probability, arrays.masks[index])
        on_image()
    return best_threshold(counts, predictor.protocol.threshold)


def best_threshold(counts: np.ndarray, usual: float) -> float:
    """Return the threshold with the best Dice coefficient, Eq. (8), of the pixels of all images together.

    Parameters
    ----------
    counts : np.ndarray, int, shape (2, 256)
        Sum of the images' ``score.histogram``.
    usual : float
        Of equally good thresholds, the one nearest to this is returned: ``usual`` itself if it is one of them.

    Returns
    -------
    float
        A multiple of 1/256 in (0, 1), or ``usual``.

    Examples
    --------
    >>> counts = np.zeros((2, 256), int)
    >>> counts[0, 70], counts[1, 90] = 100, 10  # normal pixels at 0.27, defective ones at 0.35
    >>> best_threshold(counts, usual=0.5)
    0.3515625
    """
    thresholds = np.arange(1, HISTOGRAM_BINS) / HISTOGRAM_BINS
    fp, tp = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1][:, 1:]  # pixels at or above each threshold
    values = dice(tp, fp, counts[1].sum() - tp)
    best = thresholds[values >= np.nanmax(values)] if np.isfinite(values).any() else np.array([usual])
    return float(best[np.argmin(np.abs(best - usual))])

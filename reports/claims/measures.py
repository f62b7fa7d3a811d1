"""Measures of a run that only its files give: pixels, and how fast the test IOU rose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.results.stored_run import StoredRun
from benchmark.score import dice, iou, scored
from reports.paper.ledger import CurveMeasure, RunMeasure

# Speed is compared at this share of the best test IOU of the slower method.
LEVEL = 0.9


@dataclass(frozen=True)
class IouCurve:
    """The readings of the test IOU during training.

    Attributes
    ----------
    progress : ndarray of float64, (R,)
        Share of the iterations done, in (0, 1].
    iou : ndarray of float64, (R,)
    """

    progress: np.ndarray
    iou: np.ndarray

    @classmethod
    def of(cls, run: StoredRun) -> IouCurve:
        """Read it from a run's ``curve.csv``."""
        curve = run.curve
        readings = curve.dropna(subset="test_iou")
        progress = readings["iteration"].to_numpy(dtype=np.float64) / float(curve["iteration"].iloc[-1])
        return cls(progress, readings["test_iou"].to_numpy(dtype=np.float64))

    @property
    def best(self) -> float:
        """The highest reading; 0 without one."""
        return float(self.iou.max(initial=0.0))


def common_level(curves: list[IouCurve]) -> float:
    """Return the level at which the speed of several runs is compared: ``LEVEL`` of the lowest of their best IOUs.

    Each run reaches it; a level of its own for each run would favour the run that reaches little.

    Examples
    --------
    >>> slow, fast = (IouCurve(np.array([0.5, 1.0]), np.array(iou)) for iou in ([0.1, 0.4], [0.4, 0.8]))
    >>> round(common_level([slow, fast]), 4)
    0.36
    """
    return LEVEL * min((curve.best for curve in curves), default=0.0)


def time_to_level(curve: IouCurve, level: float) -> float:
    """Return the share of the iterations after which the test IOU first reached a level.

    Parameters
    ----------
    curve : IouCurve
    level : float
        Above 0 and at most the curve's best.

    Examples
    --------
    >>> time_to_level(IouCurve(np.array([0.25, 0.5, 1.0]), np.array([0.1, 0.4, 0.8])), level=0.36)
    0.5
    """
    return float(curve.progress[np.argmax(curve.iou >= level)])


def area_to_level(curve: IouCurve, level: float) -> float:
    """Return the area under the IOU curve, capped at a level and in shares of it, by the trapezoidal rule.

    Between 0 and 1; the earlier the level is reached, the larger. It uses every reading, ``time_to_level`` only one.

    Examples
    --------
    >>> area_to_level(IouCurve(np.array([0.5, 1.0]), np.array([0.4, 0.8])), level=0.4)
    0.75
    """
    progress = np.concatenate([[0.0], curve.progress, [1.0]])
    height = np.minimum(np.concatenate([[0.0], curve.iou, curve.iou[-1:]]) / level, 1.0)
    return float(np.sum(np.diff(progress) * (height[1:] + height[:-1]) / 2))


def background_error(run: StoredRun) -> float:
    """Return the share of normal pixels that a run predicts as defective, averaged over its test images."""
    images = run.images
    normal = images["fp"] + images["tn"]
    return float((images["fp"] / normal)[normal > 0].mean())


def defect_found(run: StoredRun) -> float:
    """Return the share of defect pixels that a run detects, averaged over its defective test images."""
    images = run.images
    rows = images[scored(images)]
    return float((rows["tp"] / (rows["tp"] + rows["fn"])).mean())


def image_scores(run: StoredRun) -> pd.DataFrame:
    """Return IOU and DC (columns ``iou`` and ``dc``) of each test image that counts for them, indexed by its name."""
    images = run.images
    rows = images[scored(images)].set_index("name")
    counts = rows["tp"], rows["fp"], rows["fn"]
    return pd.DataFrame({"iou": iou(*counts), "dc": dice(*counts)}, index=rows.index)


RUN_MEASURES: dict[RunMeasure, Callable[[StoredRun], float]] = {
    "background_error": background_error,
    "defect_found": defect_found,
}
CURVE_MEASURES: dict[CurveMeasure, Callable[[IouCurve, float], float]] = {
    "time_to_level": time_to_level,
    "area_to_level": area_to_level,
}

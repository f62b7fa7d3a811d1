"""Pixel counts and the metrics computed from them: IOU and DC (Eq. 8), ROC, AUC and ACC (Section IV-D)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import numpy as np
import pandas as pd
from msgspec import Meta, Struct
from numpy.typing import ArrayLike

from benchmark.data.manifest import GOOD

Metric = Literal["iou", "dc", "auc", "acc"]
METRICS: tuple[Metric, ...] = get_args(Metric)
BOUNDARY_SHARE = 0.02
IMAGE_COLUMNS = ("name", "label", "tp", "fp", "fn", "tn", "predicted_area", "max_probability")

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Metrics(Struct, frozen=True):
    """The metrics of one run.

    Attributes
    ----------
    iou, dc : float or None
        Means over the ``scored`` images, in [0, 1]; None if there are none.
    auc : float or None
        Area under ``roc_points``, in [0, 1]; None unless there are both normal and defective images.
    acc : float or None
        Share of correctly classified images, in [0, 1]; one predicted pixel makes an image anomalous. None as ``auc``.
    scored_images, defective_images, normal_images : int
        Numbers of test images.

    Examples
    --------
    >>> Metrics(0.5, 0.6, 0.9, 0.8, 3, 4, 2).by_name()
    {'iou': 0.5, 'dc': 0.6, 'auc': 0.9, 'acc': 0.8}
    """

    iou: Share | None
    dc: Share | None
    auc: Share | None
    acc: Share | None
    scored_images: Count
    defective_images: Count
    normal_images: Count

    def by_name(self) -> dict[Metric, float | None]:
        """Return the values of ``METRICS``."""
        return {name: getattr(self, name) for name in METRICS}


def iou(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike) -> Any:
    """Intersection over union, TP / (TP + FN + FP), Eq. (8).

    Parameters
    ----------
    tp, fp, fn : array_like of int
        Pixel counts, one entry per image, or scalars.

    Returns
    -------
    float or np.ndarray
        In [0, 1]; NaN where no pixel is defective or predicted.

    Examples
    --------
    >>> iou(3, 1, 2)
    0.5
    >>> iou([3, 0], [1, 0], [2, 4]).tolist()
    [0.5, 0.0]
    """
    tp, fp, fn = (np.asarray(count, dtype=np.float64) for count in (tp, fp, fn))
    return _ratio(tp, tp + fp + fn)


def dice(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike) -> Any:
    """Dice coefficient, 2 TP / (2 TP + FN + FP), Eq. (8); arguments and result as for ``iou``.

    Examples
    --------
    >>> dice(3, 1, 2)
    0.6666666666666666
    """
    tp, fp, fn = (np.asarray(count, dtype=np.float64) for count in (tp, fp, fn))
    return _ratio(2 * tp, 2 * tp + fp + fn)


def _ratio(part: np.ndarray, whole: np.ndarray) -> Any:
    result = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result if result.ndim else float(result)


def count_image(probability: np.ndarray, truth: np.ndarray, threshold: float) -> dict[str, int | float]:
    """Compare one predicted map with its mask.

    Parameters
    ----------
    probability : np.ndarray, float, shape (H, W)
        In [0, 1]; a pixel is predicted defective at or above the threshold.
    truth : np.ndarray, bool, shape (H, W)
    threshold : float

    Returns
    -------
    dict
        ``tp, fp, fn, tn, predicted_area`` in pixels and ``max_probability``.

    Examples
    --------
    >>> counts = count_image(np.array([[0.9, 0.2, 0.6]]), np.array([[True, True, False]]), threshold=0.5)
    >>> [counts[name] for name in ("tp", "fp", "fn", "tn", "predicted_area")]
    [1, 1, 1, 0, 2]
    """
    predicted = probability >= threshold
    tp, area, defect = int((predicted & truth).sum()), int(predicted.sum()), int(truth.sum())
    return {
        "tp": tp,
        "fp": area - tp,
        "fn": defect - tp,
        "tn": truth.size - area - defect + tp,
        "predicted_area": area,
        "max_probability": float(probability.max()),
    }


def boundary_counts(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """Count TP, FP and FN between the boundary bands of a predicted and of a true mask (Cheng et al., CVPR 2021).

    The band of a mask is those of its pixels that are at most d away from a pixel outside of it or from the outside of
    the image, in steps to any of eight neighbours; d is 2 % of the image's diagonal, rounded, and at least 1.

    Parameters
    ----------
    predicted, truth : np.ndarray, bool, shape (H, W)

    Returns
    -------
    tuple of int
        TP, FP, FN; ``iou`` of them is the boundary IOU.

    Examples
    --------
    >>> truth = np.zeros((9, 9), bool)
    >>> truth[2:7, 2:7] = True
    >>> boundary_counts(np.roll(truth, 1, axis=1), truth)  # two rings of 16 pixels
    (8, 8, 8)
    """
    width = max(1, round(BOUNDARY_SHARE * float(np.hypot(*truth.shape))))
    found, true = _band(predicted, width), _band(truth, width)
    tp = int((found & true).sum())
    return tp, int(found.sum()) - tp, int(true.sum()) - tp


def _band(mask: np.ndarray, width: int) -> np.ndarray:
    if not mask.any():
        return mask
    from scipy.ndimage import minimum_filter  # slow to import, and reading results does not need it

    band: np.ndarray = mask & (minimum_filter(mask.view(np.uint8), 2 * width + 1, mode="constant") == 0)
    return band


def scored(images: pd.DataFrame) -> pd.Series:
    """Return which rows count for IOU and DC, bool: defective images whose mask has a pixel at the scored size.

    Examples
    --------
    >>> scored(pd.DataFrame({"label": ["good", "cut", "cut"], "tp": [0, 3, 0], "fn": [0, 2, 0]})).tolist()
    [False, True, False]
    """
    return (images["label"] != GOOD) & (images["tp"] + images["fn"] > 0)


def roc_points(images: pd.DataFrame) -> pd.DataFrame:
    """Return the ROC curve of the images, scored by their predicted area (Section IV-G).

    Returns
    -------
    pd.DataFrame
        Columns ``fpr, tpr, threshold`` (pixels); empty unless there are both normal and defective images.

    Examples
    --------
    >>> points = roc_points(pd.DataFrame({"label": ["good", "cut"], "predicted_area": [0, 4]}))
    >>> points["tpr"].tolist()
    [0.0, 1.0, 1.0]
    """
    defective = images["label"] != GOOD
    if defective.all() or not defective.any():
        return pd.DataFrame({"fpr": [], "tpr": [], "threshold": []})
    from sklearn.metrics import roc_curve  # takes longer to import than all else that reading results needs

    fpr, tpr, threshold = roc_curve(defective, images["predicted_area"])
    return pd.DataFrame({"fpr": fpr, "tpr": tpr, "threshold": threshold})


def summarise(images: pd.DataFrame) -> Metrics:
    """Reduce the rows of one run to its metrics.

    Parameters
    ----------
    images : pd.DataFrame
        One row per test image with ``IMAGE_COLUMNS``.

    Examples
    --------
    >>> images = pd.DataFrame({"label": ["good", "cut"], "tp": [0, 3], "fp": [0, 1], "fn": [0, 2]})
    >>> summarise(images.assign(predicted_area=[0, 4])).by_name()
    {'iou': 0.5, 'dc': 0.6666666666666666, 'auc': 1.0, 'acc': 1.0}
    """
    from sklearn.metrics import roc_auc_score  # as above

    rows = images[scored(images)]
    defective = images["label"] != GOOD
    both = defective.any() and not defective.all()
    return Metrics(
        iou=float(iou(rows["tp"], rows["fp"], rows["fn"]).mean()) if len(rows) else None,
        dc=float(dice(rows["tp"], rows["fp"], rows["fn"]).mean()) if len(rows) else None,
        auc=float(roc_auc_score(defective, images["predicted_area"])) if both else None,
        acc=float(((images["predicted_area"] >= 1) == defective).mean()) if both else None,
        scored_images=len(rows),
        defective_images=int(defective.sum()),
        normal_images=int((~defective).sum()),
    )

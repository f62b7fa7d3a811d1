"""Metrics beside the paper's, from what is stored of a run alone; ``docs/metrics.md`` has a worked example."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from benchmark.data.manifest import GOOD
from benchmark.histograms import Histograms, to_probability
from benchmark.results.predictions import Predictions
from benchmark.score import dice, iou, scored

AUPRO_LIMITS = (0.3, 0.05)
# Shares of an image that its defects cover, which separate small, medium and large ones.
SIZE_LIMITS = (0.01, 0.05)
SIZES = ("up to 1 % of the image", "1 to 5 % of the image", "above 5 % of the image")
By = Literal["defect", "size"]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Definition:
    """A metric as it is printed.

    Attributes
    ----------
    name : str
        Key of ``measure``.
    short, label : str
        Head of a column, and the whole description: at which threshold, up to which limit, over what. ``{}`` stands
        for the threshold that runs are scored at.
    kind : {"score", "threshold", "count"}
        Higher is better, a chosen threshold, or a number of images or regions.
    """

    name: str
    short: str
    label: str
    kind: Literal["score", "threshold", "count"] = "score"


def _aupro(limit: float) -> Definition:
    return Definition(
        f"aupro_{limit:g}",
        f"AUPRO to FPR {limit:g}",
        f"AUPRO up to an FPR of {limit:g}: mean share of a defect region found, against the FPR of all pixels",
    )


PIXEL_METRICS = (
    Definition("pixel_auroc", "pixel AUROC", "AUROC of all pixels of all test images"),
    Definition("pixel_ap", "pixel AP", "AP of all pixels of all test images"),
    *map(_aupro, AUPRO_LIMITS),
    Definition("best_f1", "best F1", "best F1 of all pixels, its threshold chosen on the test images"),
    Definition("best_f1_iou", "IOU at best F1", "IOU at the threshold of best F1, mean over defective images"),
    Definition("best_f1_threshold", "threshold of best F1", "threshold of best F1, a probability", "threshold"),
)
THRESHOLD_METRICS = (
    Definition("iou", "IOU", "IOU at {}, mean over defective images (the paper's)"),
    Definition("dc", "DC", "DC at {}, mean over defective images (the paper's)"),
    Definition("pooled_iou", "pooled IOU", "IOU at {} of all pixels of all test images"),
    Definition("pooled_dc", "pooled DC", "DC at {} of all pixels of all test images"),
    Definition("pooled_defective_iou", "pooled IOU, defective", "IOU at {} of all pixels of the defective images"),
    Definition("pooled_defective_dc", "pooled DC, defective", "DC at {} of all pixels of the defective images"),
    Definition("boundary_iou", "boundary IOU", "boundary IOU at {} (2 % of the diagonal), mean over defective images"),
    Definition(
        "training_iou",
        "IOU at training threshold",
        "IOU at the threshold with the best mean IOU on the training images, mean over defective images",
    ),
    Definition(
        "training_threshold",
        "training threshold",
        "threshold with the best mean IOU on the training images, a probability",
        "threshold",
    ),
)
IMAGE_METRICS = (
    Definition("image_auroc_area", "AUROC by area", "AUROC of images by predicted area at {} (the paper's AUC)"),
    Definition("image_ap_area", "AP by area", "AP of images by predicted area at {}"),
    Definition(
        "image_f1_area", "best F1 by area", "best F1 of images by predicted area at {}, its limit chosen on them"
    ),
    Definition("image_auroc_largest", "AUROC by largest", "AUROC of images by the largest probability of a pixel"),
    Definition("image_ap_largest", "AP by largest", "AP of images by the largest probability of a pixel"),
    Definition(
        "image_f1_largest",
        "best F1 by largest",
        "best F1 of images by the largest probability of a pixel, its limit chosen on them",
    ),
    Definition("image_f1", "F1", "F1 of images, anomalous with one pixel at {}"),
)
COUNTS = (
    Definition("scored_images", "scored images", "test images with a defective pixel", "count"),
    Definition("defective_images", "defective images", "defective test images", "count"),
    Definition("normal_images", "normal images", "normal test images", "count"),
    Definition("regions", "regions", "connected defect regions in the test images", "count"),
)
DEFINITIONS = (*PIXEL_METRICS, *THRESHOLD_METRICS, *IMAGE_METRICS, *COUNTS)


def measure(
    images: pd.DataFrame, predictions: Predictions | None, threshold: float, some: np.ndarray | None = None
) -> dict[str, float | None]:
    """Compute every metric of one run over some of its test images.

    Parameters
    ----------
    images : pd.DataFrame
        Rows with ``score.IMAGE_COLUMNS``.
    predictions : Predictions or None
        None for a run stored before format 3.
    threshold : float
        That ``images`` were counted at.
    some : np.ndarray, bool, shape (images,), optional
        Which images count; all by default. Thresholds "on the training images" never depend on it.

    Returns
    -------
    dict
        A value per name of ``DEFINITIONS``; None where it is undefined: without images of a kind, or because a run
        stored before format 3 lacks what it takes.
    """
    return measure_groups(images, predictions, threshold, {"": some})[""]


def measure_groups(
    images: pd.DataFrame, predictions: Predictions | None, threshold: float, some: Mapping[K, np.ndarray | None]
) -> dict[K, dict[str, float | None]]:
    """Compute every metric of one run over several groups of its test images; parameters as of ``measure``."""
    normal: np.ndarray = images["label"].to_numpy() == GOOD
    marked: np.ndarray = scored(images).to_numpy()
    counts, area = images[["tp", "fp", "fn"]].to_numpy(), images["predicted_area"].to_numpy()
    # Probabilities near 1 round to it, logits do not.
    largest = images["max_probability"].to_numpy() if predictions is None else predictions.max_logit
    edge = None if predictions is None else best_edge(predictions.training, threshold)

    def of_group(rows: np.ndarray) -> dict[str, float | None]:
        values: dict[str, float | None] = dict.fromkeys(definition.name for definition in DEFINITIONS)
        values |= _at_threshold(counts[rows].T, marked[rows], normal[rows])
        values |= _of_images(area[rows], largest[rows], ~normal[rows])
        values |= {
            "scored_images": float(np.count_nonzero(marked[rows])),
            "defective_images": float(np.count_nonzero(~normal[rows])),
            "normal_images": float(np.count_nonzero(normal[rows])),
        }
        if predictions is None:
            return values
        # Of a defective image whose mask resizing has emptied, nobody knows which pixels are normal.
        known = predictions.test.select(np.asarray(rows & (normal | marked)))
        values |= _of_pixels(known)
        values["regions"] = float(len(known.regions or ()))
        if edge is not None:
            values["training_threshold"] = float(to_probability(known.edges[edge]))
            values["training_iou"] = _mean_iou(known, edge + 1)
        boundary = predictions.boundary[rows][marked[rows]]
        if len(boundary):
            values["boundary_iou"] = float(iou(*boundary.T).mean())
        return values

    everything = np.ones(len(images), dtype=bool)
    return {name: of_group(everything if rows is None else rows) for name, rows in some.items()}


def groups(images: pd.DataFrame, by: By) -> dict[str, np.ndarray]:
    """Return, by the name of each defect type or size, which images count: its defective ones and all normal ones.

    Parameters
    ----------
    images : pd.DataFrame
        Rows with ``score.IMAGE_COLUMNS``.
    by : {"defect", "size"}
        Sizes are those of ``SIZES``, of all defects of an image together; an image without a mask pixel has none.

    Examples
    --------
    >>> images = pd.DataFrame({"label": ["good", "cut", "hole"]})
    >>> {name: rows.tolist() for name, rows in groups(images, "defect").items()}
    {'cut': [True, True, False], 'hole': [True, False, True]}
    """
    labels = images["label"].to_numpy()
    if by == "defect":
        return {str(name): (labels == name) | (labels == GOOD) for name in dict.fromkeys(labels) if name != GOOD}
    share = (images["tp"] + images["fn"]) / images[["tp", "fp", "fn", "tn"]].sum(axis=1)
    size = np.searchsorted(SIZE_LIMITS, share.to_numpy())
    return {name: (labels == GOOD) | (scored(images).to_numpy() & (size == index)) for index, name in enumerate(SIZES)}


def best_threshold(histograms: Histograms, usual: float) -> float:
    """Return the threshold with the best mean IOU, Eq. (8), over annotated training images.

    Parameters
    ----------
    histograms : Histograms
        Of the training images; those without a defective pixel have no IOU and are left out.
    usual : float
        Of equally good thresholds, the one nearest to this is returned; ``usual`` itself if no image is left.

    Returns
    -------
    float
        In (0, 1): the probability of one of the edges of the histograms, or ``usual``.

    Examples
    --------
    >>> from benchmark.histograms import histograms
    >>> logits, truth = np.array([[-1.5, -1.0, -1.0]]), np.array([[False, True, True]])
    >>> round(best_threshold(histograms([logits], [truth]), usual=0.5), 4)
    0.2689
    """
    edge = best_edge(histograms, usual)
    return usual if edge is None else float(to_probability(histograms.edges[edge]))


def best_edge(histograms: Histograms, usual: float) -> int | None:
    """Return the position of ``best_threshold`` among the edges of the histograms; None if no image is left."""
    marked = histograms.marked
    if not marked.any():
        return None
    thresholds = to_probability(histograms.edges)
    rounded = thresholds.astype(np.float32)
    # All edges up to the next bin with a pixel predict the same, and most bins are empty.
    used = np.flatnonzero((histograms.normal[marked] + histograms.defective[marked]).any(axis=0))
    fp, tp = (_at_or_above(counts[marked].take(used, axis=1)) for counts in (histograms.normal, histograms.defective))
    means = iou(tp, fp, histograms.defective[marked].sum(axis=1, keepdims=True) - tp).mean(axis=0)
    values = means[np.searchsorted(used, np.arange(1, len(thresholds) + 1))]
    values[(rounded <= 0) | (rounded >= 1)] = -1  # probabilities, which are float32, cannot tell these apart
    best = np.flatnonzero(values == values.max())
    return int(best[np.argmin(np.abs(thresholds[best] - usual))])


def _at_or_above(counts: np.ndarray) -> np.ndarray:
    """Return the sums from each column on, and of none, int64, shape (rows, columns + 1)."""
    sums: np.ndarray = np.cumsum(np.pad(counts, ((0, 0), (0, 1)))[:, ::-1], axis=1)[:, ::-1]
    return sums


@dataclass(frozen=True)
class Ranked:
    """How well a score separates two kinds of things, from how many of each have each score.

    Attributes
    ----------
    auroc : float
        Of two things of different kinds the one with the higher score is positive; ties count half.
    ap : float
        Sum over scores, from the highest, of the precision times what is added to the recall.
    f1 : float
        The best over all scores.
    best : int
        Position of the lowest score that counts as positive then; of several, the highest.

    Examples
    --------
    >>> ranked = rank(np.array([2, 1, 0]), np.array([0, 1, 3]))
    >>> round(ranked.auroc, 4), round(ranked.ap, 4), round(ranked.f1, 4), ranked.best
    (0.9583, 0.95, 0.8889, 1)
    """

    auroc: float
    ap: float
    f1: float
    best: int


def rank(negative: np.ndarray, positive: np.ndarray) -> Ranked:
    """Compute ``Ranked``.

    Parameters
    ----------
    negative, positive : np.ndarray, int, shape (scores,)
        Numbers of things, by increasing score; at least one of each kind.
    """
    fp, tp = (np.cumsum(counts[::-1])[::-1] for counts in (negative, positive))  # at or above each score
    below = fp[0] - fp  # negative things with a lower score
    predicted = np.maximum(fp + tp, 1)
    f1 = 2 * tp / (fp + tp + tp[0])
    best = int(len(f1) - 1 - np.argmax(f1[::-1]))
    return Ranked(
        auroc=float((positive * (below + negative / 2)).sum() / fp[0] / tp[0]),
        ap=float((positive * tp / predicted).sum() / tp[0]),
        f1=float(f1[best]),
        best=best,
    )


def aupro(fpr: np.ndarray, found: np.ndarray, limit: float) -> float:
    """Return the area under the mean share of a region that is found, up to a false positive rate, over the limit.

    Parameters
    ----------
    fpr, found : np.ndarray, float64, shape (points,)
        In [0, 1], both increasing from 0 to 1; the curve is linear in between.
    limit : float
        In (0, 1].

    Examples
    --------
    >>> aupro(np.array([0.0, 0.25, 1.0]), np.array([0.0, 1.0, 1.0]), 0.5)
    0.75
    """
    inside = int(np.searchsorted(fpr, limit, side="right"))
    x, y = fpr[:inside], found[:inside]
    if inside < len(fpr):
        between = (limit - fpr[inside - 1]) / (fpr[inside] - fpr[inside - 1])
        x = np.append(x, limit)
        y = np.append(y, found[inside - 1] + between * (found[inside] - found[inside - 1]))
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum()) / limit


def _of_pixels(histograms: Histograms) -> dict[str, float | None]:
    """Return ``PIXEL_METRICS``; none without pixels of both kinds."""
    normal, defective = (counts.sum(axis=0) for counts in (histograms.normal, histograms.defective))
    if not normal.any() or not defective.any():
        return {}
    ranked = rank(normal, defective)
    values: dict[str, float | None] = {
        "pixel_auroc": ranked.auroc,
        "pixel_ap": ranked.ap,
        "best_f1": ranked.f1,
        "best_f1_iou": _mean_iou(histograms, ranked.best),
        "best_f1_threshold": float(to_probability(histograms.edges[ranked.best - 1])) if ranked.best else 0.0,
    }
    found = histograms.found()
    if found is not None:
        fpr = np.concatenate([[0.0], np.cumsum(normal[::-1]) / normal.sum()])
        pro = np.concatenate([[0.0], found[::-1], [1.0]])
        values |= {f"aupro_{limit:g}": aupro(fpr, pro, limit) for limit in AUPRO_LIMITS}
    return values


def _mean_iou(histograms: Histograms, lowest: int) -> float | None:
    """Return the mean IOU over images with a defective pixel if all bins from one on are predicted defective."""
    marked = histograms.marked
    if not marked.any():
        return None
    fp, tp = (counts[:, lowest:].sum(axis=1)[marked] for counts in (histograms.normal, histograms.defective))
    return float(iou(tp, fp, histograms.defective[marked].sum(axis=1) - tp).mean())


def _at_threshold(counts: np.ndarray, marked: np.ndarray, normal: np.ndarray) -> dict[str, float | None]:
    """Return the metrics that TP, FP and FN of images, int (3, images), give."""
    if not marked.any():
        return {}
    rows, known = counts[:, marked], counts[:, marked | normal].sum(axis=1)
    return {
        "iou": float(iou(*rows).mean()),
        "dc": float(dice(*rows).mean()),
        "pooled_iou": iou(*known),
        "pooled_dc": dice(*known),
        "pooled_defective_iou": iou(*rows.sum(axis=1)),
        "pooled_defective_dc": dice(*rows.sum(axis=1)),
    }


def _of_images(area: np.ndarray, largest: np.ndarray, defective: np.ndarray) -> dict[str, float | None]:
    """Return ``IMAGE_METRICS`` from two scores of images; none unless there are both normal and defective images."""
    if defective.all() or not defective.any():
        return {}
    anomalous = area >= 1
    values: dict[str, float | None] = {"image_f1": dice(*_confusion(anomalous, defective))}
    for name, score in (("area", area), ("largest", largest)):
        scores, place = np.unique(score, return_inverse=True)
        ranked = rank(*(np.bincount(place[kind], minlength=len(scores)) for kind in (~defective, defective)))
        values |= {f"image_auroc_{name}": ranked.auroc, f"image_ap_{name}": ranked.ap, f"image_f1_{name}": ranked.f1}
    return values


def _confusion(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """Return TP, FP and FN."""
    tp = int(np.count_nonzero(predicted & truth))
    return tp, int(np.count_nonzero(predicted)) - tp, int(np.count_nonzero(truth)) - tp

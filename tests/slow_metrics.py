"""Pixel metrics from whole maps, stated as plainly as possible: every value that occurs is a threshold."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, roc_auc_score

EIGHT = np.ones((3, 3))


def regions(truth: np.ndarray) -> list[np.ndarray]:
    """The masks of all connected regions of several images, each of the shape of all of them."""
    found = []
    for row, mask in enumerate(truth):
        labels, count = label(mask, EIGHT)
        for number in range(1, count + 1):
            region = np.zeros_like(truth)
            region[row] = labels == number
            found.append(region)
    return found


def plain_aupro(scores: np.ndarray, truth: np.ndarray, limit: float) -> float:
    """AUPRO by one pass over all pixels per threshold; scores and masks of shape (N, H, W)."""
    parts = regions(truth)
    fpr, pro = [0.0], [0.0]
    for threshold in sorted(set(scores.ravel().tolist()), reverse=True):
        predicted = scores >= threshold
        fpr.append((predicted & ~truth).sum() / (~truth).sum())
        pro.append(sum(predicted[part].mean() for part in parts) / len(parts))
    area = 0.0
    for x0, x1, y0, y1 in zip(fpr, fpr[1:], pro, pro[1:], strict=False):
        if x0 >= limit:
            break
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


def ranked_aupro(scores: np.ndarray, truth: np.ndarray, limit: float) -> float:
    """The same by sorting, for maps of real size."""
    order = np.argsort(-scores, axis=None, kind="stable")
    last = np.append(np.diff(scores.ravel()[order]) != 0, True)  # of pixels with equal scores
    share = np.zeros(truth.shape)
    count = 0
    for row, mask in enumerate(truth):
        labels, found = label(mask, EIGHT)
        area = np.bincount(labels.ravel())
        share[row] = np.where(mask, 1 / area[labels], 0)
        count += found
    fpr = np.append(0, np.cumsum(~truth.ravel()[order])[last] / (~truth).sum())
    pro = np.append(0, np.cumsum(share.ravel()[order])[last] / count)
    x = np.append(fpr[fpr < limit], limit)
    rising = np.append(np.diff(fpr) > 0, True)
    y = np.append(pro[fpr < limit], np.interp(limit, fpr[rising], pro[rising]))
    return float(np.trapezoid(y, x) / limit)


def exact(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Pixel metrics of maps (N, H, W), by name of ``benchmark.results.metrics``."""
    flat, marked = scores.ravel(), truth.ravel()
    order = np.argsort(-flat, kind="stable")
    last = np.append(np.diff(flat[order]) != 0, True)
    tp, predicted = np.cumsum(marked[order])[last], np.flatnonzero(last) + 1
    f1 = 2 * tp / (predicted + marked.sum())
    best = scores >= flat[order][last][np.argmax(f1)]
    inside = [(p & t).sum() / (p | t).sum() for p, t in zip(best, truth, strict=True) if t.any()]
    return {
        "pixel_auroc": roc_auc_score(marked, flat),
        "pixel_ap": average_precision_score(marked, flat),
        "aupro_0.3": ranked_aupro(scores, truth, 0.3),
        "aupro_0.05": ranked_aupro(scores, truth, 0.05),
        "best_f1": f1.max(),
        "best_f1_iou": float(np.mean(inside)),
    }

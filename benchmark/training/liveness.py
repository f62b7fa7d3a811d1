"""Whether a trained network uses F, its deepest features, the only ones that NBR and lambda act on (Section III)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from benchmark.data.image_cache import CategoryArrays
from benchmark.results.records import Liveness
from benchmark.score import count_image, iou
from benchmark.training.predict import BATCH_SIZE, Predictor


def measure_liveness(predictor: Predictor, arrays: CategoryArrays, indices: Sequence[int]) -> Liveness | None:
    """Return how much predictions change when F no longer depends on the image.

    Each batch of images is decoded twice: from its features, and with F replaced by its mean over the batch. If the
    logits do not change, F is dead, and a loss on F cannot affect the predictions.

    Parameters
    ----------
    indices : sequence of int
        Positions of images in the manifest; those without a marked pixel are excluded.

    Returns
    -------
    Liveness or None
        Mean absolute change of the logits, over pixels, and of the IOU, over images; None for fewer than two images,
        whose mean is F itself.
    """
    marked = [index for index in indices if arrays.masks[index].any()]
    if len(marked) < 2:
        return None
    logits: list[float] = []
    changes: list[float] = []
    for batch in np.array_split(marked, -(-len(marked) // BATCH_SIZE)):
        whole, ablated = predictor.logits_without_deepest(arrays.images[batch])
        logits.append(float((whole - ablated).abs().mean()) * len(batch))
        for index, *pair in zip(batch, whole, ablated, strict=True):
            changes.append(
                abs(float(np.diff([_iou(one, arrays.masks[index], predictor.protocol.threshold) for one in pair])[0]))
            )
    return Liveness(sum(logits) / len(marked), float(np.mean(changes)))


def _iou(logits: torch.Tensor, truth: np.ndarray, threshold: float) -> float:
    counts = count_image(logits.sigmoid().numpy(), truth, threshold)
    return float(iou(counts["tp"], counts["fp"], counts["fn"]))

"""Measurements during training: loss terms, test IOU and gradient norms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import TermMeans
from benchmark.results.run_result import CURVE_COLUMNS, GRADIENT_COLUMNS
from benchmark.score import iou
from benchmark.training.gradients import encoder_stages, gradient_norms
from benchmark.training.predict import Predictor
from benchmark.training.step import StepLosses


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class TrainingLog:
    """The measurements of one training.

    Attributes
    ----------
    curve : pd.DataFrame
        ``CURVE_COLUMNS``, one row per iteration; ``test_iou`` every ``curve_every`` iterations. If the last iteration
        is one of them, its value is NaN until ``with_final_iou``, since scoring predicts all test images anyway.
    gradients : pd.DataFrame
        ``GRADIENT_COLUMNS``: L2 norms of the gradients of both loss terms in the encoder (stage 0) and in each of its
        stages, at the first iteration and every ``curve_every`` iterations.
    terms : TermMeans
    """

    curve: pd.DataFrame
    gradients: pd.DataFrame
    terms: TermMeans

    def with_final_iou(self, iou: float | None, curve_every: int) -> TrainingLog:
        """Return the log with the test IOU of the trained network, if its last iteration is one of those read."""
        curve = self.curve.copy()
        if curve_every and len(curve) % curve_every == 0:
            curve.loc[curve.index[-1], "test_iou"] = np.nan if iou is None else iou
        return replace(self, curve=curve)


class Recorder:
    """Collects the measurements of one training; measuring does not change it.

    Parameters
    ----------
    predictor : Predictor
        Of the network that is trained.
    spec : RunSpec
    arrays : CategoryArrays
        The images of the spec's category.
    """

    def __init__(self, predictor: Predictor, spec: RunSpec, arrays: CategoryArrays) -> None:
        self._predictor, self._arrays, self._spec = predictor, arrays, spec
        self._every = spec.protocol.curve_every
        self._marked = [index for index in spec.draw.test if arrays.masks[index].any()]
        self._stages = encoder_stages(predictor.network, predictor.device) if self._every else []
        self._terms: list[Tensor] = []
        self._pasted: list[bool] = []
        self._test_iou: list[float] = []
        self._gradients: list[tuple[float, ...]] = []

    def before_update(self, iteration: int, losses: StepLosses, pasted: bool) -> None:
        """Record the loss terms of an iteration (from 1 on) and, at intervals, their gradients, with the graph kept."""
        terms = (losses.total, losses.segmentation, losses.nbr, losses.realism, losses.weighting)
        self._terms.append(torch.stack(terms).detach())
        self._pasted.append(pasted)
        if self._is_due(iteration) or (self._every and iteration == 1):
            norms = (gradient_norms(term, self._stages) for term in (losses.segmentation, losses.weighted_nbr))
            self._gradients += [(iteration, stage, *pair) for stage, pair in enumerate(zip(*norms, strict=True))]

    def after_update(self, iteration: int) -> None:
        """Record, at intervals, the test IOU of the updated network; not after the last iteration."""
        value = float("nan")
        if self._is_due(iteration) and iteration < self._spec.protocol.iterations:
            value = mean_iou(self._predictor.count(self._arrays, self._marked))
        self._test_iou.append(value)

    def _is_due(self, iteration: int) -> bool:
        return self._every > 0 and iteration % self._every == 0

    def log(self) -> TrainingLog:
        """Return what was recorded.

        Raises
        ------
        TrainingDivergedError
            If the loss was not finite.
        """
        names = ["loss", "segmentation", "nbr", "realism", "weighting"]
        curve = pd.DataFrame(torch.stack(self._terms).cpu().numpy(), columns=names)
        finite = np.isfinite(curve["loss"])
        if not finite.all():
            raise TrainingDivergedError(
                f"the loss is not finite from iteration {int(np.argmin(finite)) + 1} on; try a lower learning_rate"
            )
        curve["iteration"] = np.arange(1, len(curve) + 1)
        curve["pasted"] = np.array(self._pasted, dtype=int)
        curve["test_iou"] = self._test_iou
        gradients = pd.DataFrame(self._gradients, columns=list(GRADIENT_COLUMNS))
        return TrainingLog(curve[list(CURVE_COLUMNS)], gradients, term_means(curve, self._spec))


def term_means(curve: pd.DataFrame, spec: RunSpec) -> TermMeans:
    """Return the means of NBR's loss per image, of lambda and of its effect over the second half of training.

    Parameters
    ----------
    curve : pd.DataFrame
        At least ``nbr, realism, weighting``, one row per iteration.
    """
    late = curve.iloc[len(curve) // 2 :]

    def mean(name: str) -> float | None:
        values = late[name].dropna()
        return float(values.mean()) if len(values) else None

    nbr = float(late["nbr"].mean()) / spec.protocol.batch_size if spec.method.recipe.nbr else None
    return TermMeans(nbr, mean("realism"), mean("weighting"))


def mean_iou(counts: Iterable[Mapping[str, int | float]]) -> float:
    """Return the mean IOU over images with a marked pixel, from their ``count_image``; NaN if there are none.

    Examples
    --------
    >>> mean_iou([{"tp": 1, "fp": 1, "fn": 0}, {"tp": 0, "fp": 9, "fn": 0}])
    0.5
    """
    values = [iou(count["tp"], count["fp"], count["fn"]) for count in counts if count["tp"] + count["fn"]]
    return float(np.mean(values)) if values else float("nan")

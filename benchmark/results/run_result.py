"""The result of training and scoring one run, before it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd
from PIL import Image

from benchmark.results.model_file import KeptModel
from benchmark.results.predictions import Predictions
from benchmark.results.records import Convergence, Environment, Liveness, Status, TermMeans, Timings
from benchmark.score import Metrics

# Stage 0 stands for the whole encoder.
GRADIENT_COLUMNS = ("iteration", "stage", "segmentation", "nbr")
CURVE_COLUMNS = ("iteration", "loss", "segmentation", "nbr", "realism", "pasted", "test_iou")


@dataclass(frozen=True)
class Sample:
    """One image to keep as pictures.

    Attributes
    ----------
    role : {"train", "test", "pasted"}
        ``pasted``: the first training image's defect, pasted onto a normal image.
    reasons : tuple of str
        Why it was chosen: ``first`` of its label, ``best`` or ``worst`` IOU of the run; empty for pasted ones.
    name, label : str
        As in the manifest; of a pasted image, the normal one's name and the defect's label.
    iou : float or None
        Of this image; None if it has none.
    pictures : dict
        ``image`` RGB, ``truth`` 0/255, for test images ``prediction``, probability times 255, for pasted ones
        ``normal``, RGB; uint8.
    realism : float or None
        Lambda of Eq. (6), in [0, 1], under the trained network in evaluation mode; pasted ones only.
    """

    role: Literal["train", "test", "pasted"]
    reasons: tuple[str, ...]
    name: str
    label: str
    iou: float | None
    pictures: dict[str, Image.Image]
    realism: float | None = None


@dataclass(frozen=True)
class RunResult:
    """The result of a finished run.

    Attributes
    ----------
    status : Status
        ``DONE`` or ``NOT_CONVERGED``.
    metrics : Metrics
    images : pd.DataFrame
        ``score.IMAGE_COLUMNS``, one row per test image.
    curve : pd.DataFrame
        ``CURVE_COLUMNS``, one row per training iteration.
    roc : pd.DataFrame
        As ``score.roc_points`` returns it.
    predictions : Predictions
    samples : tuple of Sample
    gradients : pd.DataFrame
        ``GRADIENT_COLUMNS``, a row per reading and encoder stage.
    convergence : Convergence
    liveness : Liveness or None
    terms : TermMeans
    timings : Timings
    environment : dict
        As ``environment.describe_environment`` returns it.
    notes : tuple of str
        Notes on the images, for readers of the report.
    parameters : int
        Number of trainable parameters.
    pretrained : dict or None
        The weights file the encoder was initialised from.
    model : KeptModel or None
        The trained network, if it is to be kept.
    """

    status: Status
    metrics: Metrics
    images: pd.DataFrame
    curve: pd.DataFrame
    roc: pd.DataFrame
    predictions: Predictions
    samples: tuple[Sample, ...]
    gradients: pd.DataFrame
    convergence: Convergence
    liveness: Liveness | None
    terms: TermMeans
    timings: Timings
    environment: Environment
    notes: tuple[str, ...] = ()
    parameters: int = 0
    pretrained: dict[str, str] | None = None
    model: KeptModel | None = None

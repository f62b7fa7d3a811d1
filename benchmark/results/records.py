"""The records of a results folder: the types of ``runs/ID/run.json`` and ``failures/ID.json``.

Both are written and read through these types alone, so a truncated or edited file is refused with the name of the field
that is wrong.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from benchmark.protocol.draws import draw_in_words
from benchmark.protocol.identity import Identity
from benchmark.protocol.profile import Protocol
from benchmark.score import Count, Metrics, Share

FORMAT = 3

Seconds = Annotated[float, Meta(ge=0, le=1e12)]
# As ``environment.describe_environment`` returns it: versions, code, machine and device.
Environment = dict[str, str | int | float | bool | None]


class Status(StrEnum):
    """How a recorded run ended.

    Examples
    --------
    >>> Status.DONE.finished, Status.FAILED.finished
    (True, False)
    """

    DONE = "done"
    NOT_CONVERGED = "not_converged"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether there are metrics."""
        return self is not Status.FAILED


class Timings(Struct, frozen=True):
    """Wall time of training and of scoring, in seconds."""

    train_seconds: Seconds
    score_seconds: Seconds


class Convergence(Struct, frozen=True):
    """How well a network marks its own training defects.

    Attributes
    ----------
    share : float
        Correctly predicted defect pixels over annotated ones, over the K training images, in [0, 1]. Records of
        training version 2 and before count every predicted pixel, and can exceed 1.
    train_iou : float
        Mean IOU over the K training images.
    """

    share: float = 0.0
    train_iou: float = 0.0


# The least mean change of the IOU for which F counts as used. Chosen on `synthetic-validation`: networks whose stage 5
# could be set to zero without a change of the IOU to three digits had at most 0.0001, those where it mattered at
# least 0.0015 (docs/protocol.md).
ALIVE_IOU = 0.001


class Liveness(Struct, frozen=True):
    """How much a network's predictions change when F, its deepest features, is replaced by its mean over a batch.

    Attributes
    ----------
    logits : float
        Mean absolute change of the logits over the pixels of the scored test images.
    iou : float
        Mean absolute change of the IOU over these images, in [0, 1].

    Examples
    --------
    >>> Liveness(logits=0.3, iou=0.02).alive
    True
    """

    logits: Annotated[float, Meta(ge=0)]
    iou: Share

    @property
    def alive(self) -> bool:
        """Whether what NBR and lambda do to F can reach the predictions."""
        return self.iou >= ALIVE_IOU


class TermMeans(Struct, frozen=True):
    """Means over the second half of training; None where the recipe has no such term.

    Attributes
    ----------
    nbr : float or None
        NBR loss per image, Eq. (3): in [-1, 1] for the cosine.
    realism : float or None
        Lambda of pasted images, Eq. (6), in [0, 1].
    weighting : float or None
        Segmentation loss of pasted minibatches with lambda, Eq. (5), over the same without it, Eq. (7).
    """

    nbr: float | None = None
    realism: float | None = None
    weighting: float | None = None

    @property
    def applied(self) -> float | None:
        """How much of what lambda takes off reached the loss: about 1 if it did, 0 if the loss ignored lambda.

        The ratio of 1 - ``weighting`` to 1 - ``realism``; None where lambda was not used or never below 1.

        Examples
        --------
        >>> round(TermMeans(nbr=-0.9, realism=0.98, weighting=0.98).applied, 6)
        1.0
        """
        if self.realism is None or self.weighting is None or self.realism >= 1:
            return None
        return (1 - self.weighting) / (1 - self.realism)


class SampleFiles(Struct, frozen=True, omit_defaults=True):
    """Names of a sample's pictures below ``samples/``; test images alone have a prediction, pasted ones a normal."""

    image: str
    truth: str
    prediction: str | None = None
    normal: str | None = None


class SampleRecord(Struct, frozen=True, kw_only=True):
    """One image kept as pictures; attributes as of ``run_result.Sample``, but for ``files``.

    Attributes
    ----------
    files : SampleFiles
    """

    role: Literal["train", "test", "pasted"]
    reasons: tuple[str, ...]
    name: str
    label: str
    iou: Share | None
    realism: Share | None = None
    files: SampleFiles

    def __post_init__(self) -> None:
        """Refuse a sample without what its role needs."""
        if self.role == "test" and self.files.prediction is None:
            raise ValueError("files.prediction of a test sample is missing")
        if self.role == "pasted" and (self.files.normal is None or self.realism is None):
            raise ValueError("files.normal or realism of a pasted sample is missing")


class DrawRecord(Struct, frozen=True):
    """The images a run trained on, and how many there were of each kind.

    Attributes
    ----------
    shots : tuple of str
        Names of the K-shot training images.
    normals, test : int
        Numbers of normal training images and of test images.
    unannotated : int
        Number of defective images left out because their mask is empty.
    """

    shots: tuple[str, ...]
    normals: Count
    test: Count = 0
    unannotated: Count = 0


class RunHeader(Struct, frozen=True, kw_only=True):
    """The fields common to the records of finished runs and of failures.

    Attributes
    ----------
    format : int
        ``FORMAT``.
    id, dataset, profile, category, method, label : str
    shots, seed : int
    identity : Identity
    protocol : Protocol
        What was asked for; ``identity.settings`` has the fields that the run read.
    draw : DrawRecord
    status : Status
    method_file : str or None
        Name of the file that registered the method (``identity.file_digest``); None for methods of packages.
    """

    format: Literal[3] = 3
    id: str
    dataset: str
    profile: str
    category: str
    method: str
    label: str
    shots: Count
    seed: Count
    identity: Identity
    protocol: Protocol
    draw: DrawRecord
    status: Status
    method_file: str | None = None

    @property
    def title(self) -> str:
        """The run in words."""
        title = f"{self.category} {self.method} {self.shots}-shot seed {self.seed}"
        return title + draw_in_words(self.protocol.draws)


class RunRecord(RunHeader, frozen=True, kw_only=True):
    """A finished run: ``runs/ID/run.json``.

    Attributes
    ----------
    metrics : Metrics
    convergence : Convergence
    liveness : Liveness or None
        None for fewer than two scored test images, and in older records.
    terms : TermMeans
    notes : tuple of str
        Notes on the images, for readers of the report.
    parameters : int
        Number of trainable parameters.
    pretrained : dict or None
        The weights file the encoder was initialised from.
    timings : Timings
    environment : dict
    created : str
        UTC, ISO 8601.
    samples : tuple of SampleRecord
    """

    metrics: Metrics
    convergence: Convergence = Convergence()
    liveness: Liveness | None = None
    terms: TermMeans = TermMeans()
    notes: tuple[str, ...]
    parameters: Count = 0
    pretrained: dict[str, str] | None = None
    timings: Timings
    environment: Environment
    created: str
    samples: tuple[SampleRecord, ...]

    def __post_init__(self) -> None:
        """Refuse the status of a failure."""
        if not self.status.finished:
            raise ValueError(f"status is {self.status.value!r}")


class FailureRecord(RunHeader, frozen=True, kw_only=True):
    """A failed run: ``failures/ID.json``.

    Attributes
    ----------
    error : str
        Message.
    traceback : str
        Empty if the process was killed.
    environment : dict
    created : str
        UTC, ISO 8601.
    """

    error: str
    traceback: str = ""
    environment: Environment = {}
    created: str = ""

    def __post_init__(self) -> None:
        """Refuse the status of a finished run."""
        if self.status.finished:
            raise ValueError(f"status is {self.status.value!r}")

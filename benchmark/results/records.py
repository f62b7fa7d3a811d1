"""The records of a results folder as types: what ``run.json`` and the record of a failure hold.

They are written and read through these types alone, so one that was cut off or edited is refused by the name of the
field that is wrong.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from benchmark.protocol.runs import Identity
from benchmark.score import Count, Metrics, Share

Seconds = Annotated[float, Meta(ge=0, le=1e12)]


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
        Predicted area over annotated area of the K training images.
    train_iou : float
        Mean IOU over the K training images.
    """

    share: float = 0.0
    train_iou: float = 0.0


class SampleFiles(Struct, frozen=True, omit_defaults=True):
    """Names of a sample's pictures below ``samples/``; a test image has a prediction, a pasted one its normal image."""

    image: str
    truth: str
    prediction: str | None = None
    normal: str | None = None


class SampleRecord(Struct, frozen=True):
    """One image that was kept as pictures.

    Attributes
    ----------
    role : {"train", "test", "pasted"}
    reasons : tuple of str
        Why it was chosen: ``first`` of its label, ``best`` or ``worst`` IOU of the run.
    name, label : str
        As in the manifest.
    iou : float or None
        Of this image.
    files : SampleFiles
    realism : float or None
        Lambda of a pasted image, in [0, 1].
    """

    role: Literal["train", "test", "pasted"]
    reasons: tuple[str, ...]
    name: str
    label: str
    iou: Share | None
    files: SampleFiles
    realism: Share | None = None

    def __post_init__(self) -> None:
        """Refuse a sample without what its role needs."""
        if self.role == "test" and self.files.prediction is None:
            raise ValueError("files.prediction of a test sample is missing")
        if self.role == "pasted" and (self.files.normal is None or self.realism is None):
            raise ValueError("files.normal or realism of a pasted sample is missing")


class DrawRecord(Struct, frozen=True):
    """Which images a run trained from, and how many it had.

    Attributes
    ----------
    shots : tuple of str
        Names of the K-shot training images.
    normals : int
        Normal training images.
    test : int
        Test images.
    unannotated : int
        Defective images with an empty mask, which were left out.
    """

    shots: tuple[str, ...]
    normals: Count
    test: Count = 0
    unannotated: Count = 0


class RunHeader(Struct, frozen=True, kw_only=True):
    """What the records of finished runs and of failures have in common.

    Attributes
    ----------
    format : int
        Of the file.
    id, dataset, profile, category, method, label : str
    shots, seed : int
    identity : Identity
    draw : DrawRecord
    status : Status
    """

    format: Literal[1] = 1
    id: str
    dataset: str
    profile: str
    category: str
    method: str
    label: str
    shots: Count
    seed: Count
    identity: Identity
    draw: DrawRecord
    status: Status

    @property
    def title(self) -> str:
        return f"{self.category} {self.method} {self.shots}-shot seed {self.seed}"


class RunRecord(RunHeader, frozen=True, kw_only=True):
    """``run.json`` of a finished run.

    Attributes
    ----------
    metrics : Metrics
    convergence : Convergence
    notes : tuple of str
        What a reader should know about the images.
    parameters : int
        Trainable parameters of the network.
    pretrained : dict or None
        The weights file the encoder started from.
    timings : Timings
    environment : dict
        Versions, code, machine and device.
    created : str
        Time of day, ISO 8601.
    samples : tuple of SampleRecord
    """

    metrics: Metrics
    convergence: Convergence = Convergence()
    notes: tuple[str, ...]
    parameters: Count = 0
    pretrained: dict[str, str] | None = None
    timings: Timings
    environment: dict[str, str | int | float | bool | None]
    created: str
    samples: tuple[SampleRecord, ...]

    def __post_init__(self) -> None:
        """Refuse the status of a failure."""
        if not self.status.finished:
            raise ValueError(f"status is {self.status.value!r}")


class FailureRecord(RunHeader, frozen=True, kw_only=True):
    """``failures/ID.json``: what was tried, and the error.

    Attributes
    ----------
    error : str
        One line for people.
    traceback : str
        Empty where the process was killed.
    environment : dict
        Likewise.
    created : str
        Time of day, ISO 8601.
    """

    error: str
    traceback: str = ""
    environment: dict[str, str | int | float | bool | None] = {}
    created: str = ""

    def __post_init__(self) -> None:
        """Refuse the status of a finished run."""
        if self.status.finished:
            raise ValueError(f"status is {self.status.value!r}")

"""Recorded runs as pages show them: the record and the curves beside it, read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from baselines.errors import InputError
from benchmark.protocol.profile import Protocol
from benchmark.results.records import FailureRecord, RunHeader, RunRecord, SampleRecord, Status
from benchmark.results.stored_run import StoredRun
from benchmark.score import Metric
from reports.figures import roc_on_grid


@dataclass(frozen=True)
class PageRun:
    """What finished and failed runs have in common.

    Attributes
    ----------
    record : RunHeader
    """

    record: RunHeader

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def category(self) -> str:
        return self.record.category

    @property
    def method(self) -> str:
        return self.record.method

    @property
    def label(self) -> str:
        return self.record.label

    @property
    def shots(self) -> int:
        return self.record.shots

    @property
    def seed(self) -> int:
        return self.record.seed

    @property
    def status(self) -> Status:
        return self.record.status

    @property
    def error(self) -> str | None:
        """Why the run failed; None for a finished one."""
        return self.record.error if isinstance(self.record, FailureRecord) else None

    @property
    def protocol(self) -> Protocol:
        return self.record.identity.protocol

    @property
    def roc(self) -> np.ndarray | None:
        """TPR on ``figures.GRID``; None where there is no AUC or no readable curve."""
        return None

    @property
    def learning(self) -> np.ndarray | None:
        """Iteration and mean test IOU, shape (points, 2); None where there is no readable curve."""
        return None

    @property
    def seconds(self) -> float | None:
        """Time of training and scoring; None for a failure."""
        return None

    def metric(self, name: Metric) -> float | None:
        """Return a metric in [0, 1], None where it is undefined."""
        return None


@dataclass(frozen=True)
class FailedRun(PageRun):
    """A run that ended with an error."""

    record: FailureRecord


@dataclass(frozen=True)
class FinishedRun(PageRun):
    """A run with predictions, converged or not.

    Attributes
    ----------
    record : RunRecord
    folder : Path
        ``RESULTS/runs/ID``.
    roc : np.ndarray or None
        TPR on ``figures.GRID``; None where there is no AUC or no readable curve.
    learning : np.ndarray or None, shape (points, 2)
        Iteration and mean test IOU; None where there is no readable curve.
    """

    record: RunRecord
    folder: Path
    roc: np.ndarray | None = None
    learning: np.ndarray | None = None

    @property
    def seconds(self) -> float:
        """Time of training and scoring."""
        return self.record.timings.train_seconds + self.record.timings.score_seconds

    def metric(self, name: Metric) -> float | None:
        """Return a metric in [0, 1], None where it is undefined."""
        return self.record.metrics.by_name()[name]

    def samples(self, role: Literal["train", "test", "pasted"]) -> list[SampleRecord]:
        """Return the stored samples of a role."""
        return [sample for sample in self.record.samples if sample.role == role]


def read_curves(records: Iterable[RunRecord | FailureRecord], root: Path, problems: list[str]) -> dict[str, PageRun]:
    """Return runs by id with their curves; curves that cannot be read are left out and listed in ``problems``."""
    runs: dict[str, PageRun] = {}
    for record in records:
        if isinstance(record, FailureRecord):
            runs[record.id] = FailedRun(record)
            continue
        stored = StoredRun(root / "runs" / record.id, record)
        roc, learning = None, None
        try:
            points = stored.roc
            roc = roc_on_grid(points["fpr"].to_numpy(), points["tpr"].to_numpy()) if len(points) else None
        except InputError as error:
            problems.append(str(error))
        try:
            learning = stored.curve[["iteration", "test_iou"]].dropna().to_numpy(float)
        except InputError as error:
            problems.append(str(error))
        runs[record.id] = FinishedRun(record, stored.folder, roc, learning)
    return runs

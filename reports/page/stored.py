"""Stored runs as pages show them: each record with its curves, read once."""

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
from reports.run_numbers import in_processes

# The false positive rates at which the curves of all runs are averaged.
GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class PageRun:
    """What finished and failed runs have in common.

    Attributes
    ----------
    record : RunHeader
    roc : np.ndarray or None, shape (101,)
        TPR on ``GRID``; None where there is no AUC or no readable curve.
    learning : np.ndarray or None, shape (points, 2)
        Iteration and mean test IOU; None where there is no readable curve.
    gradients : np.ndarray or None, shape (points, 2)
        Iteration and, in the whole encoder, the gradient norm of the NBR loss over that of the segmentation loss; None
        where nothing was recorded or can be read.
    """

    record: RunHeader
    roc: np.ndarray | None = None
    learning: np.ndarray | None = None
    gradients: np.ndarray | None = None

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
    def protocol(self) -> Protocol:
        return self.record.protocol

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


@dataclass(frozen=True, kw_only=True)
class FinishedRun(PageRun):
    """A run with predictions, converged or not; ``folder`` is ``RESULTS/runs/ID``."""

    record: RunRecord
    folder: Path

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


def roc_on_grid(fpr: np.ndarray, tpr: np.ndarray) -> np.ndarray:
    """Return the true positive rate at each false positive rate of ``GRID``.

    The curve is linear between points, as its AUC assumes; where it rises vertically the highest point counts.

    Parameters
    ----------
    fpr, tpr : np.ndarray, shape (points,)
        In [0, 1], both increasing, from (0, 0) to (1, 1).

    Examples
    --------
    >>> roc_on_grid(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 1.0]))[[0, 25, 50]].tolist()
    [0.0, 0.5, 1.0]
    """
    last = np.append(np.diff(fpr) > 0, True)
    return np.asarray(np.interp(GRID, fpr[last], tpr[last]))


def read_curves(records: Iterable[RunRecord | FailureRecord], root: Path, problems: list[str]) -> dict[str, PageRun]:
    """Return runs by id with their curves; what cannot be read of them is left out and listed in ``problems``."""
    records = list(records)
    finished = [StoredRun(root / "runs" / record.id, record) for record in records if isinstance(record, RunRecord)]
    read = iter(zip(finished, in_processes(_read_curves, finished), strict=True))
    runs: dict[str, PageRun] = {}
    for record in records:
        if isinstance(record, FailureRecord):
            runs[record.id] = FailedRun(record)
            continue
        stored, (curves, unreadable) = next(read)
        problems += unreadable
        runs[record.id] = FinishedRun(record=record, folder=stored.folder, **curves)
    return runs


def _read_curves(stored: StoredRun) -> tuple[dict[str, np.ndarray | None], list[str]]:
    """Return the curves of ``PageRun`` by name, and a line for each that cannot be read."""
    curves: dict[str, np.ndarray | None] = {}
    unreadable = []
    for name, read in (("roc", _roc), ("learning", _learning), ("gradients", _gradient_ratio)):
        try:
            curves[name] = read(stored)
        except InputError as error:
            curves[name] = None
            unreadable.append(str(error))
    return curves, unreadable


def _roc(stored: StoredRun) -> np.ndarray | None:
    points = stored.roc
    return roc_on_grid(points["fpr"].to_numpy(), points["tpr"].to_numpy()) if len(points) else None


def _learning(stored: StoredRun) -> np.ndarray:
    readings: np.ndarray = stored.curve[["iteration", "test_iou"]].dropna().to_numpy(float)
    return readings


def _gradient_ratio(stored: StoredRun) -> np.ndarray | None:
    gradients = stored.gradients
    encoder = gradients[(gradients["stage"] == 0) & (gradients["segmentation"] > 0) & gradients["nbr"].notna()]
    if encoder.empty:
        return None
    return np.column_stack([encoder["iteration"], encoder["nbr"] / encoder["segmentation"]])

"""A stored run as the page needs it: its ``run.json``, read once, and the curves beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baselines import InputError
from benchmark.run_files import read_curve, read_roc
from reports.figures import roc_on_grid

METRICS = ("iou", "dc", "auc", "acc")


@dataclass(frozen=True)
class StoredRun:
    """A finished or failed run.

    Attributes
    ----------
    folder : Path
        ``RESULTS/runs/ID``; not there for failed runs.
    content : mapping
        Its ``run.json``.
    roc : np.ndarray or None
        TPR on ``figures.GRID``; None where there is no AUC or no readable curve.
    learning : np.ndarray or None, shape (points, 2)
        Iteration and mean test IOU then; None where there is no readable curve.
    """

    folder: Path
    content: Mapping[str, Any]
    roc: np.ndarray | None = None
    learning: np.ndarray | None = None

    @property
    def id(self) -> str:
        return str(self.content["id"])

    @property
    def category(self) -> str:
        return str(self.content["category"])

    @property
    def method(self) -> str:
        return str(self.content["method"])

    @property
    def label(self) -> str:
        return str(self.content["label"])

    @property
    def shots(self) -> int:
        return int(self.content["shots"])

    @property
    def seed(self) -> int:
        return int(self.content["seed"])

    @property
    def status(self) -> str:
        return str(self.content["status"])

    @property
    def finished(self) -> bool:
        """Whether it has predictions, converged or not."""
        return self.status != "failed"

    @property
    def seconds(self) -> float | None:
        """Of training and scoring."""
        timings = self.content.get("timings", {})
        return float(timings["train_seconds"] + timings["score_seconds"]) if self.finished else None

    @property
    def threshold(self) -> float:
        return float(self.content["identity"]["protocol"]["threshold"])

    def metric(self, name: str) -> float | None:
        """Return one of ``METRICS`` in [0, 1], None where the run has none."""
        value = self.content.get("metrics", {}).get(name)
        return None if value is None else float(value)

    def samples(self, role: str) -> list[dict[str, Any]]:
        """Return what ``run.json`` says of the kept pictures of a role: train, test or pasted."""
        return [sample for sample in self.content.get("samples", ()) if sample["role"] == role]


def read_curves(contents: Iterable[Mapping[str, Any]], root: Path, problems: list[str]) -> dict[str, StoredRun]:
    """Return runs by id with their curves; a curve that cannot be read is named in ``problems`` and left out."""
    runs = {}
    for content in contents:
        folder = root / "runs" / content["id"]
        roc, learning = None, None
        if content["status"] != "failed":
            try:
                points = read_roc(folder, dict(content))
                roc = roc_on_grid(points["fpr"].to_numpy(), points["tpr"].to_numpy()) if len(points) else None
            except InputError as error:
                problems.append(str(error))
            try:
                learning = read_curve(folder, dict(content))[["iteration", "test_iou"]].dropna().to_numpy(float)
            except InputError as error:
                problems.append(str(error))
        runs[content["id"]] = StoredRun(folder, content, roc, learning)
    return runs

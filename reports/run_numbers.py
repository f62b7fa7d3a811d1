"""What reports compute from the files of each run: every file is read once, several runs at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from baselines.errors import InputError
from benchmark.results.metrics import groups, measure_groups
from benchmark.results.readings import Reading, score_readings
from benchmark.results.stored_run import StoredRun

By = Literal["category", "defect", "size"]
# A metric of ``benchmark.results.metrics.DEFINITIONS`` to its value.
Values = Mapping[str, float | None]
# It takes two seconds until another process has imported what it needs, and one to read so many runs.
_FEWEST = 64
_BATCH = 16

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class RunNumbers:
    """Numbers of one run that take its images and predictions.

    Attributes
    ----------
    metrics : mapping
        For each split of the test images (None for all in one group), the metrics of each group by its name.
    scores : np.ndarray, float64, shape (readings, 4)
        ``score_readings`` for the readings that were asked for.
    older : bool
        Whether it was stored before format 3, and lacks what takes logits.
    """

    metrics: Mapping[By | None, Mapping[str, Values]]
    scores: np.ndarray
    older: bool


def read_numbers(
    runs: Iterable[StoredRun],
    problems: list[str],
    splits: Sequence[By | None] = (),
    readings: Sequence[Reading] = (),
) -> dict[str, RunNumbers]:
    """Read finished runs; those whose files cannot be read are left out.

    Parameters
    ----------
    runs : iterable of StoredRun
    problems : list of str
        Receives a line for each file that cannot be read.
    splits : sequence of {"category", "defect", "size"} or None
        What to split the test images by to compute metrics; none are computed by default.
    readings : sequence of Reading
        What to score the runs under.
    """
    work = [(run, tuple(splits), tuple(readings)) for run in runs]
    found: dict[str, RunNumbers] = {}
    for (run, _, _), (numbers, unreadable) in zip(work, in_processes(_read, work), strict=True):
        problems += unreadable
        if numbers is not None:
            found[run.folder.name] = numbers
    return found


def stored_runs(root: Path, ids: Iterable[str]) -> list[StoredRun]:
    """Return the runs of a results folder with these ids, each once."""
    return [StoredRun(root / "runs" / run_id) for run_id in dict.fromkeys(ids)]


def in_processes(function: Callable[[T], R], items: Sequence[T], runs: int | None = None) -> list[R]:
    """Apply a function to items, in several processes if they are about many runs.

    Parameters
    ----------
    function : callable
        Of a module, with a result that can be pickled.
    items : sequence
    runs : int, optional
        How many runs the items are about, together; one each if not given.

    Returns
    -------
    list
        The results, in the order of the items.
    """
    runs, processes = len(items) if runs is None else runs, os.cpu_count() or 1
    if runs < _FEWEST or processes == 1:
        return [function(item) for item in items]
    from joblib import Parallel, delayed  # slow to import

    batch = max(1, _BATCH * len(items) // runs)
    return list(Parallel(processes, batch_size=batch)(delayed(function)(item) for item in items))


def _read(
    work: tuple[StoredRun, tuple[By | None, ...], tuple[Reading, ...]],
) -> tuple[RunNumbers | None, list[str]]:
    run, splits, readings = work
    unreadable = [problem for name in ("images", "predictions") if (problem := _problem(run, name))]
    if unreadable:
        return None, unreadable
    images, predictions, threshold = run.images, run.predictions, run.record.protocol.threshold
    some = {(by, name): rows for by in splits for name, rows in _split(images, by).items()}
    metrics: dict[By | None, dict[str, Values]] = {by: {} for by in splits}
    for (by, name), values in measure_groups(images, predictions, threshold, some).items():
        metrics[by][name] = values
    return RunNumbers(metrics, score_readings(images, predictions, threshold, readings), predictions is None), []


def _problem(run: StoredRun, name: str) -> str:
    """Return why an attribute of a run cannot be read; "" if it can."""
    try:
        getattr(run, name)
    except InputError as error:
        return str(error)
    return ""


def _split(images: pd.DataFrame, by: By | None) -> Mapping[str, np.ndarray | None]:
    return groups(images, by) if by == "defect" or by == "size" else {"": None}

"""What the gate compares: how each run of a (category, method, K) ended, seed by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from baselines import InputError
from benchmark.environment import bit_conditions
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import RunRecord
from benchmark.results.store import ResultStore, read_run
from benchmark.score import Metric


class Cell(NamedTuple):
    """One (category, method, K): a line of the gate."""

    category: str
    method: str
    shots: int


@dataclass(frozen=True)
class Outcome:
    """How one run ended.

    Attributes
    ----------
    id : str
        The run's identity.
    status : {"done", "not_converged"}
    draw : str
        Digest of the names of the K images.
    images : tuple of int
        How many test images count for IOU and DC, how many are defective, how many normal.
    pixels : str
        Digest of the pixel counts of every test image.
    metrics : dict
        ``METRICS``, in [0, 1], None where undefined; those of a run that did not converge are what they are.
    """

    id: str
    status: str
    draw: str
    images: tuple[int, int, int]
    pixels: str
    metrics: dict[Metric, float | None]


# Of each cell the outcome of each seed, and its metrics alone.
Outcomes = dict[Cell, dict[int, Outcome]]
Scores = dict[Cell, dict[int, dict[Metric, float | None]]]


@dataclass(frozen=True)
class StoredRuns:
    """What stored runs came to.

    Attributes
    ----------
    outcomes : dict
    missing : dict
        Of each run that is not stored, why, by its cell and seed.
    machines : tuple of dict
        The distinct ``bit_conditions`` they were done under.
    codes : tuple of str
        Distinct digests of the code that did them.
    """

    outcomes: Outcomes
    missing: dict[tuple[Cell, int], str]
    machines: tuple[dict[str, str], ...]
    codes: tuple[str, ...]


def scores_of(outcomes: Outcomes) -> Scores:
    """Return the metrics of each run."""
    return {cell: {seed: run.metrics for seed, run in runs.items()} for cell, runs in outcomes.items()}


def differences(before: Outcomes, after: Outcomes) -> Scores:
    """Return after less before for each run of ``before``; None where a metric is undefined on either side."""
    found: Scores = {}
    for cell, runs in before.items():
        found[cell] = {
            seed: {
                name: None if was is None or (is_ := after[cell][seed].metrics[name]) is None else is_ - was
                for name, was in run.metrics.items()
            }
            for seed, run in runs.items()
        }
    return found


def mean_score(scores: Scores, cells: Iterable[Cell], metric: Metric, seeds: Iterable[int]) -> float | None:
    """Return the mean of a metric over cells and seeds; None where it is undefined for any of them."""
    values = [scores[cell][seed][metric] for cell in cells for seed in seeds]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def read_outcomes(root: Path, specs: Sequence[RunSpec]) -> StoredRuns:
    """Read how runs ended.

    Parameters
    ----------
    root : Path
        The results folder.

    Raises
    ------
    InputError
        If a stored run cannot be read; it is named.
    """
    store = ResultStore(root)
    failures = store.read_failures(specs)
    outcomes: Outcomes = {}
    missing: dict[tuple[Cell, int], str] = {}
    environments: list[Mapping[str, Any]] = []
    for spec in specs:
        cell = Cell(spec.category, spec.method.name, spec.shots)
        if not store.has(spec.id):
            failure = failures.get(spec.id)
            missing[cell, spec.seed] = f"failed: {failure.error}" if failure else "was not run"
            continue
        record = read_run(store.runs / spec.id)
        outcomes.setdefault(cell, {})[spec.seed] = _outcome(record, store.runs / spec.id)
        environments.append(record.environment)
    machines = {tuple(sorted(bit_conditions(environment).items())) for environment in environments}
    codes = sorted({str(environment.get("code", "unknown")) for environment in environments})
    return StoredRuns(outcomes, missing, tuple(dict(machine) for machine in sorted(machines)), tuple(codes))


def _outcome(record: RunRecord, folder: Path) -> Outcome:
    path = folder / "images.csv"
    try:
        pixels = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): move its folder away to do the run again"
        ) from error
    metrics = record.metrics
    return Outcome(
        id=record.id,
        status=record.status.value,
        draw=record.identity.draw_digest[:16],
        images=(metrics.scored_images, metrics.defective_images, metrics.normal_images),
        pixels=pixels,
        metrics=metrics.by_name(),
    )

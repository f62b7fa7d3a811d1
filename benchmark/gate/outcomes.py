"""What the gate compares: how each run of a (category, method, K) ended, by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from baselines.errors import InputError
from benchmark.environment import bit_conditions
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import RunRecord, Status
from benchmark.results.store import ResultStore, read_run
from benchmark.results.stored_run import StoredRun
from benchmark.score import METRICS, Metric, Metrics

Term = Literal["segmentation", "nbr", "realism", "applied"]
# Neither high nor low is better, so a change in either direction is a regression.
TERMS: tuple[Term, ...] = get_args(Term)
Measure = Metric | Term
MEASURES: tuple[Measure, ...] = (*METRICS, *TERMS)
MEASURE_LABELS: dict[Measure, str] = {
    **{metric: metric.upper() for metric in METRICS},
    "segmentation": "log BCE",
    "nbr": "NBR loss",
    "realism": "lambda",
    "applied": "lambda applied",
}


class Cell(NamedTuple):
    """One (category, method, K): what the gate compares on its own."""

    category: str
    method: str
    shots: int


def describe_place(category: str, method: str, shots: int) -> str:
    """Return what a mean is over, in words: a cell, or several where ``category`` and ``method`` are "".

    Examples
    --------
    >>> describe_place("carpet", "unet", 1), describe_place("", "unet", 0)
    ('carpet unet 1-shot', 'unet over its cells')
    """
    if category:
        return f"{category} {method} {shots}-shot"
    return f"{method} over its cells" if method else "all cells"


@dataclass(frozen=True)
class Terms:
    """Training terms of one run; None where the recipe has no such term.

    Attributes
    ----------
    segmentation : float or None
        Mean over the second half of training of the natural logarithm of the segmentation loss, Eq. (5) or (7), per
        minibatch. A logarithm, because losses of seeds differ by factors.
    nbr, realism, applied : float or None
        As attributes of ``TermMeans``.
    """

    segmentation: float | None = None
    nbr: float | None = None
    realism: float | None = None
    applied: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How one run ended; two are equal if they agree in every test image.

    Attributes
    ----------
    id : str
        The run's identity.
    status : Status
        ``DONE`` or ``NOT_CONVERGED``; metrics of the latter count like any others.
    draw : str
        Digest of the names of the K training images.
    pixels : str
        Digest of the pixel counts of every test image.
    metrics : Metrics
    terms : Terms
    """

    id: str
    status: Status
    draw: str
    pixels: str
    metrics: Metrics
    terms: Terms

    def by_name(self) -> dict[Measure, float | None]:
        """Return the values of ``MEASURES``."""
        return {name: getattr(self.terms if name in TERMS else self.metrics, name) for name in MEASURES}


# The outcome of each seed of each cell, and its numbers alone.
Outcomes = dict[Cell, dict[int, Outcome]]
Scores = dict[Cell, dict[int, dict[Measure, float | None]]]


@dataclass(frozen=True)
class StoredRuns:
    """The outcomes of stored runs, and the conditions they were computed under.

    Attributes
    ----------
    outcomes : dict
    missing : dict
        Why a run is not stored, by its cell and seed.
    machines : tuple of dict
        The distinct ``bit_conditions`` of the runs.
    codes : tuple of str
        The distinct digests of the code that trained them.
    """

    outcomes: Outcomes
    missing: dict[tuple[Cell, int], str]
    machines: tuple[dict[str, str], ...]
    codes: tuple[str, ...]


def scores_of(outcomes: Outcomes) -> Scores:
    """Return the measures of each run."""
    return {cell: {seed: run.by_name() for seed, run in runs.items()} for cell, runs in outcomes.items()}


def differences(before: Outcomes, after: Outcomes) -> Scores:
    """Return after minus before for each run of ``before``; None where a measure is undefined on either side."""
    old, new = scores_of(before), scores_of(after)
    return {
        cell: {seed: {name: _minus(new[cell][seed][name], old[cell][seed][name]) for name in MEASURES} for seed in runs}
        for cell, runs in old.items()
    }


def _minus(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def mean_score(scores: Scores, cells: Iterable[Cell], measure: Measure, seeds: Iterable[int]) -> float | None:
    """Return the mean of a measure over cells and seeds; None if it is undefined for any of them.

    Examples
    --------
    >>> cell = Cell("carpet", "unet", 1)
    >>> mean_score({cell: {0: {"iou": 0.25}, 1: {"iou": 0.5}}}, [cell], "iou", [0, 1])
    0.375
    """
    values = [scores[cell][seed][measure] for cell in cells for seed in seeds]
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined and len(defined) == len(values) else None


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
    records: list[RunRecord] = []
    for spec in specs:
        cell = Cell(spec.category, spec.method.name, spec.shots)
        if store.has(spec.id):
            records.append(read_run(store.runs / spec.id))
            outcomes.setdefault(cell, {})[spec.seed] = _outcome(records[-1], store.runs / spec.id)
        else:
            failure = failures.get(spec.id)
            missing[cell, spec.seed] = f"failed: {failure.error}" if failure else "was not run"
    machines = sorted({tuple(sorted(bit_conditions(record.environment).items())) for record in records})
    codes = sorted({str(record.environment.get("code", "unknown")) for record in records})
    return StoredRuns(outcomes, missing, tuple(map(dict, machines)), tuple(codes))


def _outcome(record: RunRecord, folder: Path) -> Outcome:
    path = folder / "images.csv"
    try:
        pixels = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): move its folder away to do the run again"
        ) from error
    return Outcome(
        id=record.id,
        status=record.status,
        draw=record.identity.draw_digest[:16],
        pixels=pixels,
        metrics=record.metrics,
        terms=Terms(
            segmentation=mean_late_log(StoredRun(folder, record).curve["segmentation"].to_numpy()),
            nbr=record.terms.nbr,
            realism=record.terms.realism,
            applied=record.terms.applied,
        ),
    )


def mean_late_log(losses: np.ndarray) -> float:
    """Return the mean natural logarithm of the second half of some losses, each taken as at least 1e-6.

    Parameters
    ----------
    losses : np.ndarray, float64, shape (iterations,)

    Examples
    --------
    >>> mean_late_log(np.array([7.0, 7.0, 1.0, np.e]))
    0.5
    """
    return float(np.log(np.maximum(losses[len(losses) // 2 :], 1e-6)).mean())

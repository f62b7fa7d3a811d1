"""What the gate compares: how each run of a (category, method, K) ended, seed by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from baselines import InputError
from benchmark.environment import bit_conditions
from benchmark.runs import RunSpec
from benchmark.store import ResultStore, read_run

METRICS = ("iou", "dc", "auc", "acc")


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
    metrics: dict[str, float | None]


# Of each cell the outcome of each seed.
Outcomes = dict[Cell, dict[int, Outcome]]


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


def cell_of(spec: RunSpec) -> Cell:
    """Return the cell that a run belongs to."""
    return Cell(spec.category, spec.method.name, spec.shots)


def read_outcomes(root: Path, specs: Iterable[RunSpec], failures: Mapping[str, str]) -> StoredRuns:
    """Read what runs came to.

    Parameters
    ----------
    root : Path
        The results folder.
    failures : mapping
        Errors of those that failed, by the run's identity.

    Raises
    ------
    InputError
        If a stored run cannot be read; it is named.
    """
    store = ResultStore(root)
    outcomes: Outcomes = {}
    missing: dict[tuple[Cell, int], str] = {}
    environments: list[Mapping[str, Any]] = []
    for spec in specs:
        cell = cell_of(spec)
        if not store.has(spec.id):
            error = failures.get(spec.id)
            missing[cell, spec.seed] = f"failed: {error}" if error else "was not run"
            continue
        content = read_run(store.runs / spec.id)
        outcomes.setdefault(cell, {})[spec.seed] = _outcome(content, store.runs / spec.id)
        environments.append(content["environment"])
    machines = {tuple(sorted(bit_conditions(environment).items())) for environment in environments}
    codes = sorted({str(environment.get("code", "unknown")) for environment in environments})
    return StoredRuns(outcomes, missing, tuple(dict(machine) for machine in sorted(machines)), tuple(codes))


def _outcome(content: Mapping[str, Any], folder: Path) -> Outcome:
    path = folder / "images.csv"
    try:
        pixels = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): move its folder away to do the run again"
        ) from error
    metrics = content["metrics"]
    scored, defective, normal = (metrics[f"{kind}_images"] for kind in ("scored", "defective", "normal"))
    return Outcome(
        id=content["id"],
        status=content["status"],
        draw=str(content["identity"].get("draw_digest", ""))[:16],
        images=(scored, defective, normal),
        pixels=pixels,
        metrics={name: metrics[name] for name in METRICS},
    )

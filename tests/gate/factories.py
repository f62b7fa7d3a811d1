"""Baselines and checks without training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import msgspec
import numpy as np

from benchmark.gate.baseline import Baseline, spreads_of
from benchmark.gate.outcomes import Cell, Outcome, Outcomes, StoredRuns, Terms, differences
from benchmark.gate.spread import calibrate
from benchmark.protocol.profile import Protocol
from benchmark.results.records import Status
from benchmark.score import Metrics

MACHINE = {"processor": "abacus", "torch": "2"}
OTHER_MACHINE = MACHINE | {"processor": "slide rule"}
CELLS = tuple(Cell(category, method, 1) for category in ("carpet", "tile") for method in ("unet", "albunet"))


def outcome(cell: Cell, seed: int, value: float) -> Outcome:
    """A run whose four metrics are all ``value``; that of U-Net has no training terms, others have noise."""
    term = noisy(cell, seed, salt=2)
    return Outcome(
        id=f"{cell.category}_{cell.method}_{seed}",
        status=Status.DONE,
        draw=f"draw {seed}",
        pixels=f"{value:.12f}",
        metrics=Metrics(value, value, value, value, 8, 9, 3),
        terms=Terms() if cell.method == "unet" else Terms(term, -term, term, term),
    )


def make_outcomes(
    value: Callable[[Cell, int], float], cells: Iterable[Cell] = CELLS, seeds: Iterable[int] = range(12)
) -> Outcomes:
    return {cell: {seed: outcome(cell, seed, value(cell, seed)) for seed in seeds} for cell in cells}


def noisy(cell: Cell, seed: int, spread: float = 0.02, salt: int = 0) -> float:
    """0.5 plus normal noise, the same for the same arguments."""
    rng = np.random.default_rng([CELLS.index(cell) if cell in CELLS else len(CELLS), seed, salt])
    return float(np.clip(0.5 + spread * rng.standard_normal(), 0, 1))


def make_baseline(outcomes: Outcomes | None = None, differs: float = 0.0, m: int = 2) -> Baseline:
    """A baseline of the given outcomes, or of noise; ``differs`` is each run's difference on another machine."""
    outcomes = make_outcomes(noisy) if outcomes is None else outcomes
    elsewhere = {
        cell: {
            seed: outcome(cell, seed, min(1.0, (run.metrics.iou or 0.0) + differs * (1 if seed % 2 else -1)))
            for seed, run in runs.items()
        }
        for cell, runs in outcomes.items()
    }
    measured = differences(outcomes, elsewhere) if differs else {}
    return Baseline(
        profile="ci",
        dataset="synthetic",
        protocols={1: Protocol(batch_size=2)},
        images={"carpet": "c" * 64, "tile": "t" * 64},
        machine=MACHINE,
        code="0123456789abcdef",
        outcomes=outcomes,
        differs=measured,
        elsewhere=OTHER_MACHINE if differs else {},
        calibrations={
            pairing: calibrate(spread, m, 2000) for pairing, spread in spreads_of(outcomes, measured).items()
        },
    )


def stored(outcomes: Outcomes, machine: dict[str, str] = MACHINE) -> StoredRuns:
    return StoredRuns(outcomes, {}, (machine,), ("0123456789abcdef",))


def changed(outcomes: Outcomes, **by_seed: object) -> Outcomes:
    """A copy in which fields of every run are replaced."""
    return {cell: {seed: replace(run, **by_seed) for seed, run in runs.items()} for cell, runs in outcomes.items()}  # type: ignore[arg-type]


def lowered(outcomes: Outcomes, by: float, cells: Iterable[Cell] = CELLS) -> Outcomes:
    """A copy in which the metrics of some cells are lower."""
    cells = set(cells)
    return {
        cell: {
            seed: outcome(cell, seed, (run.metrics.iou or 0.0) - by) if cell in cells else run
            for seed, run in runs.items()
        }
        for cell, runs in outcomes.items()
    }


def with_terms(outcomes: Outcomes, **by: float) -> Outcomes:
    """A copy in which training terms are higher."""
    return {
        cell: {
            seed: replace(
                run,
                terms=replace(
                    run.terms,
                    **{name: value + by[name] for name in by if (value := getattr(run.terms, name)) is not None},
                ),
            )
            for seed, run in runs.items()
        }
        for cell, runs in outcomes.items()
    }


def with_metrics(run: Outcome, **values: float | None) -> Outcome:
    """A copy in which metrics are replaced."""
    return replace(run, metrics=msgspec.structs.replace(run.metrics, **values))

"""Baselines and checks that no network was trained for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from benchmark.gate.baseline import Baseline, spreads_of
from benchmark.gate.outcomes import Cell, Outcome, Outcomes, StoredRuns, differences
from benchmark.gate.spread import calibrate
from benchmark.protocol.profile import Protocol
from benchmark.score import METRICS

MACHINE = {"processor": "abacus", "torch": "2"}
OTHER_MACHINE = MACHINE | {"processor": "slide rule"}
CELLS = tuple(Cell(category, method, 1) for category in ("carpet", "tile") for method in ("unet", "albunet"))


def outcome(cell: Cell, seed: int, value: float) -> Outcome:
    """A run whose four metrics are all ``value``."""
    return Outcome(
        id=f"{cell.category}_{cell.method}_{seed}",
        status="done",
        draw=f"draw {seed}",
        images=(8, 9, 3),
        pixels=f"{value:.12f}",
        metrics=dict.fromkeys(METRICS, value),
    )


def make_outcomes(
    value: Callable[[Cell, int], float], cells: Iterable[Cell] = CELLS, seeds: Iterable[int] = range(12)
) -> Outcomes:
    return {cell: {seed: outcome(cell, seed, value(cell, seed)) for seed in seeds} for cell in cells}


def noisy(cell: Cell, seed: int, spread: float = 0.02, salt: int = 0) -> float:
    """0.5 and normal noise, the same for the same arguments."""
    rng = np.random.default_rng([CELLS.index(cell), seed, salt])
    return float(np.clip(0.5 + spread * rng.standard_normal(), 0, 1))


def make_baseline(outcomes: Outcomes | None = None, differs: float = 0.0, m: int = 2) -> Baseline:
    """A baseline of what is given, or of noise; ``differs`` is how far runs are from themselves on another machine."""
    outcomes = make_outcomes(noisy) if outcomes is None else outcomes
    there = {
        cell: {
            seed: outcome(cell, seed, min(1.0, (run.metrics["iou"] or 0.0) + differs * (1 if seed % 2 else -1)))
            for seed, run in runs.items()
        }
        for cell, runs in outcomes.items()
    }
    moved = differences(outcomes, there) if differs else {}
    return Baseline(
        profile="ci",
        dataset="synthetic",
        protocols={1: Protocol(batch_size=2)},
        images={"carpet": "c" * 64, "tile": "t" * 64},
        machine=MACHINE,
        code="0123456789abcdef",
        outcomes=outcomes,
        differs=moved,
        elsewhere=OTHER_MACHINE if differs else {},
        calibrations={kind: calibrate(spread, m, 2000) for kind, spread in spreads_of(outcomes, moved).items()},
    )


def stored(outcomes: Outcomes, machine: dict[str, str] = MACHINE) -> StoredRuns:
    return StoredRuns(outcomes, {}, (machine,), ("0123456789abcdef",))


def changed(outcomes: Outcomes, **by_seed: object) -> Outcomes:
    """A copy in which every run has other fields."""
    return {cell: {seed: replace(run, **by_seed) for seed, run in runs.items()} for cell, runs in outcomes.items()}  # type: ignore[arg-type]


def lowered(outcomes: Outcomes, by: float, cells: Iterable[Cell] = CELLS) -> Outcomes:
    """A copy in which the metrics of some cells are lower."""
    cells = set(cells)
    return {
        cell: {
            seed: outcome(cell, seed, (run.metrics["iou"] or 0.0) - by) if cell in cells else run
            for seed, run in runs.items()
        }
        for cell, runs in outcomes.items()
    }

"""How good a baseline is, by resampling: its rate of false alarms, and the smallest losses it detects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.gate.baseline import Baseline, Pairing, spreads_of
from benchmark.gate.outcomes import mean_score, scores_of
from benchmark.gate.spread import RESAMPLES, SMALLEST_SEEDS, Calibration, Comparison, Level, Spread, calibrate
from benchmark.random_streams import stream

# A loss counts as detected if this share of checks detects it.
FOUND = 0.9
_SPLITS, _CHECKS = 200, 500


@dataclass(frozen=True)
class Assessment:
    """How good checks with one kind of seeds are.

    Attributes
    ----------
    pairing : Pairing
    seeds : int
        Of the baseline.
    calibration : Calibration
    means : dict
        Mean of each comparison in the baseline, in [0, 1].
    false_alarms : float or None
        As ``rate_false_alarms``.
    losses : dict
        As ``find_losses``.
    """

    pairing: Pairing
    seeds: int
    calibration: Calibration
    means: dict[Comparison, float]
    false_alarms: float | None
    losses: dict[Comparison, float | None]


def assess(baseline: Baseline, m: int) -> list[Assessment]:
    """Assess checks of m seeds.

    Raises
    ------
    InputError
        If the baseline has too few seeds for so many.
    """
    scores = scores_of(baseline.outcomes)
    assessments = []
    for pairing, spread in spreads_of(baseline.outcomes, baseline.differs).items():
        calibration = calibrate(spread, m)
        means = {
            comparison: mean_score(scores, comparison.cells, comparison.measure, baseline.seeds) or 0.0
            for comparison in spread.comparisons
        }
        alarms, losses = rate_false_alarms(spread, m), find_losses(spread, calibration, means)
        assessments.append(Assessment(pairing, spread.seeds, calibration, means, alarms, losses))
    return assessments


def rate_false_alarms(spread: Spread, m: int) -> float | None:
    """Return the share of checks of unchanged code that raise an alarm, with tolerances from other seeds.

    The seeds are split in halves at random, again and again: tolerances come from one half, checks are drawn from the
    other. Half a baseline gives rougher tolerances than the whole, so this overestimates. None if a half has too few
    seeds.
    """
    half = spread.seeds // 2
    if half < max(SMALLEST_SEEDS, m + 2):
        return None
    alarms = 0
    for number in range(_SPLITS):
        order = stream("gate", "split", number).permutation(spread.seeds).tolist()
        known, unknown = spread.take(order[:half]), spread.take(order[half:])
        allowed = np.array([tolerance.allowed for tolerance in calibrate(known, m, RESAMPLES // 5).tolerances.values()])
        falls = known.exceedances(known.means - unknown.draw_means(m, _CHECKS, f"split {number}"))
        alarms += int((falls > allowed).any(axis=1).sum())
    return alarms / (_SPLITS * _CHECKS)


def find_losses(
    spread: Spread, calibration: Calibration, means: Mapping[Comparison, float]
) -> dict[Comparison, float | None]:
    """Return the smallest loss, as a share of each comparison's mean, that ``FOUND`` of all checks detect.

    In resampled checks all cells of the comparison lose the same share of its metric and nothing else changes; any
    comparison of the gate may detect it. Two-sided comparisons are left out.

    Parameters
    ----------
    means : mapping
        Of each comparison in the baseline.

    Returns
    -------
    dict
        In [0, 1]; None where even a total loss is not detected.
    """
    falls, errors = spread.draw_checks(calibration.seeds, RESAMPLES, "losses")
    critical = np.array([calibration.critical[comparison.group] for comparison in spread.comparisons])
    margin = critical * errors - falls  # how much further each comparison may fall
    single = [comparison for comparison in spread.comparisons if comparison.level is Level.CELL]
    of_cells = {(comparison.measure, comparison.cells[0]): means[comparison] for comparison in single}
    losses: dict[Comparison, float | None] = {}
    for lost in spread.comparisons:
        if lost.two_sided:
            continue
        smallest = np.full(len(margin), np.inf)
        for j, other in enumerate(spread.comparisons):
            shared = [of_cells[other.measure, cell] for cell in other.cells if cell in lost.cells]
            if other.measure == lost.measure and sum(shared) > 0:
                smallest = np.minimum(smallest, margin[:, j] * len(other.cells) / sum(shared))
        loss = float(np.quantile(np.maximum(smallest, 0), FOUND, method="higher"))
        losses[lost] = loss if loss <= 1 else None
    return losses

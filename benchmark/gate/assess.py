"""How good a gate is, by resampling: how often it raises a false alarm, and the smallest loss it finds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmark.gate.spread import RESAMPLES, SMALLEST_SEEDS, Calibration, Comparison, Spread, calibrate
from benchmark.random_streams import stream

# A loss counts as found if this share of checks finds it.
FOUND = 0.9
_SPLITS, _CHECKS = 200, 500


def count_false_alarms(spread: Spread, m: int) -> float | None:
    """Return the share of checks of unchanged code that raise an alarm although their seeds had no part in tolerances.

    The seeds are split in halves at random, again and again: tolerances come from one half, checks are drawn from the
    other. Half a baseline gives rougher tolerances than the whole, so this is rather too much. None where a half has
    too few seeds.
    """
    half = spread.seeds // 2
    if half < max(SMALLEST_SEEDS, m + 2):
        return None
    alarms = 0
    for number in range(_SPLITS):
        order = stream("gate", "split", number).permutation(spread.seeds).tolist()
        known, unknown = spread.take(order[:half]), spread.take(order[half:])
        allowed = np.array([found.allowed for found in calibrate(known, m, RESAMPLES // 5).tolerances.values()])
        falls = known.means - unknown.draw_means(m, _CHECKS, f"split {number}")
        alarms += int((falls > allowed).any(axis=1).sum())
    return alarms / (_SPLITS * _CHECKS)


def find_losses(
    spread: Spread, calibration: Calibration, means: Mapping[Comparison, float]
) -> dict[Comparison, float | None]:
    """Return the smallest loss, as a share of each comparison's mean, that ``FOUND`` of all checks find.

    In resampled checks all cells of the comparison lose the same share of its metric and nothing else changes; found is
    what any comparison of the gate finds.

    Parameters
    ----------
    means : mapping
        Of each comparison in the baseline.

    Returns
    -------
    dict
        In [0, 1]; None where even a loss of everything is not found.
    """
    falls, errors = spread.draw_checks(calibration.seeds, RESAMPLES, "losses")
    critical = np.array([calibration.critical[comparison.level] for comparison in spread.comparisons])
    room = critical * errors - falls  # how much further each comparison may fall
    of_cells = {(found.metric, found.cells[0]): means[found] for found in spread.comparisons if found.level == "cell"}
    losses: dict[Comparison, float | None] = {}
    for lost in spread.comparisons:
        smallest = np.full(len(room), np.inf)
        for j, other in enumerate(spread.comparisons):
            shared = [of_cells[other.metric, cell] for cell in other.cells if cell in lost.cells]
            if other.metric == lost.metric and sum(shared) > 0:
                smallest = np.minimum(smallest, room[:, j] * len(other.cells) / sum(shared))
        loss = float(np.quantile(np.maximum(smallest, 0), FOUND, method="higher"))
        losses[lost] = loss if loss <= 1 else None
    return losses

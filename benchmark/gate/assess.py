"""How good a gate is, by resampling: how often it raises a false alarm, and the smallest loss it finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.gate.spread import RESAMPLES, SMALLEST_SEEDS, Comparison, Spread, calibrate, scale
from benchmark.random_streams import stream

# A loss counts as found if this share of checks finds it.
FOUND = 0.9
_SPLITS, _CHECKS = 200, 500


@dataclass(frozen=True)
class Assessment:
    """What a gate can and cannot do with checks of m seeds.

    Attributes
    ----------
    seeds : int
        m.
    false_alarms : float or None
        Share of checks of unchanged code that raise an alarm, see ``count_false_alarms``.
    losses : dict
        Of each comparison the smallest relative loss of its metric that ``FOUND`` of all checks find, in [0, 1]; None
        where even a loss of everything is not found.
    """

    seeds: int
    false_alarms: float | None
    losses: dict[Comparison, float | None]


def assess(spread: Spread, m: int) -> Assessment:
    """Assess checks of m seeds against a baseline.

    Raises
    ------
    InputError
        As ``calibrate``.
    """
    return Assessment(m, count_false_alarms(spread, m), find_losses(spread, m))


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
        tolerated = np.array([item.tolerance for item in calibrate(known, m, RESAMPLES // 5).tolerances.values()])
        means = unknown.draw(m, _CHECKS, f"split {number}").means
        alarms += int((known.means - means > tolerated).any(axis=1).sum())
    return alarms / (_SPLITS * _CHECKS)


def find_losses(spread: Spread, m: int) -> dict[Comparison, float | None]:
    """Return the smallest relative loss that ``FOUND`` of all checks find.

    In resampled checks all cells of a comparison lose the same share of one metric and nothing else changes; found is
    what any comparison of the gate finds.
    """
    n = spread.seeds
    draws = spread.draw(m, RESAMPLES, "losses")
    critical = calibrate(spread, m).critical
    levels = np.array([critical[comparison.level] for comparison in spread.comparisons])
    tolerated = levels * scale(m, n - m) * draws.left_deviations
    room = tolerated - (draws.left_means - draws.means)  # how much further each comparison may fall
    place = {comparison: j for j, comparison in enumerate(spread.comparisons)}
    single = {(c.metric, c.cells[0]): j for c, j in place.items() if c.level == "cell"}
    losses: dict[Comparison, float | None] = {}
    for lost in spread.comparisons:
        smallest = np.full(RESAMPLES, np.inf)
        for other, j in place.items():
            shared = [single[other.metric, cell] for cell in other.cells if cell in lost.cells]
            if other.metric == lost.metric and shared:
                falls = draws.means[:, shared].sum(axis=1) / len(other.cells)  # by as much if everything is lost
                with np.errstate(divide="ignore", invalid="ignore"):
                    smallest = np.fmin(smallest, room[:, j] / falls)
        loss = float(np.quantile(np.maximum(smallest, 0), FOUND, method="higher"))
        losses[lost] = loss if loss <= 1 else None
    return losses

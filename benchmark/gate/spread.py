"""How far the metrics of unchanged code spread, by resampling the seeds of a baseline; docs/regression-gate.md.

A *check* holds the mean of m seeds against that of the baseline's n seeds: for every cell, for every method over its
cells, and for all cells together. Seeds of one (category, K) are drawn together for all methods, which share their
training images and minibatches; those of different ones are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from baselines import InputError
from benchmark.gate.outcomes import METRICS, Cell, Outcomes
from benchmark.random_streams import stream

# Of checks of unchanged code, how many may raise an alarm; the three levels of comparisons share them equally.
FALSE_ALARMS = 0.002
LEVELS = ("cell", "method", "all")
SMALLEST_SEEDS = 5
RESAMPLES = 20_000
# Where the seeds of a few cells happen to agree, those of the others say more: no spread is below this part of theirs,
# nor below what a few pixels make.
_SMALLEST_PART, _SMALLEST_SPREAD = 0.5, 1e-4


@dataclass(frozen=True)
class Comparison:
    """One thing whose mean is compared: a cell, a method over its cells, or all cells.

    Attributes
    ----------
    metric : str
    cells : tuple of Cell
        Averaged with equal weights.
    category, method : str
        "" where it is over several.
    shots : int
        0 where it is over several.
    """

    metric: str
    cells: tuple[Cell, ...]
    category: str = ""
    method: str = ""
    shots: int = 0

    @property
    def level(self) -> str:
        """``cell``, ``method`` or ``all``."""
        return "cell" if self.category else "method" if self.method else "all"


@dataclass(frozen=True)
class Tolerance:
    """How much lower a check's mean may be than the baseline's.

    Attributes
    ----------
    mean : float
        Over the baseline's seeds.
    spread : float
        Their standard deviation, or more where that is unusually small.
    tolerance : float
        Above 0; a mean that is lower by more is a regression.
    """

    mean: float
    spread: float
    tolerance: float


@dataclass(frozen=True)
class Calibration:
    """Tolerances for checks of some number of seeds.

    Attributes
    ----------
    seeds : int
        m.
    critical : dict
        For each level, how many standard errors a mean may fall: in all but a third of ``FALSE_ALARMS`` of resampled
        checks of unchanged code no comparison of that level falls further.
    tolerances : dict
    """

    seeds: int
    critical: dict[str, float]
    tolerances: dict[Comparison, Tolerance]


def list_comparisons(outcomes: Outcomes) -> list[Comparison]:
    """Return what is compared, metric by metric: cells, then methods, then everything.

    A metric that some seed of a cell does not have (AUC without normal test images) is not compared there.
    """
    found = []
    for metric in METRICS:
        cells = [
            cell for cell, runs in outcomes.items() if all(run.metrics[metric] is not None for run in runs.values())
        ]
        found += [Comparison(metric, (cell,), cell.category, cell.method, cell.shots) for cell in cells]
        for method in dict.fromkeys(cell.method for cell in cells):
            own = tuple(cell for cell in cells if cell.method == method)
            if len(own) > 1:
                found.append(Comparison(metric, own, method=method))
        if len({cell.method for cell in cells}) > 1:
            found.append(Comparison(metric, tuple(cells)))
    return found


@dataclass(frozen=True)
class Spread:
    """The seeds of a baseline as arrays, to draw checks from.

    Attributes
    ----------
    comparisons : list of Comparison
    blocks : list of (category, K)
    values : np.ndarray, float64, shape (blocks, comparisons, seeds)
        What each seed of a block adds to the mean of each comparison.
    """

    comparisons: list[Comparison]
    blocks: list[tuple[str, int]]
    values: np.ndarray

    @property
    def seeds(self) -> int:
        """n."""
        return self.values.shape[2]

    @property
    def means(self) -> np.ndarray:
        """Of each comparison."""
        return self.values.mean(axis=2).sum(axis=0)

    @property
    def deviations(self) -> np.ndarray:
        """The standard deviation of each comparison over seeds, not far below those of its metric and level."""
        return self._not_far_below(self.values.var(axis=2, ddof=1).sum(axis=0))

    def _not_far_below(self, variances: np.ndarray) -> np.ndarray:
        """Return standard deviations, comparisons in the last axis, each at least a part of what is usual."""
        own = np.sqrt(np.maximum(variances, 0))
        kinds = [(comparison.metric, comparison.level) for comparison in self.comparisons]
        result = own.copy()
        for kind in set(kinds):
            alike = np.array([other == kind for other in kinds])
            usual = np.median(own[..., alike], axis=-1, keepdims=True)
            result[..., alike] = np.maximum(own[..., alike], np.maximum(_SMALLEST_PART * usual, _SMALLEST_SPREAD))
        return result

    def take(self, seeds: Sequence[int]) -> Spread:
        """Return the spread of some of the seeds, by their positions."""
        return replace(self, values=self.values[:, :, list(seeds)])

    def draw(self, m: int, count: int, purpose: str) -> Draws:
        """Draw checks of unchanged code: m seeds at random, for each block by itself."""
        n = self.seeds
        drawn, left, variances = np.zeros((3, count, len(self.comparisons)))
        for (category, shots), values in zip(self.blocks, self.values, strict=True):
            order = np.argsort(stream("gate", purpose, category, shots, m).random((count, n)), axis=1)
            chosen = np.zeros((count, n))
            np.put_along_axis(chosen, order[:, :m], 1.0, axis=1)
            drawn += chosen @ values.T / m
            if n - m > 1:
                mean = (1 - chosen) @ values.T / (n - m)
                left += mean
                variances += ((1 - chosen) @ (values**2).T - (n - m) * mean**2) / (n - m - 1)
        return Draws(drawn, left, self._not_far_below(variances))


@dataclass(frozen=True)
class Draws:
    """Checks drawn from the seeds of a baseline.

    Attributes
    ----------
    means : np.ndarray, float64, shape (checks, comparisons)
        Over the m seeds of each check.
    left_means, left_deviations : np.ndarray, float64, shape (checks, comparisons)
        Of the n - m others, which are the baseline of that check; as ``Spread.means`` and ``Spread.deviations``.
    """

    means: np.ndarray
    left_means: np.ndarray
    left_deviations: np.ndarray


def scale(m: int, n: int) -> float:
    """Return the standard error of the difference between means of m and of n seeds, in standard deviations."""
    return math.sqrt(1 / m + 1 / n)


def measure_spread(outcomes: Outcomes) -> Spread:
    """Return the seeds of a baseline as arrays.

    Raises
    ------
    InputError
        If cells differ in their seeds, or there are fewer than ``SMALLEST_SEEDS``.
    """
    seeds = sorted({seed for runs in outcomes.values() for seed in runs})
    if any(set(runs) != set(seeds) for runs in outcomes.values()):
        raise InputError(
            "a baseline needs the same seeds for every method, category and K: write it with check --update"
        )
    if len(seeds) < SMALLEST_SEEDS:
        raise InputError(
            f"{len(seeds)} seeds do not tell how far seeds spread: a baseline needs {SMALLEST_SEEDS} or more"
        )
    comparisons = list_comparisons(outcomes)
    blocks = list(dict.fromkeys((cell.category, cell.shots) for cell in outcomes))
    values = np.zeros((len(blocks), len(comparisons), len(seeds)))
    for j, comparison in enumerate(comparisons):
        for cell in comparison.cells:
            series = np.array([outcomes[cell][seed].metrics[comparison.metric] for seed in seeds], dtype=np.float64)
            values[blocks.index((cell.category, cell.shots)), j] += series / len(comparison.cells)
    return Spread(comparisons, blocks, values)


def calibrate(spread: Spread, m: int, resamples: int = RESAMPLES) -> Calibration:
    """Return tolerances for checks of m seeds, which together raise a false alarm in ``FALSE_ALARMS`` of all checks.

    Within a level they are alike in standard errors. Levels have their own, since single cells are far from normal and
    what is averaged over many is not.

    Raises
    ------
    InputError
        If the baseline has not at least two seeds more than that.
    """
    n = spread.seeds
    if m > n - 2:
        raise InputError(
            f"{m} seeds cannot be held against a baseline of {n}: use {n - 2} at most, or a larger baseline"
        )
    draws = spread.draw(m, resamples, "calibration")
    # In deviations of the seeds left: those of a check must have no part in the measure they are held against.
    falls = (draws.left_means - draws.means) / (draws.left_deviations * scale(m, n - m))
    levels = np.array([comparison.level for comparison in spread.comparisons])
    share = FALSE_ALARMS / len(LEVELS)
    # Never less than a single normal comparison needs: seeds that all agree would allow for nothing.
    least = float(norm.isf(share))
    critical = {
        level: max(least, float(np.quantile(falls[:, levels == level].max(axis=1), 1 - share, method="higher")))
        for level in LEVELS
        if (levels == level).any()
    }
    allowed = np.array([critical[level] for level in levels]) * scale(m, n) * spread.deviations
    tolerances = {
        comparison: Tolerance(*map(float, row))
        for comparison, *row in zip(spread.comparisons, spread.means, spread.deviations, allowed, strict=True)
    }
    return Calibration(m, critical, tolerances)

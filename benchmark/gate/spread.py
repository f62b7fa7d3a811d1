"""How far the metrics of unchanged code spread, and what is tolerated for it, by resampling; docs/regression-gate.md.

A *check* compares the mean of m seeds with the baseline's: for every cell, for every method over its cells, and for all
cells together. Two things spread: with *other seeds* the means of m and of the baseline's n seeds differ; with the
*same seeds* on another machine each run differs from itself, since rounding differs and training magnifies it.

Seeds of one (category, K) are drawn together for all methods, which share their training images and minibatches; those
of different ones are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from baselines import InputError
from benchmark.gate.outcomes import Cell, Scores
from benchmark.random_streams import stream
from benchmark.score import METRICS, Metric

# Of checks of unchanged code, how many may raise an alarm; the levels of comparisons share them equally.
FALSE_ALARMS = 0.002
LEVELS = ("cell", "method", "all")
SMALLEST_SEEDS = 5
RESAMPLES = 20_000
# Below what a few pixels make, no spread is believed.
_SMALLEST_SPREAD = 1e-4


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

    metric: Metric
    cells: tuple[Cell, ...]
    category: str = ""
    method: str = ""
    shots: int = 0

    @property
    def level(self) -> str:
        """One of ``LEVELS``."""
        return "cell" if self.category else "method" if self.method else "all"


@dataclass(frozen=True)
class Tolerance:
    """How far a check's mean may fall.

    Attributes
    ----------
    spread : float
        As ``Spread.deviations``.
    allowed : float
        Above 0; a mean that falls by more is a regression.
    """

    spread: float
    allowed: float


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


def list_comparisons(scores: Scores) -> list[Comparison]:
    """Return what is compared, metric by metric: cells, then methods, then everything.

    A metric that some seed of a cell does not have (AUC without normal test images) is not compared there.
    """
    found = []
    for metric in METRICS:
        cells = [cell for cell, seeds in scores.items() if all(values[metric] is not None for values in seeds.values())]
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
    """What each seed contributes to each comparison, to draw checks of unchanged code from.

    Attributes
    ----------
    comparisons : list of Comparison
    blocks : list of (category, K)
    values : np.ndarray, float64, shape (blocks, comparisons, seeds)
        What each seed of a block adds to the mean of each comparison.
    paired : bool
        Whether these are differences of each run from itself on another machine. They have no mean: either of the
        two machines may as well be the first.
    """

    comparisons: list[Comparison]
    blocks: list[tuple[str, int]]
    values: np.ndarray
    paired: bool

    @property
    def seeds(self) -> int:
        """n."""
        return self.values.shape[2]

    @property
    def means(self) -> np.ndarray:
        """What a check of unchanged code should have, per comparison."""
        return np.zeros(len(self.comparisons)) if self.paired else self.values.mean(axis=2).sum(axis=0)

    @property
    def deviations(self) -> np.ndarray:
        """The standard deviation of each comparison over seeds, or the median of its metric and level if that is more.

        Training that fails now and then does so rarely: a few seeds often show none of it, and then agree too well.
        """
        variances = (self.values**2).mean(axis=2) if self.paired else self.values.var(axis=2, ddof=1)
        return self._believed(variances.sum(axis=0))

    def _believed(self, variances: np.ndarray) -> np.ndarray:
        """Return the ``deviations`` of variances, comparisons in the last axis."""
        own = np.sqrt(np.maximum(variances, 0))
        kinds = [(comparison.metric, comparison.level) for comparison in self.comparisons]
        result = own.copy()
        for kind in set(kinds):
            alike = np.array([other == kind for other in kinds])
            usual = np.median(own[..., alike], axis=-1, keepdims=True)
            result[..., alike] = np.maximum(own[..., alike], np.maximum(usual, _SMALLEST_SPREAD))
        return result

    def errors(self, m: int) -> np.ndarray:
        """Return the standard error, per comparison, of how far the mean of m seeds falls."""
        return self.deviations * self._scale(m, self.seeds)

    def _scale(self, m: int, n: int) -> float:
        return math.sqrt(1 / m) if self.paired else math.sqrt(1 / m + 1 / n)

    def take(self, seeds: Sequence[int]) -> Spread:
        """Return some of the seeds, by their positions."""
        return replace(self, values=self.values[:, :, list(seeds)])

    def draw_checks(self, m: int, count: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
        """Draw checks of unchanged code: m seeds at random against the others, for each block by itself.

        Returns
        -------
        falls, errors : np.ndarray, float64, shape (count, comparisons)
            How far the mean of each check falls, and the standard error of that by the seeds that are left: those of a
            check must have no part in the measure they are held against.
        """
        means, left, variances = np.zeros((3, count, len(self.comparisons)))
        n = self.seeds - m
        for chosen, signs, values in self._choices(m, count, purpose):
            means += (chosen * signs) @ values.T / m
            others = 1 - chosen
            mean = np.zeros_like(means) if self.paired else others @ values.T / n
            left += mean
            variances += (others @ (values**2).T - n * mean**2) / (n if self.paired else n - 1)
        return left - means, self._believed(variances) * self._scale(m, n)

    def draw_means(self, m: int, count: int, purpose: str) -> np.ndarray:
        """Return the means of checks of m seeds, float64, shape (count, comparisons)."""
        return sum((chosen * signs) @ values.T / m for chosen, signs, values in self._choices(m, count, purpose))

    def _choices(self, m: int, count: int, purpose: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return per block which seeds each check has (0 or 1), with which sign, and the block's values."""
        found = []
        for (category, shots), values in zip(self.blocks, self.values, strict=True):
            rng = stream("gate", purpose, category, shots, m)
            order = np.argsort(rng.random((count, self.seeds)), axis=1)
            chosen = np.zeros((count, self.seeds))
            np.put_along_axis(chosen, order[:, :m], 1.0, axis=1)
            signs = rng.choice([-1.0, 1.0], chosen.shape) if self.paired else np.ones(chosen.shape)
            found.append((chosen, signs, values))
        return found


def measure_spread(scores: Scores, paired: bool = False) -> Spread:
    """Return what seeds contribute to each comparison.

    Parameters
    ----------
    scores : Scores
        Metrics of every seed; differences between two machines if ``paired``.

    Raises
    ------
    InputError
        If cells differ in their seeds, or there are fewer than ``SMALLEST_SEEDS``.
    """
    seeds = sorted({seed for values in scores.values() for seed in values})
    if any(set(values) != set(seeds) for values in scores.values()):
        raise InputError("a baseline has the same seeds for every method, category and K: write it with check --update")
    if len(seeds) < SMALLEST_SEEDS:
        raise InputError(
            f"{len(seeds)} seeds do not tell how far seeds spread: a baseline has at least {SMALLEST_SEEDS}"
        )
    comparisons = list_comparisons(scores)
    blocks = list(dict.fromkeys((cell.category, cell.shots) for cell in scores))
    values = np.zeros((len(blocks), len(comparisons), len(seeds)))
    for j, comparison in enumerate(comparisons):
        for cell in comparison.cells:
            series = np.array([scores[cell][seed][comparison.metric] for seed in seeds], dtype=np.float64)
            values[blocks.index((cell.category, cell.shots)), j] += series / len(comparison.cells)
    return Spread(comparisons, blocks, values, paired)


def calibrate(spread: Spread, m: int, resamples: int = RESAMPLES) -> Calibration:
    """Return tolerances for checks of m seeds, which together raise a false alarm in ``FALSE_ALARMS`` of all checks.

    Within a level they are alike in standard errors. Levels have their own, since single cells are far from normal and
    what is averaged over many is not.

    Raises
    ------
    InputError
        If there are not at least two seeds more than that.
    """
    n = spread.seeds
    if m > n - 2:
        raise InputError(f"{m} seeds are too many for a baseline of {n}: check {n - 2} at most, or write a larger one")
    falls, errors = spread.draw_checks(m, resamples, "calibration")
    falls /= errors
    levels = np.array([comparison.level for comparison in spread.comparisons])
    share = FALSE_ALARMS / len(LEVELS)
    # Never less than a single normal comparison needs: seeds that all agree would allow for nothing.
    least = float(norm.isf(share))
    critical = {
        level: max(least, float(np.quantile(falls[:, levels == level].max(axis=1), 1 - share, method="higher")))
        for level in LEVELS
        if (levels == level).any()
    }
    allowed = np.array([critical[level] for level in levels]) * spread.errors(m)
    tolerances = {
        comparison: Tolerance(float(deviation), float(most))
        for comparison, deviation, most in zip(spread.comparisons, spread.deviations, allowed, strict=True)
    }
    return Calibration(m, critical, tolerances)

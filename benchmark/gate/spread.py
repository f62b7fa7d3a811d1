"""How far the metrics of unchanged code spread, and tolerances derived from it by resampling; docs/regression-gate.md.

A *check* compares the mean of m seeds with the baseline's: for every cell, for every method over its cells, and for all
cells together. With *other seeds* the means of the m and of the baseline's n seeds differ. With the *same seeds* on
another machine each run differs from its counterpart, since rounding differs and training amplifies that.

Seeds of one (category, K) are drawn together for all methods, which share training images and minibatches; those of
different ones are independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from scipy.stats import norm

from baselines.errors import InputError
from benchmark.gate.outcomes import MEASURES, TERMS, Cell, Measure, Scores
from benchmark.random_streams import stream

# The share of checks of unchanged code that may raise an alarm, divided equally among the groups of comparisons.
FALSE_ALARMS = 0.002
SMALLEST_SEEDS = 5
RESAMPLES = 20_000
# The least standard deviation of a measure: a few pixels make as much in a metric.
_SMALLEST_SPREAD = 1e-4


class Level(StrEnum):
    """How many cells a comparison averages over."""

    CELL = "cell"
    METHOD = "method"
    ALL = "all"


class Group(StrEnum):
    """Comparisons that are tolerated the same number of standard errors: metrics, or training terms, of one level."""

    CELL = "cell"
    METHOD = "method"
    ALL = "all"
    CELL_TERMS = "cell_terms"
    METHOD_TERMS = "method_terms"
    ALL_TERMS = "all_terms"


@dataclass(frozen=True)
class Comparison:
    """A mean that is compared: of a cell, of a method over its cells, or of all cells.

    Attributes
    ----------
    measure : str
        One of ``MEASURES``.
    cells : tuple of Cell
        Averaged with equal weights.
    category, method : str
        "" if over several.
    shots : int
        0 if over several.

    Examples
    --------
    >>> Comparison("iou", (Cell("carpet", "unet", 1), Cell("tile", "unet", 1)), method="unet").level
    <Level.METHOD: 'method'>
    """

    measure: Measure
    cells: tuple[Cell, ...]
    category: str = ""
    method: str = ""
    shots: int = 0

    @property
    def level(self) -> Level:
        return Level.CELL if self.category else Level.METHOD if self.method else Level.ALL

    @property
    def group(self) -> Group:
        return Group(f"{self.level}_terms" if self.two_sided else self.level)

    @property
    def two_sided(self) -> bool:
        """Whether a rise is as much a regression as a fall."""
        return self.measure in TERMS

    @property
    def place(self) -> tuple[str, str, int]:
        """Category, method and K: the same for every measure."""
        return self.category, self.method, self.shots


class Tolerance(Struct, frozen=True, array_like=True):
    """How far a check's mean may fall; a pair in the baseline's file.

    Attributes
    ----------
    spread : float
        As ``Spread.deviations``.
    allowed : float
        At least 1e-6; a mean that falls by more (a term that changes by more) is a regression.
    """

    spread: float
    # Not gt=0: torch.set_flush_denormal makes the bound that msgspec derives from it, the least denormal, a zero.
    allowed: Annotated[float, Meta(ge=1e-6)]


@dataclass(frozen=True)
class Calibration:
    """Tolerances for checks of m seeds.

    Attributes
    ----------
    seeds : int
        m.
    critical : dict
        For each group, how many standard errors a mean may fall, or a term may change: only in an equal share of
        ``FALSE_ALARMS`` of the resampled checks of unchanged code does any comparison of that group exceed it.
    tolerances : dict
    """

    seeds: int
    critical: dict[Group, float]
    tolerances: dict[Comparison, Tolerance]


def list_comparisons(scores: Scores) -> list[Comparison]:
    """Return the comparisons, measure by measure: cells, then methods, then all cells.

    A measure that is undefined for some seed of a cell (AUC without normal test images, lambda without pasted images)
    is not compared there.
    """
    comparisons = []
    for measure in MEASURES:
        cells = [
            cell for cell, seeds in scores.items() if all(values[measure] is not None for values in seeds.values())
        ]
        comparisons += [Comparison(measure, (cell,), cell.category, cell.method, cell.shots) for cell in cells]
        for method in dict.fromkeys(cell.method for cell in cells):
            own = tuple(cell for cell in cells if cell.method == method)
            if len(own) > 1:
                comparisons.append(Comparison(measure, own, method=method))
        if len({cell.method for cell in cells}) > 1:
            comparisons.append(Comparison(measure, tuple(cells)))
    return comparisons


@dataclass(frozen=True)
class Spread:
    """The contribution of each seed to each comparison, from which checks of unchanged code are drawn.

    Attributes
    ----------
    comparisons : list of Comparison
    blocks : list of (category, K)
    values : np.ndarray, float64, shape (blocks, comparisons, seeds)
        Contribution of each seed of a block to the mean of each comparison.
    paired : bool
        Whether these are differences of each run between two machines. Their mean is taken as zero, since either
        machine could be the first.
    """

    comparisons: list[Comparison]
    blocks: list[tuple[str, int]]
    values: np.ndarray
    paired: bool

    @property
    def seeds(self) -> int:
        """n."""
        return int(self.values.shape[2])

    @property
    def means(self) -> np.ndarray:
        """The expected mean of a check of unchanged code, per comparison."""
        return np.zeros(len(self.comparisons)) if self.paired else self.values.mean(axis=2).sum(axis=0)

    @property
    def deviations(self) -> np.ndarray:
        """The standard deviation of each comparison over seeds, at least the median of its measure and level.

        Some trainings fail, but rarely: a few seeds often include none of these, and then agree too well.
        """
        variances: np.ndarray = (self.values**2).mean(axis=2) if self.paired else self.values.var(axis=2, ddof=1)
        return self._with_floor(variances.sum(axis=0))

    def _with_floor(self, variances: np.ndarray) -> np.ndarray:
        """Return ``deviations`` from variances, comparisons in the last axis."""
        own: np.ndarray = np.sqrt(np.maximum(variances, 0))
        kinds = [(comparison.measure, comparison.level) for comparison in self.comparisons]
        result = own.copy()
        for kind in set(kinds):
            alike = np.array([other == kind for other in kinds])
            median = np.median(own[..., alike], axis=-1, keepdims=True)
            result[..., alike] = np.maximum(own[..., alike], np.maximum(median, _SMALLEST_SPREAD))
        return result

    def exceedances(self, falls: np.ndarray) -> np.ndarray:
        """Return what counts against tolerances: falls, but for two-sided comparisons changes in either direction.

        Parameters
        ----------
        falls : np.ndarray, shape (checks, comparisons)
        """
        two_sided = [comparison.two_sided for comparison in self.comparisons]
        return np.where(two_sided, np.abs(falls), falls)

    def errors(self, m: int) -> np.ndarray:
        """Return the standard error, per comparison, of the fall of the mean of m seeds."""
        return self.deviations * self._scale(m, self.seeds)

    def _scale(self, m: int, n: int) -> float:
        return math.sqrt(1 / m) if self.paired else math.sqrt(1 / m + 1 / n)

    def take(self, seeds: Sequence[int]) -> Spread:
        """Return the spread of some of the seeds, given by position."""
        return replace(self, values=self.values[:, :, list(seeds)])

    def draw_checks(self, m: int, count: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
        """Draw checks of unchanged code: m random seeds against the others, independently for each block.

        Returns
        -------
        falls, errors : np.ndarray, float64, shape (count, comparisons)
            How far the mean of each check falls, and the standard error of that fall, estimated from the remaining
            seeds: those of the check must not influence the tolerance they are tested against.
        """
        means, left, variances = np.zeros((3, count, len(self.comparisons)))
        n = self.seeds - m
        for chosen, signs, values in self._choices(m, count, purpose):
            means += (chosen * signs) @ values.T / m
            others = 1 - chosen
            mean = np.zeros_like(means) if self.paired else others @ values.T / n
            left += mean
            variances += (others @ (values**2).T - n * mean**2) / (n if self.paired else n - 1)
        return left - means, self._with_floor(variances) * self._scale(m, n)

    def draw_means(self, m: int, count: int, purpose: str) -> np.ndarray:
        """Return the means of checks of m seeds, float64, shape (count, comparisons)."""
        means = np.zeros((count, len(self.comparisons)))
        for chosen, signs, values in self._choices(m, count, purpose):
            means += (chosen * signs) @ values.T / m
        return means

    def _choices(self, m: int, count: int, purpose: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return for each block which seeds each check has (0 or 1), with which sign, and the block's values."""
        choices = []
        for (category, shots), values in zip(self.blocks, self.values, strict=True):
            rng = stream("gate", purpose, category, shots, m)
            order = np.argsort(rng.random((count, self.seeds)), axis=1)
            chosen = np.zeros((count, self.seeds))
            np.put_along_axis(chosen, order[:, :m], 1.0, axis=1)
            signs = rng.choice([-1.0, 1.0], chosen.shape) if self.paired else np.ones(chosen.shape)
            choices.append((chosen, signs, values))
        return choices


def measure_spread(scores: Scores, paired: bool = False) -> Spread:
    """Return the contribution of each seed to each comparison.

    Parameters
    ----------
    scores : Scores
        Metrics of every seed; their differences between two machines if ``paired``.

    Raises
    ------
    InputError
        If cells differ in their seeds, or there are fewer than ``SMALLEST_SEEDS``.
    """
    seeds = sorted({seed for values in scores.values() for seed in values})
    if any(set(values) != set(seeds) for values in scores.values()):
        raise InputError("a baseline has the same seeds for every method, category and K: write it with check --update")
    if len(seeds) < SMALLEST_SEEDS:
        raise InputError(f"{len(seeds)} seeds are too few to measure a spread: a baseline has {SMALLEST_SEEDS} or more")
    comparisons = list_comparisons(scores)
    blocks = list(dict.fromkeys((cell.category, cell.shots) for cell in scores))
    values = np.zeros((len(blocks), len(comparisons), len(seeds)))
    for j, comparison in enumerate(comparisons):
        for cell in comparison.cells:
            series = np.array([scores[cell][seed][comparison.measure] for seed in seeds], dtype=np.float64)
            values[blocks.index((cell.category, cell.shots)), j] += series / len(comparison.cells)
    return Spread(comparisons, blocks, values, paired)


def calibrate(spread: Spread, m: int, resamples: int = RESAMPLES) -> Calibration:
    """Return tolerances for checks of m seeds, under which ``FALSE_ALARMS`` of all checks raise a false alarm.

    Within a group they are the same number of standard errors. Groups have numbers of their own: the distribution of a
    single cell is far from normal, that of an average over many is not, and a training term spreads unlike a metric.

    Raises
    ------
    InputError
        If there are fewer than m + 2 seeds.
    """
    n = spread.seeds
    if m > n - 2:
        raise InputError(f"{m} seeds are too many for a baseline of {n}: check {n - 2} at most, or write a larger one")
    falls, errors = spread.draw_checks(m, resamples, "calibration")
    falls = spread.exceedances(falls / errors)
    groups = np.array([comparison.group for comparison in spread.comparisons])
    kinds = 2 if any(comparison.two_sided for comparison in spread.comparisons) else 1
    share = FALSE_ALARMS / len(Level) / kinds
    critical = {}
    for group in dict.fromkeys(comparison.group for comparison in spread.comparisons):
        own = groups == group
        sides = 2 if group.endswith("terms") else 1
        # At least what a single normal comparison needs: seeds that all agree would leave no tolerance.
        least = float(norm.isf(share / sides))
        critical[group] = max(least, float(np.quantile(falls[:, own].max(axis=1), 1 - share, method="higher")))
    allowed = np.array([critical[group] for group in groups]) * spread.errors(m)
    tolerances = {
        comparison: Tolerance(float(deviation), float(most))
        for comparison, deviation, most in zip(spread.comparisons, spread.deviations, allowed, strict=True)
    }
    return Calibration(m, critical, tolerances)

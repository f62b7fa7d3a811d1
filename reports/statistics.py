"""Paired comparisons across categories, from differences alone; docs/statistics.md gives the reasons.

The unit is the category: seeds are averaged first. Where too few categories are paired for any outcome to be
significant, there is no p-value and no interval. Claims about one category are compared over its seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

ALPHA = 0.05
CONFIDENCE = 1 - ALPHA
# Up to this many sign patterns are enumerated; beyond, this many are drawn.
MAX_PATTERNS = 2**15
NO_PAIR = "no paired category"
# Seeds of one category: with two, Student's interval reaches twelve standard errors to either side.
FEWEST_SEEDS = 3
Unit = Literal["category", "seed", "network"]
UNITS: dict[Unit, str] = {"category": "categories", "seed": "seeds", "network": "networks"}


@dataclass(frozen=True)
class Comparison:
    """A difference over the categories (or seeds of one) that have both of its terms.

    Attributes
    ----------
    what : str
        Description of what is compared.
    n : int
        Pairs; networks, for a rank correlation.
    higher : int
        How many of them have a difference above 0.
    difference, lowest, highest : float or None
        Mean, smallest and largest of the differences; None without a pair.
    low, high : float or None
        Student's interval of the mean difference, not widened for other comparisons.
    confidence : float
        Of that interval.
    p, p_holm : float or None
        Two-sided, and adjusted for the family.
    note : str
        Why there is no p-value, or no interval; else "".
    unit : {"category", "seed", "network"}
        What ``n`` counts.
    """

    what: str
    n: int
    higher: int
    difference: float | None
    lowest: float | None
    highest: float | None
    low: float | None = None
    high: float | None = None
    confidence: float = CONFIDENCE
    p: float | None = None
    p_holm: float | None = None
    note: str = ""
    unit: Unit = "category"

    @property
    def significant(self) -> bool:
        """Whether the adjusted p-value is at most ``ALPHA``."""
        return self.p_holm is not None and self.p_holm <= ALPHA


def smallest_n(alpha: float = ALPHA, comparisons: int = 1) -> int:
    """Return how many pairs a two-sided sign-flip test needs before any outcome can be significant.

    With n pairs the smallest p-value is 2 / 2^n, and Holm multiplies the smallest of a family by its size.

    Examples
    --------
    >>> smallest_n(), smallest_n(comparisons=6)
    (6, 8)
    """
    return math.ceil(math.log2(2 * comparisons / alpha))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of a mean difference under the hypothesis that either sign is equally likely.

    Exact up to 15 pairs, from 2^15 random patterns beyond.

    Parameters
    ----------
    differences : sequence of float
        One per category.

    Examples
    --------
    >>> sign_flip_p([0.1, 0.2, 0.3, 0.1, 0.2, 0.4])
    0.03125
    """
    return _sign_flip_ps((tuple(float(value) for value in differences),))[0]


# This test, Holm's adjustment and Student's interval are written out: importing scipy.stats takes longer than all else.
@lru_cache(maxsize=4096)
def _sign_flip_ps(rows: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    """Test rows of equal length together: most of the time goes into making the patterns."""
    values = np.array(rows)
    n = values.shape[1]
    drawn = 2**n > MAX_PATTERNS
    if drawn:
        bits = np.random.default_rng(0).integers(2, size=(MAX_PATTERNS, n))
    else:  # all patterns whose last sign is +; the others are the same with the sum's sign changed
        bits = np.arange(2 ** (n - 1))[:, np.newaxis] >> np.arange(n) & 1
    sums = np.abs(np.einsum("pn,mn->pm", 1.0 - 2.0 * bits, values))  # @ would start BLAS threads, which costs more
    # Sums that differ by no more than rounding are equal.
    observed = np.abs(values.sum(axis=1)) - 1e-12 * np.abs(values).sum(axis=1)
    extreme = np.count_nonzero(sums >= observed, axis=0)
    # The observed pattern is one of the drawn ones, so that p is never 0.
    return tuple(float(p) for p in (extreme + drawn) / (len(bits) + drawn))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values; None stays None, and counts as a comparison with p = 1.

    Examples
    --------
    >>> holm([0.01, None])
    [0.02, None]
    """
    ones = [1.0 if p is None else p for p in p_values]
    adjusted, highest = list(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(ones)), key=ones.__getitem__)):
        highest = max(highest, min(1.0, (len(ones) - rank) * ones[index]))
        if p_values[index] is not None:
            adjusted[index] = highest
    return adjusted


def student_p(values: ArrayLike, against: float = 0.0) -> float:
    """Return the two-sided p-value of Student's t-test that the mean is ``against``; 0 or 1 if all values are equal.

    Examples
    --------
    >>> round(student_p([0.1, 0.2, 0.3]), 4)
    0.0742
    """
    from scipy.special import stdtr

    data = np.asarray(values, dtype=np.float64) - against
    mean, error = float(data.mean()), float(data.std(ddof=1)) / math.sqrt(len(data))
    if error <= 1e-12 * abs(mean):  # nothing but rounding
        return 0.0 if mean else 1.0
    return float(2 * stdtr(len(data) - 1, -abs(mean) / error))


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Student's interval of the mean of at least two values.

    Examples
    --------
    >>> low, high = mean_interval([1, 2, 3])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    from scipy.special import stdtrit  # slow to import, and not needed to print tables

    data = np.asarray(values, dtype=np.float64)
    half = stdtrit(len(data) - 1, (1 + confidence) / 2) * data.std(ddof=1) / math.sqrt(len(data))
    return float(data.mean() - half), float(data.mean() + half)


def describe_paired(what: str, differences: pd.Series, confidence: float = CONFIDENCE) -> Comparison:
    """Return the mean difference with its interval and no test; no interval for fewer than ``smallest_n()`` pairs."""
    values = differences.dropna().to_numpy(dtype=np.float64)
    comparison = replace(_described(what, values), confidence=confidence)
    if not len(values):
        return replace(comparison, note=NO_PAIR)
    if len(values) < smallest_n():
        return replace(comparison, note=_too_few(len(values), "", f"an interval needs {smallest_n()}"))
    low, high = mean_interval(values, confidence)
    return replace(comparison, low=low, high=high)


def _described(what: str, values: np.ndarray) -> Comparison:
    if not len(values):
        return Comparison(what, 0, 0, None, None, None)
    mean, lowest, highest = float(values.mean()), float(values.min()), float(values.max())
    return Comparison(what, len(values), int((values > 0).sum()), mean, lowest, highest)


def _too_few(n: int, ties: str, need: str) -> str:
    return f"too few paired categories ({n}{ties}; {need})"


def compare_paired(
    family: Mapping[str, pd.Series], against: float = 0.0, fewest: int | None = None
) -> list[Comparison]:
    """Test mean differences against a value, as one family, by sign flips.

    Parameters
    ----------
    family : mapping
        Description of each comparison to its differences, one per category.
    against : float, optional
        The mean difference of the null hypothesis; it does not change the reported differences.
    fewest : int, optional
        Pairs from which on there is a p-value; as many as Holm's correction needs if not given. A claim that is
        supported by all of its comparisons together needs no correction, and so no more than ``smallest_n()``.

    Returns
    -------
    list of Comparison
        In the order given; Holm over the whole family, those without a p-value included.
    """
    needed = fewest or smallest_n(comparisons=max(len(family), 1))
    described, testable = [], {}
    for what, series in family.items():
        comparison = describe_paired(what, series)
        values = series.dropna().to_numpy(dtype=np.float64) - against
        unequal = int(np.count_nonzero(values))  # a pair without a difference has one sign pattern, not two
        if unequal >= needed:
            testable[what] = tuple(values.tolist())
        elif len(values):
            ties = f", {len(values) - unequal} of them equal" if unequal < len(values) else ""
            comparison = replace(comparison, note=_too_few(len(values), ties, f"a p-value needs {needed}"))
        described.append(comparison)
    p_values: dict[str, float] = {}
    for count in {len(values) for values in testable.values()}:
        rows = {what: values for what, values in testable.items() if len(values) == count}
        p_values |= zip(rows, _sign_flip_ps(tuple(rows.values())), strict=True)
    return _with_p_values(described, [p_values.get(item.what) for item in described])


def _with_p_values(described: list[Comparison], p_values: list[float | None]) -> list[Comparison]:
    return [
        replace(comparison, p=p, p_holm=adjusted)
        for comparison, p, adjusted in zip(described, p_values, holm(p_values), strict=True)
    ]


def compare_over_seeds(family: Mapping[str, pd.Series], against: float = 0.0) -> list[Comparison]:
    """Test mean differences over the seeds of one category, as one family, by Student's paired t-test.

    Sign flips could decide nothing with the paper's five seeds; that seeds scatter normally is assumed instead.

    Parameters
    ----------
    family : mapping
        Description of each comparison to its differences, one per seed.
    against : float, optional

    Returns
    -------
    list of Comparison
        In the order given; no p-value for fewer than ``FEWEST_SEEDS`` seeds.

    Examples
    --------
    >>> (found,) = compare_over_seeds({"a - b": pd.Series([0.1, 0.2, 0.3])})
    >>> found.n, found.unit, round(found.p, 4)
    (3, 'seed', 0.0742)
    """
    described, p_values = [], []
    for what, series in family.items():
        values = series.dropna().to_numpy(dtype=np.float64)
        comparison, p = _described(what, values), None
        if not len(values):
            comparison = replace(comparison, note="no seed of both")
        elif len(values) < FEWEST_SEEDS:
            comparison = replace(comparison, note=f"too few seeds ({len(values)}; {FEWEST_SEEDS} needed)")
        else:
            low, high = mean_interval(values)
            comparison, p = replace(comparison, low=low, high=high), student_p(values, against)
        described.append(replace(comparison, unit="seed"))
        p_values.append(p)
    return _with_p_values(described, p_values)


def compare_ranks(what: str, sizes: Sequence[float], scores: ArrayLike) -> Comparison:
    """Return the negative rank correlation of sizes and scores, with its exact permutation p-value.

    Parameters
    ----------
    what : str
    sizes, scores : sequence of float
        One of each per network, at most eight; a score may be NaN.

    Returns
    -------
    Comparison
        Its ``difference`` is minus Spearman's correlation (ties have their mean rank): positive where smaller is
        better. Without a p-value if a score is missing or all are equal.

    Examples
    --------
    >>> found = compare_ranks("by size", [1, 2, 3, 4, 5], [0.5, 0.4, 0.3, 0.2, 0.1])
    >>> found.difference, round(found.p, 4)
    (1.0, 0.0167)
    """
    x, y = pd.Series(sizes, dtype="float64").rank().to_numpy(), pd.Series(np.asarray(scores, dtype=np.float64))
    blank = Comparison(what, 0, 0, None, None, None, unit="network")
    if y.isna().any() or y.nunique() < 2:
        return replace(blank, note="no category has complete seeds of every network" if y.isna().any() else NO_PAIR)
    x, ranks = x - x.mean(), y.rank().to_numpy() - (len(y) + 1) / 2
    products = np.array(list(permutations(ranks))) @ x
    observed = float(ranks @ x)
    correlation = -observed / math.sqrt(float(x @ x) * float(ranks @ ranks))
    p = float(np.mean(np.abs(products) >= abs(observed) - 1e-9))
    r = round(correlation, 12)
    return replace(blank, n=len(y), higher=int(r > 0), difference=r, lowest=r, highest=r, p=p, p_holm=p)

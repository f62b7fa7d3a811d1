"""Paired comparisons across categories, from scores alone; docs/statistics.md gives the reasons.

The unit is the category: seeds are averaged first. Where too few categories are paired for any outcome to be
significant, there is no p-value and no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from benchmark.score import Metric
from reports.averaging import averaged_rows
from reports.collect import UNSUCCESSFUL, ResultSet, in_order

ALPHA = 0.05
CONFIDENCE = 1 - ALPHA
# Up to this many sign patterns are enumerated; beyond, this many are drawn.
MAX_PATTERNS = 2**15
NO_PAIR = "no paired category"


@dataclass(frozen=True)
class CategoryScores:
    """One metric for one K, a number per category and method.

    Attributes
    ----------
    values : pd.DataFrame
        Categories by methods; NaN where seeds are incomplete.
    left_out : dict
        For each (category, method) that is NaN, the reason.
    """

    values: pd.DataFrame
    left_out: dict[tuple[str, str], str]


@dataclass(frozen=True)
class Comparison:
    """A difference over the categories that have both of its terms.

    Attributes
    ----------
    what : str
        Description of what is compared.
    n : int
        Categories paired.
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
    if not len(values):
        return Comparison(what, 0, 0, None, None, None, note=NO_PAIR)
    comparison = Comparison(
        what,
        len(values),
        int((values > 0).sum()),
        float(values.mean()),
        float(values.min()),
        float(values.max()),
        confidence=confidence,
    )
    if len(values) < smallest_n():
        return replace(comparison, note=_too_few(len(values), "", f"an interval needs {smallest_n()}"))
    low, high = mean_interval(values, confidence)
    return replace(comparison, low=low, high=high)


def _too_few(n: int, ties: str, need: str) -> str:
    return f"too few paired categories ({n}{ties}; {need})"


def compare_paired(family: Mapping[str, pd.Series], against: float = 0.0) -> list[Comparison]:
    """Test mean differences against a value, as one family.

    Parameters
    ----------
    family : mapping
        Description of each comparison to its differences, one per category.
    against : float, optional
        The mean difference of the null hypothesis; it does not change the reported differences.

    Returns
    -------
    list of Comparison
        In the order given; Holm over the whole family, those without a p-value included.
    """
    needed = smallest_n(comparisons=max(len(family), 1))
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
    tested = [p_values.get(item.what) for item in described]
    return [
        replace(comparison, p=p, p_holm=adjusted)
        for comparison, p, adjusted in zip(described, tested, holm(tested), strict=True)
    ]


def category_scores(runs: pd.DataFrame, metric: str, shots: int, seeds: Sequence[int]) -> CategoryScores:
    """Average over seeds, for each category and method whose seeds are complete.

    Parameters
    ----------
    runs : pd.DataFrame
        At least ``category method shots seed status`` and the metric; one row per run.
    metric : str
        Name of its column.
    shots : int
    seeds : sequence of int
        Those that every category and method should have, each once.
    """
    here = runs[runs["shots"] == shots]
    categories, methods = here["category"].unique(), here["method"].unique()
    values = pd.DataFrame(np.nan, index=pd.Index(categories), columns=pd.Index(methods), dtype="float64")
    left_out = {(category, method): "not run" for category in categories for method in methods}
    for (category, method), cell in here.groupby(["category", "method"], sort=False):
        counted = averaged_rows(cell).dropna(subset=[metric])
        if sorted(counted["seed"]) == sorted(seeds):
            values.loc[category, method] = counted[metric].mean()
            del left_out[category, method]
        else:
            left_out[category, method] = _why_incomplete(cell, len(counted), len(seeds))
    return CategoryScores(values, left_out)


def _why_incomplete(cell: pd.DataFrame, counted: int, expected: int) -> str:
    if cell["seed"].duplicated().any():
        return "two runs of one seed"
    counts = cell["status"].value_counts()
    reasons = [f"{counts[status]} {reason}" for status, reason in UNSUCCESSFUL.items() if status in counts]
    return f"{counted} of {expected} seeds" + (f", {', '.join(reasons)}" if reasons else "")


# Category to method to the reason why it lacks a number.
LeftOut = dict[str, dict[str, str]]


def difference(scores: CategoryScores, first: str, second: str) -> tuple[pd.Series, LeftOut]:
    """Return first minus second for each category that has both, and why the other categories do not."""
    values = scores.values.reindex(columns=list(dict.fromkeys([first, second])))
    left_out: LeftOut = {}
    for category, line in values[values.isna().any(axis=1)].iterrows():
        left_out[str(category)] = {
            name: scores.left_out.get((category, name), "not run") for name in line.index[line.isna()]
        }
    return (values[first] - values[second]).dropna().astype("float64"), left_out


def left_out_lines(left_out: LeftOut, label: Callable[[str], str]) -> list[str]:
    """Return a line for each category that is left out; methods with the same reason are listed together."""
    lines = []
    for category, reasons in left_out.items():
        methods: dict[str, list[str]] = {}
        for method, reason in reasons.items():
            methods.setdefault(reason, []).append(label(method))
        grouped = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in methods.items())
        lines.append(f"{category} ({grouped})")
    return lines


@dataclass(frozen=True)
class MethodComparison:
    """A reference method minus another one.

    Attributes
    ----------
    method : str
    mean : float or None
        Of the method, over the paired categories.
    comparison : Comparison
    left_out : list of str
        The categories that are not paired, with the reason.
    """

    method: str
    mean: float | None
    comparison: Comparison
    left_out: list[str]


def compare_methods(results: ResultSet, metric: Metric, shots: int, reference: str) -> list[MethodComparison]:
    """Compare a method, the reference, with every other one, as one family; in the order of ``results.methods``."""
    scores = category_scores(results.runs, metric, shots, results.seeds(shots))
    # Not all methods have runs for this K.
    others = [method for method in in_order(scores.values.columns, tuple(results.methods)) if method != reference]
    pairs = {method: difference(scores, reference, method) for method in others}
    found = []
    for item in compare_paired({method: series for method, (series, _) in pairs.items()}):
        series, left_out = pairs[item.what]
        mean = float(scores.values.loc[series.index, item.what].mean()) if len(series) else None
        found.append(MethodComparison(item.what, mean, item, left_out_lines(left_out, results.label)))
    return found

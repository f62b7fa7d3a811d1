"""Paired comparisons across categories. Scores in, comparisons out; docs/statistics.md gives the reasons.

The unit is the category: seeds are averaged first. Where so few categories are paired that no outcome could be
significant, there is no p-value and no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reports.collect import ResultSet, in_order

ALPHA = 0.05
CONFIDENCE = 1 - ALPHA
# Up to this many sign patterns all are tried; beyond, this many are drawn.
MOST_PATTERNS = 2**15
NO_PAIR = "no category has both"


@dataclass(frozen=True)
class CategoryScores:
    """One metric under one K, a number per category and method.

    Attributes
    ----------
    values : pd.DataFrame
        Categories by methods; NaN where the seeds are not complete.
    left_out : dict
        For each (category, method) that is NaN, why in a few words.
    """

    values: pd.DataFrame
    left_out: dict[tuple[str, str], str]


@dataclass(frozen=True)
class Comparison:
    """Two things compared over the categories that both have.

    Attributes
    ----------
    what : str
        What is compared, in words.
    n : int
        Categories paired.
    higher : int
        In how many the difference is above 0.
    difference, lowest, highest : float or None
        Mean, smallest and largest of the differences; None without a pair.
    low, high : float or None
        Student's interval of the mean difference, by itself (not widened for other comparisons).
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


def smallest_n(alpha: float = ALPHA, comparisons: int = 1) -> int:
    """Return how many pairs a two-sided sign-flip test needs before any outcome can be significant.

    With n pairs the smallest p-value is 2 / 2^n, and Holm multiplies the smallest of a family by its size: 6 pairs
    for a single comparison at 0.05, 8 for a family of six.
    """
    return math.ceil(math.log2(2 * comparisons / alpha))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of a mean difference if every difference may as well have the other sign.

    Exact up to 15 pairs, from 2^15 random patterns beyond.

    Parameters
    ----------
    differences : sequence of float
        One per category.
    """
    return _sign_flip_ps((tuple(float(value) for value in differences),))[0]


@lru_cache(maxsize=4096)
def _sign_flip_ps(rows: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    """Test rows of equal length at once: making the patterns is what takes the time."""
    result = stats.permutation_test(
        (np.array(rows),),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        axis=-1,
        n_resamples=MOST_PATTERNS,
        batch=MOST_PATTERNS // 16,
        rng=np.random.default_rng(0),
    )
    return tuple(float(p) for p in result.pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values; one that is None stays so, and counts as a comparison that found nothing."""
    if len(p_values) == 1 or all(p is None for p in p_values):
        return list(p_values)
    adjusted = _adjusted(tuple(1.0 if p is None else p for p in p_values))
    return [None if p is None else value for p, value in zip(p_values, adjusted, strict=True)]


@lru_cache(maxsize=4096)  # multipletests collects garbage, which takes longer than all the rest
def _adjusted(p_values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(value) for value in multipletests(p_values, method="holm")[1])


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Student's interval of the mean of at least two values."""
    data = np.asarray(values, dtype=np.float64)
    half = stats.t.ppf((1 + confidence) / 2, len(data) - 1) * data.std(ddof=1) / math.sqrt(len(data))
    return float(data.mean() - half), float(data.mean() + half)


def describe_paired(what: str, differences: pd.Series, confidence: float = CONFIDENCE) -> Comparison:
    """Return the mean difference with its interval, without a test; no interval where n is below ``smallest_n()``."""
    values = differences.dropna().to_numpy(dtype=np.float64)
    if not len(values):
        return Comparison(what, 0, 0, None, None, None, note=NO_PAIR)
    found = Comparison(
        what,
        len(values),
        int((values > 0).sum()),
        float(values.mean()),
        float(values.min()),
        float(values.max()),
        confidence=confidence,
    )
    if len(values) < smallest_n():
        return replace(found, note=f"n too small: {len(values)} pairs, an interval needs {smallest_n()}")
    low, high = mean_interval(values, confidence)
    return replace(found, low=low, high=high)


def compare_paired(family: Mapping[str, pd.Series], against: float = 0.0) -> list[Comparison]:
    """Compare mean differences with a value, as one family.

    Parameters
    ----------
    family : mapping
        What is compared, in words, to its differences, one per category.
    against : float, optional
        The mean difference of the null hypothesis; differences are shown as they are.

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
        telling = int(np.count_nonzero(values))  # a pair without a difference has one sign pattern, not two
        if telling >= needed:
            testable[what] = tuple(values.tolist())
        elif len(values):
            equal = f", {len(values) - telling} of them equal" if telling < len(values) else ""
            note = f"n too small: {len(values)} pairs{equal}, a p-value needs {needed}"
            comparison = replace(comparison, note=note)
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
    """Average over seeds where they are complete.

    Parameters
    ----------
    runs : pd.DataFrame
        At least ``category method shots seed status`` and the metric; one row per run.
    metric : str
    shots : int
    seeds : sequence of int
        Which every cell should have, each once.
    """
    here = runs[runs["shots"] == shots]
    categories, methods = here["category"].unique(), here["method"].unique()
    values = pd.DataFrame(np.nan, index=pd.Index(categories), columns=pd.Index(methods), dtype="float64")
    left_out = {(category, method): "not run" for category in categories for method in methods}
    for (category, method), cell in here.groupby(["category", "method"], sort=False):
        good = cell[(cell["status"] == "done") & cell[metric].notna()]
        if sorted(good["seed"]) == sorted(seeds):
            values.loc[category, method] = good[metric].mean()
            del left_out[category, method]
        else:
            left_out[category, method] = _why_incomplete(cell, good, len(seeds))
    return CategoryScores(values, left_out)


def _why_incomplete(cell: pd.DataFrame, good: pd.DataFrame, wanted: int) -> str:
    if cell["seed"].duplicated().any():
        return "two runs of one seed"
    counts = cell["status"].value_counts()
    words = {"not_converged": "did not converge", "failed": "failed"}
    reasons = [f"{counts[status]} {said}" for status, said in words.items() if status in counts]
    return f"{len(good)} of {wanted} seeds" + (f", {', '.join(reasons)}" if reasons else "")


LeftOut = dict[str, dict[str, str]]


def difference(scores: CategoryScores, first: str, second: str) -> tuple[pd.Series, LeftOut]:
    """Return first minus second for each category that has both; of every other, which method lacks what."""
    values = scores.values.reindex(columns=list(dict.fromkeys([first, second])))
    left_out: LeftOut = {}
    for category, line in values.iterrows():
        lacking = {name: scores.left_out.get((category, name), "not run") for name in line.index[line.isna()]}
        if lacking:
            left_out[str(category)] = lacking
    return (values[first] - values[second]).dropna().astype("float64"), left_out


def left_out_words(left_out: LeftOut) -> list[str]:
    """Return a line for each category that is left out, with the methods that lack the same named together."""
    lines = []
    for category, lacking in left_out.items():
        methods: dict[str, list[str]] = {}
        for method, why in lacking.items():
            methods.setdefault(why, []).append(method)
        said = "; ".join(f"{', '.join(names)}: {why}" for why, names in methods.items())
        lines.append(f"{category} ({said})")
    return lines


def compare_methods(results: ResultSet, metric: str, shots: int, reference: str) -> pd.DataFrame:
    """Compare a method with every other, as one family.

    Parameters
    ----------
    results : ResultSet
    metric : {"iou", "dc", "auc", "acc"}
    shots : int
    reference : str
        Name of the method.

    Returns
    -------
    pd.DataFrame
        One row per other method: ``method label reference metric shots reference_mean method_mean difference`` (the
        reference's minus the other's), and ``n higher lowest highest low high p p_holm note`` as in ``Comparison``;
        ``left_out`` names the categories that are not paired, and why. Means are over the paired categories. NaN where
        there is no number.
    """
    scores = category_scores(results.runs, metric, shots, results.seeds(shots))
    # Some methods have runs under another K only.
    others = [method for method in in_order(scores.values.columns, tuple(results.methods)) if method != reference]
    pairs = {method: difference(scores, reference, method) for method in others}
    rows = []
    for comparison in compare_paired({method: series for method, (series, _) in pairs.items()}):
        series, left_out = pairs[comparison.what]
        means = scores.values.reindex(index=series.index, columns=[reference, comparison.what]).mean()
        rows.append(
            {
                "method": comparison.what,
                "label": results.label(comparison.what),
                "reference": reference,
                "metric": metric,
                "shots": shots,
                "reference_mean": means[reference],
                "method_mean": means[comparison.what],
                **{name: value for name, value in vars(comparison).items() if name in COMPARISON_COLUMNS},
                "left_out": "; ".join(left_out_words(left_out)),
            }
        )
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    numbers = ["difference", "lowest", "highest", "low", "high", "p", "p_holm"]
    table[numbers] = table[numbers].astype("float64")
    return table


COMPARISON_COLUMNS = (
    "method", "label", "reference", "metric", "shots", "reference_mean", "method_mean", "difference", "n", "higher",
    "lowest", "highest", "low", "high", "p", "p_holm", "note", "left_out",
)  # fmt: skip


def seed_intervals(results: ResultSet, metric: str, shots: int, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Describe how far the seeds of each category and method spread; no claim is judged by it.

    Returns
    -------
    pd.DataFrame
        ``category method n mean low high``: Student's interval of the mean over the seeds that are done; NaN for
        fewer than two.
    """
    runs = results.runs
    done = runs[(runs["shots"] == shots) & (runs["status"] == "done") & runs[metric].notna()]
    rows = []
    for category in in_order(done["category"].unique(), tuple(results.categories)):
        for method in in_order(done.loc[done["category"] == category, "method"].unique(), tuple(results.methods)):
            values = done.loc[(done["category"] == category) & (done["method"] == method), metric].to_numpy()
            low, high = mean_interval(values, confidence) if len(values) > 1 else (np.nan, np.nan)
            rows.append((category, method, len(values), float(values.mean()), low, high))
    return pd.DataFrame(rows, columns=["category", "method", "n", "mean", "low", "high"])

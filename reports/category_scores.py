"""Scores per category and method, and methods compared by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.score import Metric
from reports.averaging import averaged_rows
from reports.collect import UNSUCCESSFUL, ResultSet, in_order
from reports.statistics import Comparison, compare_paired


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

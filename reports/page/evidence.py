"""The tables of a result set beside the paper's, and its pairwise comparisons, for the page."""

from __future__ import annotations

import pandas as pd

from benchmark.score import Metric
from reports.collect import ResultSet
from reports.compare import compare
from reports.page.sections import Listing
from reports.published import Published
from reports.statistics import compare_methods
from reports.tables import Table, all_tables, build_table

_OURS = "albunet_nbr_cap"
_DASH = "\N{EN DASH}"
_HEAD = ("Method", "Categories", "Mean", "Difference", "95 % interval", "Range", "p (Holm)", "Note")
_METRICS: tuple[Metric, ...] = ("iou", "dc")


def compared_tables(results: ResultSet) -> list[Table]:
    """Return the tables that have rows, with the paper's numbers beside theirs."""
    paper = Published()
    tables = (compare(table, build_table(table.number, paper)) for table in all_tables(results))
    return [table for table in tables if table.rows]


def comparisons(results: ResultSet) -> list[Listing]:
    """Compare the paper's method with every other, paired across categories; empty where it has no run."""
    if _OURS not in results.methods or len(results.methods) < 2:
        return []
    return [
        _listing(
            compare_methods(results, metric, shots, _OURS), f"{results.label(_OURS)}, {shots}-shot {metric.upper()}"
        )
        for shots in results.shots
        for metric in _METRICS
    ]


def _listing(table: pd.DataFrame, title: str) -> Listing:
    rows = tuple(
        (
            str(row.label),
            str(row.n),
            _number(row.method_mean, "{:.4f}"),
            _number(row.difference),
            _range(row.low, row.high),
            _range(row.lowest, row.highest),
            _number(row.p_holm, "{:.4f}"),
            str(row.note),
        )
        for row in table.itertuples()
    )
    left_out = dict.fromkeys(text for text in table["left_out"] if text)
    notes = (
        "Mean is that of the method in the row over the paired categories. Differences are the mean over seeds of the "
        "method in the title minus that of the method in the row, paired across categories.",
        *(f"Not paired: {text}." for text in left_out),
    )
    return Listing(f"{title} against each method", _HEAD, rows, notes)


def _number(value: float, form: str = "{:+.4f}") -> str:
    return _DASH if pd.isna(value) else form.format(value).replace("-", "\N{MINUS SIGN}")


def _range(low: float, high: float) -> str:
    return _DASH if pd.isna(low) else f"{_number(low)} to {_number(high)}"

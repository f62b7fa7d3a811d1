"""The tables of a result set with the paper's numbers, and its pairwise comparisons, for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.protocol.studies import TABLE_STUDIES
from benchmark.results.records import Status
from benchmark.score import Metric
from reports.collect import ResultSet
from reports.compare import compare
from reports.page.sections import Listing
from reports.published import Published
from reports.statistics import MethodComparison, compare_methods
from reports.tables import Table, all_tables, build_table

_OURS = "albunet_nbr_cap"
_DASH = "\N{EN DASH}"
_HEAD = ("Method", "Categories", "Mean", "Difference", "95 % interval", "Range", "p (Holm)", "Note")
_METRICS: tuple[Metric, ...] = ("iou", "dc")


def compared_tables(results: ResultSet) -> list[Table]:
    """Return the tables that have rows, each number with the paper's."""
    paper = Published()
    tables = (compare(table, build_table(table.number, paper)) for table in all_tables(results))
    return [table for table in tables if table.rows]


def converged_tables(results: ResultSet) -> list[Table]:
    """Return the tables of numbers over the runs that converged; none if all did."""
    if Status.NOT_CONVERGED not in set(results.runs["status"]):
        return []
    tables = compared_tables(replace(results, averaged="converged"))
    return [table for table in tables if table.number in TABLE_STUDIES]


def comparisons(results: ResultSet) -> list[Listing]:
    """Compare the paper's method with every other, paired across categories; empty where it has no run."""
    if _OURS not in results.methods or len(results.methods) < 2:
        return []
    return [
        _listing(
            compare_methods(results, metric, shots, _OURS),
            results,
            f"{results.label(_OURS)}, {shots}-shot {metric.upper()}",
        )
        for shots in results.shots
        for metric in _METRICS
    ]


def _listing(compared: Sequence[MethodComparison], results: ResultSet, title: str) -> Listing:
    rows = tuple(
        (
            results.label(item.method),
            str(item.comparison.n),
            _number(item.mean, "{:.4f}"),
            _number(item.comparison.difference),
            _range(item.comparison.low, item.comparison.high),
            _range(item.comparison.lowest, item.comparison.highest),
            _number(item.comparison.p_holm, "{:.4f}"),
            item.comparison.note,
        )
        for item in compared
    )
    left_out = dict.fromkeys(line for item in compared for line in item.left_out)
    notes = (
        "Mean is that of the method in the row over the paired categories. Differences are the mean over seeds of the "
        "method in the title minus that of the method in the row, paired across categories.",
        *([f"Not paired: {'; '.join(left_out)}."] if left_out else []),
    )
    return Listing(f"{title} against each method", _HEAD, rows, notes)


def _number(value: float | None, form: str = "{:+.4f}") -> str:
    return _DASH if value is None else form.format(value).replace("-", "\N{MINUS SIGN}")


def _range(low: float | None, high: float | None) -> str:
    return _DASH if low is None else f"{_number(low)} to {_number(high)}"

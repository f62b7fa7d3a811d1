"""The tables of a result set with the paper's numbers, and its pairwise comparisons, for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.protocol.studies import TABLE_STUDIES
from benchmark.results.records import Status
from benchmark.score import Metric
from reports.category_scores import MethodComparison, compare_methods
from reports.collect import ResultSet
from reports.compare import compare
from reports.effects import HEAD, NOTE, effect_rows, estimate_effects
from reports.page.sections import Listing
from reports.published import Published
from reports.tables import Table, all_tables, build_table
from reports.wording import signed, signed_range

_OURS = "albunet_nbr_cap"
_COMPARED_HEAD = ("Method", "Categories", "Mean", "Difference", "95 % interval", "Range", "p (Holm)", "Note")
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


def effect_listings(results: ResultSet) -> list[Listing]:
    """Return the paired effects of NBR, pasting, lambda and batch-norm statistics, as far as their methods were run."""
    listings = []
    for shots in results.shots:
        for metric in _METRICS:
            effects = estimate_effects(results, metric, shots)
            if effects.effects:
                notes = (NOTE, *([f"Not paired: {'; '.join(effects.left_out)}."] if effects.left_out else []))
                title = f"What each addition does, {shots}-shot {metric.upper()}"
                listings.append(Listing(title, HEAD, tuple(effect_rows(effects)), notes))
    return listings


def _listing(compared: Sequence[MethodComparison], results: ResultSet, title: str) -> Listing:
    rows = tuple(
        (
            results.label(item.method),
            str(item.comparison.n),
            signed(item.mean, "{:.4f}"),
            signed(item.comparison.difference),
            signed_range(item.comparison.low, item.comparison.high),
            signed_range(item.comparison.lowest, item.comparison.highest),
            signed(item.comparison.p_holm, "{:.4f}"),
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
    return Listing(f"{title} against each method", _COMPARED_HEAD, rows, notes)

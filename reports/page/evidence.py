"""The tables of a result set with the paper's numbers, and its pairwise comparisons, for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

from benchmark.protocol.studies import TABLE_STUDIES
from benchmark.results.metrics import DEFINITIONS, IMAGE_METRICS, PIXEL_METRICS, THRESHOLD_METRICS, Definition
from benchmark.results.records import Status
from benchmark.score import Metric
from reports.category_scores import MethodComparison, compare_methods
from reports.cells import Cell, Source
from reports.collect import ResultSet
from reports.compare import compare
from reports.effects import FAMILIES, HEAD, effect_rows, estimate_effects
from reports.metrics import Measured
from reports.page.sections import Listing
from reports.published import Published
from reports.tables import Table, all_tables, build_table
from reports.variance import CrossedRuns
from reports.variance_views import PAIR_HEAD, PAIR_NOTE, SPREAD_HEAD, SPREAD_NOTE, left_out, pair_rows, spread_rows
from reports.wording import signed, signed_range

_OURS = "albunet_nbr_cap"
_COMPARED_HEAD = ("Method", "Categories", "Mean", "Difference", "95 % interval", "Range", "p (Holm)", "Note")
_METRICS: tuple[Metric, ...] = ("iou", "dc")
_NUMBERS = {definition.name: definition for definition in DEFINITIONS}
# The metrics beside the paper's, each listing with the numbers of what it is computed from.
_METRIC_LISTINGS = {
    "Pixels at every threshold": (*PIXEL_METRICS, _NUMBERS["regions"]),
    "Pixels at one threshold": (*THRESHOLD_METRICS, _NUMBERS["scored_images"]),
    "Images": (*IMAGE_METRICS, _NUMBERS["defective_images"], _NUMBERS["normal_images"]),
}
_BY_SIZE = tuple(_NUMBERS[name] for name in ("iou", "training_iou", "aupro_0.3", "scored_images"))


def compared_tables(results: ResultSet) -> list[Table]:
    """Return the tables that have rows, each number with the paper's."""
    tables = (compare(table, _published(table.number)) for table in all_tables(results))
    return [table for table in tables if table.rows]


def compared_table(number: str, source: Source) -> Table:
    """Return one table, each number with the paper's."""
    return compare(build_table(number, source), _published(number))


@cache
def _published(number: str) -> Table:
    return build_table(number, Published())


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
    """Return the paired effects of every family, as far as their methods were run."""
    listings = []
    for family, shots, metric in product(FAMILIES.values(), results.shots, _METRICS):
        effects = estimate_effects(results, metric, shots, family)
        if effects.effects:
            notes = (family.note, *([f"Not paired: {'; '.join(effects.left_out)}."] if effects.left_out else []))
            title = f"{family.title}, {shots}-shot {metric.upper()}"
            listings.append(Listing(title, HEAD, tuple(effect_rows(effects)), notes))
    return listings


def spread_listings(crossed: CrossedRuns | None) -> list[Listing]:
    """Return what the spread of IOU and DC comes from, for each K, and how many seeds separate two methods."""
    listings: list[Listing] = []
    if crossed is None:
        return listings
    for shots in crossed.shots:
        for metric in _METRICS:
            of = f"{shots}-shot {metric.upper()}"
            if rows := spread_rows(crossed, metric, shots):
                notes = (*left_out(crossed, metric, shots), SPREAD_NOTE)
                listings.append(Listing(f"Sources of spread, {of}", SPREAD_HEAD, tuple(rows), notes))
            if pairs := pair_rows(crossed, metric, shots):
                listings.append(
                    Listing(f"Seeds that separate two methods, {of}", PAIR_HEAD, tuple(pairs), (PAIR_NOTE,))
                )
    return listings


def metric_listings(whole: Measured, by_size: Measured) -> list[tuple[int, list[Listing]]]:
    """Return, for each K, the metrics beside the paper's, a row per method, and some of them by size of the defects.

    Parameters
    ----------
    whole, by_size : Measured
        Over all test images, and split by size; the first has one group, or none where nothing could be measured.
    """
    results, found = whole.results, []
    for shots in results.shots if whole.groups else ():
        listings = [
            _metric_listing(f"{title}, {shots}-shot", whole, shots, definitions)
            for title, definitions in _METRIC_LISTINGS.items()
        ]
        columns = [(group, definition) for group in by_size.groups for definition in _BY_SIZE]
        head = ("Method", *(f"{definition.short}, defects {group.name}" for group, definition in columns))
        cells = [group.cells(definition, shots) for group, definition in columns]
        meaning = tuple(f"{definition.short}: {by_size.label(definition)}." for definition in _BY_SIZE)
        sizes = Listing(f"By size of the defects, {shots}-shot", head, _metric_rows(results, cells), meaning)
        found.append((shots, [*listings, sizes]))
    return found


def _metric_listing(title: str, whole: Measured, shots: int, definitions: Sequence[Definition]) -> Listing:
    cells = [whole.groups[0].cells(definition, shots) for definition in definitions]
    head = ("Method", *(definition.short for definition in definitions))
    meaning = tuple(f"{definition.short}: {whole.label(definition)}." for definition in definitions)
    return Listing(title, head, _metric_rows(whole.results, cells), meaning)


def _metric_rows(results: ResultSet, columns: Sequence[Mapping[str, Cell]]) -> tuple[tuple[str, ...], ...]:
    """Return a row for each method that has any number."""
    rows = []
    for method in results.methods:
        cells = [column.get(method, Cell(None)) for column in columns]
        if any(cell.value is not None for cell in cells):
            rows.append((results.label(method), *(cell.text for cell in cells)))
    return tuple(rows)


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

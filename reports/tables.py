"""The paper's tables from stored runs. A table is plain data; ``formats`` writes it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from baselines import InputError
from baselines.errors import unknown_name
from reports.collect import ResultSet

DASH = "-"


@dataclass(frozen=True)
class Cell:
    """One number of a table and what it rests on.

    Attributes
    ----------
    value : float or None
        In [0, 1]; None where nothing converged or nothing was run.
    std : float or None
        Sample standard deviation over seeds (n - 1), None for fewer than two seeds or for means.
    n, of : int
        How many runs it rests on, and how many there should be.
    best : bool
        Whether it is the best of its row.
    percent : bool
        Print as a percentage.
    """

    value: float | None
    std: float | None = None
    n: int = 0
    of: int = 0
    best: bool = False
    percent: bool = False

    @property
    def partial(self) -> bool:
        return self.value is not None and self.n < self.of

    @property
    def text(self) -> str:
        """The number as the paper prints it: ``0.5854(0.0069)``; partial ones say ``[1/2]``."""
        if self.value is None:
            return DASH
        number = f"{100 * self.value:.2f}%" if self.percent else f"{self.value:.4f}"
        spread = f"({self.std:.4f})" if self.std is not None else ""
        return number + spread + (f" [{self.n}/{self.of}]" if self.partial else "")


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes
    ----------
    section : str
        Block it belongs to, e.g. ``1-shot``.
    label : str
    cells : tuple of Cell
        One per column.
    is_mean : bool
        Whether it averages the rows above.
    """

    section: str
    label: str
    cells: tuple[Cell, ...]
    is_mean: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the paper, filled from one result set.

    Attributes
    ----------
    number : str
        Roman, as in the paper.
    title, corner : str
        Caption, and head of the column of row labels.
    columns : tuple of str
    rows : tuple of Row
    notes : tuple of str
        What a reader has to know: partial cells, runs that failed or did not converge.
    """

    number: str
    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def blocks(self) -> list[tuple[str, list[Row]]]:
        """The rows by section, in order."""
        return [(section, list(rows)) for section, rows in groupby(self.rows, key=lambda row: row.section)]


def category_table(results: ResultSet, number: str, metric: str, title: str) -> Table:
    """Tables II and III: mean and deviation over seeds for each category and method, then means over categories."""
    rows = []
    methods = results.methods
    for shots in results.shots:
        section = f"{shots}-shot"
        cells = {
            category: [_cell(results, category, method, shots, metric) for method in methods]
            for category in results.categories
        }
        rows += [Row(section, category, _mark_best(line)) for category, line in cells.items()]
        means = [_mean([line[i] for line in cells.values()]) for i in range(len(methods))]
        rows.append(Row(section, "Mean", _mark_best(means), is_mean=True))
    return Table(number, title, "Category", _labels(results, methods), tuple(rows), _notes(results, rows))


def detection_table(results: ResultSet, number: str, title: str) -> Table:
    """Table IV: ACC and AUC per image, averaged over categories, then over seeds."""
    rows = []
    shots = results.shots
    for method in results.methods:
        cells = [
            replace(_category_mean(results, method, count, metric), percent=True)
            for count in shots
            for metric in ("acc", "auc")
        ]
        rows.append(Row("", results.label(method), tuple(cells)))
    columns = tuple(f"{count}-shot {metric}" for count in shots for metric in ("ACC", "AUC"))
    marked = _mark_best_columns(rows)
    return Table(number, title, "Method", columns, marked, _notes(results, rows))


def ablation_table(results: ResultSet, number: str, title: str, methods: tuple[str, ...]) -> Table:
    """Tables V to VII: mean IOU and DC over categories for some of the methods."""
    shots = results.shots
    rows = [
        Row(
            "",
            results.label(method),
            tuple(_category_mean(results, method, k, m) for k in shots for m in ("iou", "dc")),
        )
        for method in methods
        if method in results.methods
    ]
    columns = tuple(f"{count}-shot {metric}" for count in shots for metric in ("IOU", "DC"))
    return Table(number, title, "Method", columns, _mark_best_columns(rows), _notes(results, rows))


_ABLATION = ("albunet", "albunet_nbr", "albunet_nbr_cap")
_BUILDERS: dict[str, Callable[[ResultSet], Table]] = {
    "II": lambda results: category_table(results, "II", "iou", "Mean IOU"),
    "III": lambda results: category_table(results, "III", "dc", "Mean DC"),
    "IV": lambda results: detection_table(
        results, "IV", "Classification accuracy (ACC) and area under the ROC curve (AUC)"
    ),
    "V": lambda results: ablation_table(
        results, "V", "Mean IOU and DC: ablation of the regularization methods", _ABLATION
    ),
    "VI": lambda results: ablation_table(
        results, "VI", "Mean IOU and DC: ablation of lambda", ("albunet_nbr_cap_lambda1", "albunet_nbr_cap")
    ),
    "VII": lambda results: ablation_table(
        results,
        "VII",
        "Mean IOU and DC: ablation of the NBR similarity",
        ("albunet_nbr_cap_euclidean", "albunet_nbr_cap"),
    ),
}
TABLES = tuple(_BUILDERS)


def build_table(number: str, results: ResultSet) -> Table:
    """Return one of the paper's tables from a result set.

    Raises
    ------
    InputError
        If there is no such table.
    """
    if number not in _BUILDERS:
        raise unknown_name("table", number, _BUILDERS)
    return _BUILDERS[number](results)


def all_tables(results: ResultSet) -> list[Table]:
    """Return every table that has at least two methods to compare, or is not an ablation."""
    tables = [build_table(number, results) for number in TABLES]
    return [table for table in tables if table.corner == "Category" or table.number == "IV" or len(table.rows) > 1]


def choose_sets(sets: list[ResultSet], dataset: str | None = None, profile: str | None = None) -> list[ResultSet]:
    """Return the result sets of a data set and a profile, or all.

    Raises
    ------
    InputError
        If none is left.
    """
    chosen = [
        item for item in sets if dataset in (None, item.dataset) and (profile is None or profile in item.profiles)
    ]
    if not chosen:
        there = "; ".join(item.title for item in sets) or "nothing"
        raise InputError(f"no stored runs of that data set and profile; stored are: {there}")
    return chosen


def _cell(results: ResultSet, category: str, method: str, shots: int, metric: str) -> Cell:
    runs = results.runs
    here = runs[(runs["category"] == category) & (runs["method"] == method) & (runs["shots"] == shots)]
    values = here.loc[here["status"] == "done", metric].dropna().to_numpy()
    wanted = len(results.seeds(shots))
    if not len(values):
        return Cell(None, of=wanted)
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Cell(float(np.mean(values)), std, len(values), wanted)


def _mean(cells: list[Cell]) -> Cell:
    """Average over categories; ``n`` and ``of`` count the runs it rests on."""
    values = [cell.value for cell in cells if cell.value is not None]
    runs, wanted = sum(cell.n for cell in cells), sum(cell.of for cell in cells)
    return Cell(float(np.mean(values)) if values else None, None, runs, wanted)


def _category_mean(results: ResultSet, method: str, shots: int, metric: str) -> Cell:
    return _mean([_cell(results, category, method, shots, metric) for category in results.categories])


def _mark_best(cells: list[Cell]) -> tuple[Cell, ...]:
    """Mark the highest number, as printed; a mean over fewer categories than another is not compared."""
    most = max((cell.n for cell in cells), default=0)
    values = [round(cell.value, 4) for cell in cells if cell.value is not None and cell.n == most]
    if len(values) < 2:
        return tuple(cells)
    best = max(values)
    return tuple(
        replace(cell, best=cell.value is not None and cell.n == most and round(cell.value, 4) == best) for cell in cells
    )


def _mark_best_columns(rows: list[Row]) -> tuple[Row, ...]:
    if not rows:
        return ()
    columns = [_mark_best([row.cells[i] for row in rows]) for i in range(len(rows[0].cells))]
    return tuple(replace(row, cells=tuple(column[i] for column in columns)) for i, row in enumerate(rows))


def _labels(results: ResultSet, methods: list[str]) -> tuple[str, ...]:
    return tuple(results.label(method) for method in methods)


def _notes(results: ResultSet, rows: list[Row]) -> tuple[str, ...]:
    notes = []
    if any(cell.partial for row in rows for cell in row.cells):
        notes.append("[n/m]: rests on n of m runs.")
    for status, words in (("not_converged", "did not converge"), ("failed", "failed")):
        count = int((results.runs["status"] == status).sum())
        if count:
            notes.append(f"{count} of {len(results.runs)} runs {words} and are in no mean.")
    return tuple(notes)

"""The paper's tables, from stored runs or from the paper itself. A table is plain data; ``formats`` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from baselines.errors import unknown_name
from benchmark.protocol.studies import TABLE_STUDIES
from benchmark.score import Metric
from reports.cells import Cell, ImageSource, Source
from reports.paper import CATEGORY_TABLES

MEAN = "Mean"
AS_PRINTED = "Mean as printed"
# Table I counts the images of whatever is stored, so it is no study with runs of its own.
IMAGES_TABLE = "I"
TABLES = (IMAGES_TABLE, *TABLE_STUDIES)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    section : str
        Block it belongs to, e.g. ``1-shot``.
    label : str
    cells : tuple of Cell
        One per column.
    is_mean : bool
        Whether it averages the rows above.
    key : str
        Name of the category or method it is about, "" for means.
    """

    section: str
    label: str
    cells: tuple[Cell, ...]
    is_mean: bool = False
    key: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the paper, filled from one source.

    Attributes
    ----------
    number : str
        Roman numeral, as in the paper.
    title, corner : str
        Caption, and head of the column of row labels.
    columns : tuple of str
    rows : tuple of Row
    notes : tuple of str
        What a reader has to know: partial cells, runs that failed or did not converge.
    dataset : str
        Data set the numbers were measured on.
    keys : tuple of str
        Of each column, the name of its method, or its K and metric: the same in every table of that number.
    compared : bool
        Whether cells also hold the paper's numbers.
    """

    number: str
    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    dataset: str = ""
    keys: tuple[str, ...] = ()
    compared: bool = False

    @property
    def blocks(self) -> list[tuple[str, list[Row]]]:
        """The rows by section, in order."""
        return [(section, list(rows)) for section, rows in groupby(self.rows, key=lambda row: row.section)]


def build_table(number: str, source: Source) -> Table:
    """Return one of the paper's tables, from a result set or from ``Published``; it may have no rows.

    Raises
    ------
    InputError
        If there is no such table.
    """
    if number not in TABLES:
        raise unknown_name("table", number, TABLES)
    if number == IMAGES_TABLE:
        return images_table(source)
    for metric, category_table in CATEGORY_TABLES.items():
        if number == category_table:
            return _category_table(source, number, metric)
    return _method_table(source, number)


def all_tables(source: Source) -> list[Table]:
    """Return every table; an ablation only if there are at least two methods to compare."""
    tables = [build_table(number, source) for number in TABLES]
    return [table for table in tables if not _is_ablation(table.number) or len(table.rows) > 1]


def _is_ablation(number: str) -> bool:
    return number in TABLE_STUDIES and not TABLE_STUDIES[number].open_ended


def images_table(source: ImageSource) -> Table:
    """Return Table I: how many images each category has for training and for testing.

    The paper's counts suppose that K images of the whole category are drawn, while Sections III-A and IV-B draw K of
    each defect type. Where the runs drew more than K, the same images are counted both ways.
    """
    as_drawn, per_category = [], []
    differ = False
    for category in source.categories:
        train = [source.images(category, "train_defective", shots) for shots in source.shots]
        test = [source.images(category, "test_defective", shots) for shots in source.shots]
        train_normal, test_normal = source.images(category, "train_normal"), source.images(category, "test_normal")
        as_drawn.append(Row("As drawn", category, (*train, train_normal, *test, test_normal), key=category))
        counts = [_count_per_category(*cells) for cells in zip(source.shots, train, test, strict=True)]
        k, rest = zip(*counts, strict=True)
        per_category.append(Row("K per category", category, (*k, train_normal, *rest, test_normal), key=category))
        differ = differ or any(cell.value not in (None, shots) for shots, cell in zip(source.shots, train, strict=True))
    if differ:
        rows = as_drawn + per_category
        notes = [
            "As drawn: K images of each defect type (Sections III-A and IV-B). K per category: the counts if K images "
            "of the whole category had been drawn, as in the paper's Table I."
        ]
    else:
        rows, notes = [replace(row, section="") for row in as_drawn], []
    columns = tuple(
        head
        for split in ("Train", "Test")
        for head in (*(f"{split} defective {shots}-shot" for shots in source.shots), f"{split} normal")
    )
    return Table(
        IMAGES_TABLE, "Numbers of images", "Category", columns, tuple(rows), tuple(notes), source.dataset, columns
    )


def _count_per_category(shots: int, train: Cell, test: Cell) -> tuple[Cell, Cell]:
    """Return the counts of defective training and test images if K of the whole category had been drawn."""
    known = train.value is not None
    rest = None if train.value is None or test.value is None else train.value + test.value - shots
    return Cell(shots if known else None, count=True), Cell(rest, count=True)


def _methods(source: Source, number: str) -> list[str]:
    methods = source.methods if TABLE_STUDIES[number].open_ended else TABLE_STUDIES[number].methods
    return [method for method in methods if source.has(method, number)]


def _category_table(source: Source, number: str, metric: Metric) -> Table:
    """Tables II and III: mean and deviation over seeds for each category and method, then means over categories."""
    rows = []
    methods = _methods(source, number)
    for shots in source.shots:
        section = f"{shots}-shot"
        for category in source.categories:
            cells = [source.cell(category, method, shots, metric) for method in methods]
            rows.append(Row(section, category, mark_best(cells), key=category))
        means = [source.mean(method, shots, metric, number) for method in methods]
        rows.append(Row(section, MEAN, mark_best(means), is_mean=True))
        stated = [source.stated_mean(method, shots, metric) or Cell(None) for method in methods]
        if any(
            theirs.value is not None and theirs.number != ours.number
            for theirs, ours in zip(stated, means, strict=True)
        ):
            rows.append(Row(section, AS_PRINTED, mark_best(stated), is_mean=True))
    labels = tuple(map(source.label, methods))
    notes = _notes(source, number, methods, rows)
    title = TABLE_STUDIES[number].title
    return Table(number, title, "Category", labels, tuple(rows), notes, source.dataset, tuple(methods))


def _method_table(source: Source, number: str) -> Table:
    """Tables IV (ACC and AUC over images) and V to VII (IOU and DC of an ablation): means over categories."""
    metrics: tuple[Metric, ...] = ("iou", "dc") if _is_ablation(number) else ("acc", "auc")
    methods = _methods(source, number)
    places = [(shots, metric) for shots in source.shots for metric in metrics]
    rows = [
        Row(
            "",
            source.label(method),
            tuple(replace(source.mean(method, *place, number), percent="acc" in metrics) for place in places),
            key=method,
        )
        for method in methods
    ]
    columns = tuple(f"{shots}-shot {metric.upper()}" for shots, metric in places)
    rows = _mark_best_of_columns(rows)
    notes = _notes(source, number, methods, rows)
    return Table(number, TABLE_STUDIES[number].title, "Method", columns, tuple(rows), notes, source.dataset, columns)


def mark_best(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Mark the highest number, as printed.

    Numbers based on fewer runs than others are not compared, nor are means over different categories.
    """
    most = max((cell.n for cell in cells), default=0)
    complete = [cell for cell in cells if cell.value is not None and cell.n == most]
    if len(complete) < 2 or len({cell.runs_per_category for cell in complete}) > 1:
        return tuple(cells)
    best = max(round(cell.value, 4) for cell in complete if cell.value is not None)
    return tuple(
        replace(cell, best=cell.value is not None and cell.n == most and round(cell.value, 4) == best) for cell in cells
    )


def _mark_best_of_columns(rows: list[Row]) -> list[Row]:
    columns = [mark_best(column) for column in zip(*(row.cells for row in rows), strict=True)]
    return [replace(row, cells=cells) for row, cells in zip(rows, zip(*columns, strict=True), strict=True)]


def _notes(source: Source, number: str, methods: Sequence[str], rows: Sequence[Row]) -> tuple[str, ...]:
    cells = [cell for row in rows for cell in row.cells]
    notes = []
    if any(cell.partial for cell in cells):
        notes.append(f"n/m seeds, categories or runs: the number is based on n of m. {source.expectation}")
    return (*notes, *source.notes(number, methods))

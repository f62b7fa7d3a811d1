"""The paper's tables, from stored runs or from the paper itself. A table is plain data; ``formats`` writes it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from baselines import InputError
from baselines.errors import unknown_name
from reports.cells import Cell, Source
from reports.collect import ResultSet

MEAN = "Mean"
AS_PRINTED = "Mean as printed"
_ABLATION = ("albunet", "albunet_nbr", "albunet_nbr_cap")


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
        Roman, as in the paper.
    title, corner : str
        Caption, and head of the column of row labels.
    columns : tuple of str
    rows : tuple of Row
    notes : tuple of str
        What a reader has to know: partial cells, runs that failed or did not converge.
    dataset : str
        Whose images the numbers are of.
    keys : tuple of str
        Of each column, the name of its method, or its K and metric: the same in every table of that number.
    compared : bool
        Whether cells hold the paper's numbers beside their own.
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


def images_table(source: Source, number: str, title: str) -> Table:
    """Table I: how many images each category trains from and is tested on.

    The paper counts as if K images were drawn of the whole category, and Sections III-A and IV-B draw K of each defect
    type. Where the runs drew more than K, the same images are counted both ways.
    """
    rows, per_category = [], []
    more = False
    for category in source.categories:
        train = [source.images(category, "train_defective", shots) for shots in source.shots]
        test = [source.images(category, "test_defective", shots) for shots in source.shots]
        normal = [source.images(category, kind) for kind in ("train_normal", "test_normal")]
        rows.append(Row("As drawn", category, (*train, normal[0], *test, normal[1]), key=category))
        counted = [_per_category(*cells) for cells in zip(source.shots, train, test, strict=True)]
        as_k, left = zip(*counted, strict=True)
        per_category.append(Row("K per category", category, (*as_k, normal[0], *left, normal[1]), key=category))
        more = more or any(cell.value not in (None, shots) for shots, cell in zip(source.shots, train, strict=True))
    if more:
        rows += per_category
        notes = [
            "As drawn: by these runs, K images of each defect type (Sections III-A and IV-B). K per category: the same "
            "images, had K of the whole category been drawn, as the paper's Table I counts them."
        ]
    else:
        rows, notes = [replace(row, section="") for row in rows], []
    columns = tuple(
        head
        for split in ("Train", "Test")
        for head in (*(f"{split} defective {shots}-shot" for shots in source.shots), f"{split} normal")
    )
    return Table(number, title, "Category", columns, tuple(rows), tuple(notes), source.dataset, columns)


def _per_category(shots: int, train: Cell, test: Cell) -> tuple[Cell, Cell]:
    """Return how many of the defective images would be trained from and tested on, had K of them all been drawn."""
    known = train.value is not None
    left = None if train.value is None or test.value is None else train.value + test.value - shots
    return Cell(shots if known else None, count=True), Cell(left, count=True)


def category_table(source: Source, number: str, title: str, metric: str) -> Table:
    """Tables II and III: mean and deviation over seeds for each category and method, then means over categories."""
    rows = []
    methods = [method for method in source.methods if source.has(method, number)]
    for shots in source.shots:
        section = f"{shots}-shot"
        for category in source.categories:
            cells = [source.cell(category, method, shots, metric) for method in methods]
            rows.append(Row(section, category, mark_best(cells), key=category))
        means = [source.mean(method, shots, metric, number) for method in methods]
        rows.append(Row(section, MEAN, mark_best(means), is_mean=True))
        stated = [source.stated_mean(method, shots, number) or Cell(None) for method in methods]
        if any(
            theirs.value is not None and theirs.number != ours.number
            for theirs, ours in zip(stated, means, strict=True)
        ):
            rows.append(Row(section, AS_PRINTED, mark_best(stated), is_mean=True))
    labels = tuple(map(source.label, methods))
    return Table(
        number,
        title,
        "Category",
        labels,
        tuple(rows),
        _notes(source, number, methods, rows),
        source.dataset,
        tuple(methods),
    )


def method_table(
    source: Source, number: str, title: str, metrics: Sequence[str], only: Sequence[str] = (), percent: bool = False
) -> Table:
    """Tables IV (ACC and AUC per image) and V to VII (IOU and DC of some methods): means over categories."""
    methods = [method for method in only or source.methods if source.has(method, number)]
    places = [(shots, metric) for shots in source.shots for metric in metrics]
    rows = [
        Row(
            "",
            source.label(method),
            tuple(replace(source.mean(method, *place, number), percent=percent) for place in places),
            key=method,
        )
        for method in methods
    ]
    columns = tuple(f"{shots}-shot {metric.upper()}" for shots, metric in places)
    rows = _mark_best_of_columns(rows)
    notes = _notes(source, number, methods, rows)
    return Table(number, title, "Method", columns, tuple(rows), notes, source.dataset, columns)


_OVERLAP, _DETECTION = ("iou", "dc"), ("acc", "auc")
_BUILDERS: dict[str, Callable[[Source, str], Table]] = {
    "I": lambda source, number: images_table(source, number, "Numbers of images"),
    "II": lambda source, number: category_table(source, number, "Mean IOU", "iou"),
    "III": lambda source, number: category_table(source, number, "Mean DC", "dc"),
    "IV": lambda source, number: method_table(
        source,
        number,
        "Classification accuracy (ACC) and area under the ROC curve (AUC)",
        _DETECTION,
        percent=True,
    ),
    "V": lambda source, number: method_table(
        source, number, "Mean IOU and DC: ablation of the regularization methods", _OVERLAP, _ABLATION
    ),
    "VI": lambda source, number: method_table(
        source,
        number,
        "Mean IOU and DC: ablation of lambda",
        _OVERLAP,
        ("albunet_nbr_cap_lambda1", "albunet_nbr_cap"),
    ),
    "VII": lambda source, number: method_table(
        source,
        number,
        "Mean IOU and DC: ablation of the NBR similarity",
        _OVERLAP,
        ("albunet_nbr_cap_euclidean", "albunet_nbr_cap"),
    ),
}
TABLES = tuple(_BUILDERS)


def build_table(number: str, source: Source) -> Table:
    """Return one of the paper's tables, from a result set or from ``Published``; it may have no rows.

    Raises
    ------
    InputError
        If there is no such table.
    """
    if number not in _BUILDERS:
        raise unknown_name("table", number, _BUILDERS)
    return _BUILDERS[number](source, number)


def all_tables(source: Source) -> list[Table]:
    """Return every table that has at least two methods to compare, or is not an ablation."""
    tables = [build_table(number, source) for number in TABLES]
    return [table for table in tables if table.number in ("I", "II", "III", "IV") or len(table.rows) > 1]


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


def mark_best(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Mark the highest number, as printed.

    A number that rests on fewer runs than another is not compared, and no means that rest on other categories.
    """
    most = max((cell.n for cell in cells), default=0)
    whole = [cell for cell in cells if cell.value is not None and cell.n == most]
    if len(whole) < 2 or len({cell.grounds for cell in whole}) > 1:
        return tuple(cells)
    best = max(round(cell.value, 4) for cell in whole if cell.value is not None)
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
        notes.append(f"[n/m ...]: over n of m. {source.expected}")
    return (*notes, *source.notes(number, methods))

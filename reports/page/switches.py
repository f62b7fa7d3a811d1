"""The tables of a result set under every reading, as compact data that the page's script fills its tables from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.results.readings import CHOICES, DEFAULT, Reading
from reports.cells import DASH, Cell, Source
from reports.collect import ResultSet
from reports.paper import IMAGE_SCORES_TABLE
from reports.readings import under_every_reading
from reports.tables import IMAGES_TABLE, Table

# How fields and values are named on the page; {} is the profile's threshold.
LABELS: dict[str, tuple[str, dict[str, str]]] = {
    "threshold": (
        "Threshold",
        {"fixed": "{}", "training": "best on the training images", "test": "best on the test images"},
    ),
    "reduction": ("Reduction", {"per_image": "mean over images", "pooled": "all pixels together"}),
    "images": ("Test images", {"defective": "defective", "all": "all"}),
    "empty_prediction": ("Defective image without a prediction", {"zero": "counts 0", "left_out": "left out"}),
    "empty_mask": (
        "Normal image without a prediction",
        {"one": "counts 1", "zero": "counts 0", "left_out": "left out"},
    ),
    "runs": ("Runs", {"all": "all finished", "converged": "converged"}),
}


@dataclass(frozen=True)
class Switches:
    """What a reader can choose, and the tables under each choice.

    Attributes
    ----------
    fields : tuple
        Of each field its name, label, and the values with theirs, the default first.
    data : dict
        ``defaults`` maps fields to values, ``texts`` holds each text once, ``percent`` is the table of percentages.
        ``readings`` maps a reading, as ``tables --reading`` takes it, to what it is in words for IOU and DC, and to the
        cells and the notes of each table, as positions in ``texts``. Cells, row by row, are separated by ``;``: number
        and deviation in units of 0.0001 (``5854,69``) or a dash; ``*`` for the best; ``~``, the paper's number and the
        difference (``~4995,859``), where these do not follow from the default table; and ``|`` before each mark.
    """

    fields: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    data: Mapping[str, object]


def make_switches(
    results: ResultSet,
    scores: Mapping[str, np.ndarray],
    tables: Sequence[Table],
    compared_table: Callable[[str, Source], Table],
) -> Switches | None:
    """Return the switches of a result set; None without tables that a reading can change.

    Parameters
    ----------
    results : ResultSet
    scores : mapping
        By run id, ``score_readings`` for ``RUN_READINGS``.
    tables : sequence of Table
        Those on the page, of the default reading.
    compared_table : callable
        Makes one of them, from its number and a result set.
    """
    shown = {table.number: table for table in tables if table.number != IMAGES_TABLE}
    if not shown or not scores:
        return None
    texts: dict[str, int] = {}

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    sets = under_every_reading(results, scores)
    places: dict[tuple[str, Reading], tuple[int, int]] = {}
    readings = {}
    for reading in sets:
        # Images are scored by their predicted area, which has no reduction.
        of_images = Reading(threshold=reading.threshold, runs=reading.runs)
        used = {number: of_images if number == IMAGE_SCORES_TABLE else reading for number in shown}
        for number, key in used.items():
            if (number, key) not in places:
                table = compared_table(number, sets[key])
                places[number, key] = place(encode(table, shown[number])), place("\n".join(table.notes))
        readings[str(reading)] = {
            "words": reading.describe(results.threshold),
            "tables": {number: places[number, key] for number, key in used.items()},
        }
    fields = tuple(
        (
            name,
            label,
            tuple((value, values[value].format(f"{results.threshold:g}")) for value in CHOICES[name]),
        )
        for name, (label, values) in LABELS.items()
    )
    defaults = {name: getattr(DEFAULT, name) for name in CHOICES}
    data = {"defaults": defaults, "texts": list(texts), "readings": readings, "percent": IMAGE_SCORES_TABLE}
    return Switches(fields, data)


def encode(table: Table, default: Table) -> str:
    """Return the cells of a table as ``Switches`` describes them.

    Parameters
    ----------
    table : Table
    default : Table
        The same under the default reading.
    """
    pairs = [
        (cell, usual)
        for row, usual_row in zip(table.rows, default.rows, strict=True)
        for cell, usual in zip(row.cells, usual_row.cells, strict=True)
    ]
    return ";".join(_encode(cell, usual) for cell, usual in pairs)


def _encode(cell: Cell, usual: Cell) -> str:
    """Return one cell.

    Examples
    --------
    >>> _encode(Cell(0.58541, 0.0069, n=3, expected=5, best=True), Cell(0.5))
    '5854,69*|3/5 seeds'
    """
    text = DASH if cell.value is None else str(_units(cell.value))
    if cell.value is not None and cell.std is not None:
        text += f",{_units(cell.std)}"
    text += "*" * cell.best
    if cell.published is not None and not _follows(cell, usual):
        text += f"~{_units(cell.published)},{'' if cell.difference is None else _units(cell.difference)}"
    return "|".join([text, *cell.marks])


def _follows(cell: Cell, usual: Cell) -> bool:
    """Return whether the page can tell the difference: the paper's number stayed, and is as exact as it is printed."""
    published, printed = cell.published, usual.published
    if published is None or printed is None or published != printed:
        return False
    if cell.value is None:
        return cell.difference is None
    return cell.difference is not None and _units(cell.difference) == _units(cell.value) - _units(published)


def _units(value: float) -> int:
    """Return a number in units of its last printed digit, rounded as it is printed."""
    return int(f"{value:.4f}".replace(".", ""))

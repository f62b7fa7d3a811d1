"""Compare a table with the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from reports.cells import Cell
from reports.published import Published
from reports.tables import MEAN, Row, Table

_Place = tuple[str, str, str]


def compare(table: Table, published: Table) -> Table:
    """Return a table with the paper's number and the difference in each cell for which the paper has one.

    Parameters
    ----------
    table : Table
        Of stored runs.
    published : Table
        The table of the same number from ``Published``.

    Returns
    -------
    Table
        With ``compared`` set and notes on how to read the differences. In the rows of means of Tables II and III, the
        paper's mean and the difference are over the categories for which both have a number.
    """
    known = {
        (row.section, row.key, key): cell
        for row in published.rows
        if row.key
        for key, cell in zip(published.keys, row.cells, strict=True)
    }
    rows: list[Row] = []
    for section, block in table.blocks:
        papers = [[_published(known, section, row.key, key) for key in table.keys] for row in block]
        lines = [(row, cells) for row, cells in zip(block, papers, strict=True) if not row.is_mean]
        for row, theirs in zip(block, papers, strict=True):
            if row.label == MEAN and row.is_mean:
                cells = [
                    _compared_mean(cell, [(line.cells[i], others[i]) for line, others in lines])
                    for i, cell in enumerate(row.cells)
                ]
            else:
                cells = [_compared(ours, cell) for ours, cell in zip(row.cells, theirs, strict=True)]
            rows.append(replace(row, cells=tuple(cells)))
    compared = replace(table, rows=tuple(rows), compared=True)
    return replace(compared, notes=(*table.notes, *_notes(compared, published)))


def _published(known: Mapping[_Place, Cell], section: str, key: str, column: str) -> Cell | None:
    # Table I may count the same images in two ways; both are compared with the paper's count.
    return known.get((section, key, column)) or known.get(("", key, column))


def _compared(ours: Cell, theirs: Cell | None) -> Cell:
    if theirs is None or theirs.value is None:
        return ours
    difference = None if ours.value is None else ours.value - theirs.value
    return replace(ours, published=theirs.value, published_std=theirs.std, difference=difference)


def _compared_mean(mean: Cell, pairs: Sequence[tuple[Cell, Cell | None]]) -> Cell:
    both = [
        (ours.value, theirs.value)
        for ours, theirs in pairs
        if theirs is not None and ours.value is not None and theirs.value is not None
    ]
    if not both:
        return mean
    ours, theirs = np.mean(both, axis=0)
    return replace(mean, published=float(theirs), difference=float(ours - theirs), compared_categories=len(both))


def _notes(table: Table, published: Table) -> list[str]:
    cells = [cell for row in table.rows for cell in row.cells]
    if all(cell.published is None for cell in cells):
        return ["The paper has no numbers to compare these with."]
    with_both = [cell for cell in cells if cell.difference is not None]
    notes = []
    if table.dataset != published.dataset:
        notes.append(
            f"These runs use the data set {table.dataset}, the paper MVTec AD: "
            "the differences compare different images."
        )
    shared = {cell.compared_categories for cell in with_both if cell.compared_categories}
    if shared:
        notes.append(
            "For means, the paper's number and the difference are over the categories for which both have a number: "
            f"{_range(shared)}."
        )
    every = len(Published.categories)
    others = {cell.categories for cell in with_both if cell.categories and not cell.compared_categories}
    others -= {every - 1, every}
    if others:
        notes.append(
            f"The paper's means are over its {every} categories (without toothbrush where nothing converged), these "
            f"over {_range(others)}: the differences also reflect different categories."
        )
    return notes + [f"The paper: {note}" for note in published.notes if max(shared, default=0) >= every - 1]


def _range(counts: set[int]) -> str:
    return " to ".join(map(str, dict.fromkeys((min(counts), max(counts)))))

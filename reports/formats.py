"""Write a table as aligned text, CSV, LaTeX (booktabs) or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from benchmark.formulas import quote_formula
from reports.cells import Cell
from reports.escapes import for_latex, for_terminal, for_utf8
from reports.tables import Row, Table
from reports.text_tables import text_table

_SCALED = (r"\providecommand{\resizebox}[3]{#3}", r"\resizebox{\textwidth}{!}{%")
_SIGNED = re.compile(r"^([+-][0-9.]+)")
# A table of more columns spans both columns of a page, in smaller type.
_MAX_NARROW = 4


def as_text(table: Table, title: str = "") -> str:
    """Return a table in aligned columns; the best of each row has a ``*``.

    Examples
    --------
    >>> from reports.published import Published
    >>> from reports.tables import build_table
    >>> as_text(build_table("V", Published())).splitlines()[4].split()
    ['B', '(AlbuNet)', '0.3190', '0.3936', '0.5507', '0.6537']
    """
    blocks = [
        [
            [f"  {label}" if index else label, *map(_as_text, entries)]
            for row in rows
            for index, (label, entries) in enumerate(_lines(row))
        ]
        for _, rows in table.blocks
    ]
    head, align = [table.corner, *table.columns], "l" + "r" * len(table.columns)
    if any(row.section for row in table.rows):
        head, align = ["", *head], "l" + align
        for (section, _), lines in zip(table.blocks, blocks, strict=True):
            lines[:] = [["" if index else section, *line] for index, line in enumerate(lines)]
    notes = "".join(f"{for_terminal(note)}\n" for note in table.notes)
    return f"{for_terminal(caption(table, title))}\n{text_table(head, blocks, align)}{notes}"


def as_records(table: Table, title: str = "") -> list[dict[str, object]]:
    """Return a table in long form: one record per cell, with the paper's numbers if it was compared.

    Examples
    --------
    >>> from reports.published import Published
    >>> from reports.tables import build_table
    >>> record = as_records(build_table("V", Published()))[0]
    >>> record["row"], record["column"], record["value"]
    ('B (AlbuNet)', '1-shot IOU', 0.319)
    """
    return [
        {
            "table": table.number,
            "results": title,
            "section": row.section,
            "row": row.label,
            "column": column,
            "value": cell.value,
            "std": cell.std,
            "basis": cell.basis,
            "n": cell.n,
            "of": cell.expected,
            "partial": cell.partial,
            "not_converged": cell.not_converged,
            "failed": cell.failed,
            "undefined": cell.undefined,
            "missing": cell.missing,
            "categories": cell.categories,
            "of_categories": cell.expected_categories,
            "best": cell.best,
        }
        | (_comparison(cell) if table.compared else {})
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    ]


def as_csv(table: Table, title: str = "") -> str:
    """Return ``as_records`` as CSV."""
    return _csv(as_records(table, title))


def as_json(table: Table, title: str = "") -> str:
    """Return a table with its caption, notes and ``as_records`` as JSON."""
    return _json(_content(table, title))


def as_latex(table: Table, title: str = "") -> str:
    """Return a LaTeX table environment for the booktabs package; the best values are bold.

    Wide tables are scaled to the text width in documents that load graphicx.
    """
    wide = len(table.columns) > _MAX_NARROW
    environment = "table*" if wide else "table"
    size = r"\scriptsize" if wide else r"\footnotesize"
    lines = [
        rf"\begin{{{environment}}}",
        r"\centering",
        rf"\caption{{{for_latex(f'{table.title} ({title})' if title else table.title)}}}",
        size,
        r"\setlength{\tabcolsep}{3pt}",
        *(_SCALED if wide else ()),
        rf"\begin{{tabular}}{{l{'c' * len(table.columns)}}}",
        r"\toprule",
        " & ".join(map(for_latex, (table.corner, *table.columns))) + r" \\",
    ]
    for section, rows in table.blocks:
        lines.append(r"\midrule")
        if section:
            lines.append(rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\emph{{{for_latex(section)}}}}} \\")
        for row in rows:
            for index, (label, entries) in enumerate(_lines(row)):
                indent = r"\quad " if index and label else ""
                lines.append(" & ".join([indent + for_latex(label), *map(_as_latex, entries)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}" + ("}" if wide else "")]
    if table.notes:
        lines += [r"\par\raggedright\footnotesize", *(rf"{for_latex(note)}\par" for note in table.notes)]
    return "\n".join([*lines, rf"\end{{{environment}}}", ""])


def as_one(tables: Sequence[tuple[Table, str]], kind: str) -> str:
    """Return several tables with their titles as one string: CSV with one head, JSON as a list."""
    if kind == "csv":
        return _csv([record for table, title in tables for record in as_records(table, title)])
    if kind == "json" and len(tables) > 1:
        return _json([_content(table, title) for table, title in tables])
    return "\n".join(FORMATS[kind](table, title) for table, title in tables)


def caption(table: Table, title: str = "") -> str:
    """Return the line above a table: its number, its title and the source of its numbers."""
    number = f"Table {table.number}: " if table.number else ""
    return f"{number}{table.title}" + (f" ({title})" if title else "")


def _csv(records: Sequence[dict[str, object]]) -> str:
    file = io.StringIO()
    names = list(records[0]) if records else ["table", "results", "section", "row", "column", "value"]
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: quote_formula(value) for name, value in record.items()} for record in records)
    return for_utf8(file.getvalue())


def _content(table: Table, title: str) -> dict[str, object]:
    return {
        "table": table.number,
        "title": table.title,
        "results": title,
        "dataset": table.dataset,
        "notes": table.notes,
        "cells": as_records(table, title),
    }


def _json(content: object) -> str:
    return for_utf8(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


@dataclass(frozen=True)
class _Entry:
    """What is printed of a cell in one line."""

    number: str
    best: bool = False
    mark: str = ""


def _lines(row: Row) -> list[tuple[str, list[_Entry]]]:
    """Return the lines printed for a row, each with its label ("" for further marks of the line above).

    Further marks, the paper's numbers and the differences stand below the numbers, so that columns stay narrow.
    """
    # For a mean the count of runs comes first: it is shorter, and fits next to the number.
    marked = [cell.marks[::-1] if cell.expected_categories else cell.marks for cell in row.cells]
    first = [_Entry(cell.number, cell.best, "".join(marks[:1])) for cell, marks in zip(row.cells, marked, strict=True)]
    lines = [(row.label, first)]
    for marks in zip_longest(*(marks[1:] for marks in marked), fillvalue=""):
        lines.append(("", [_Entry("", mark=mark) for mark in marks]))
    if any(cell.published is not None for cell in row.cells):
        lines.append(("paper", [_published(cell) for cell in row.cells]))
        lines.append(("difference", [_Entry(cell.difference_text) for cell in row.cells]))
    return lines


def _published(cell: Cell) -> _Entry:
    fewer = cell.compared_categories not in (0, cell.categories)
    return _Entry(cell.published_text, mark=f"{cell.compared_categories} categories" if fewer else "")


def _as_text(entry: _Entry) -> str:
    mark = f"[{entry.mark}]" if entry.mark else ""
    return f"{entry.number}{'*' * entry.best} {mark}".strip()


def _as_latex(entry: _Entry) -> str:
    number = _SIGNED.sub(r"$\1$", for_latex(entry.number))  # a minus, not a hyphen
    bold = rf"\textbf{{{number}}}"
    mark = for_latex(f"[{entry.mark}]") if entry.mark else ""
    return f"{bold if entry.best else number} {mark}".strip()


def _comparison(cell: Cell) -> dict[str, object]:
    return {
        "published": cell.published,
        "published_std": cell.published_std,
        "difference": cell.difference,
        "compared_categories": cell.compared_categories,
    }


FORMATS: dict[str, Callable[[Table, str], str]] = {
    "text": as_text,
    "csv": as_csv,
    "latex": as_latex,
    "json": as_json,
}
# Of files of each format.
SUFFIXES = {"text": "txt", "csv": "csv", "latex": "tex", "json": "json"}

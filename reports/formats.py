"""Write a table down: aligned text, CSV, LaTeX (booktabs), JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from reports.cells import Cell
from reports.escapes import for_latex, for_terminal, for_utf8, width_of
from reports.tables import Row, Table

_SCALED = (r"\providecommand{\resizebox}[3]{#3}", r"\resizebox{\textwidth}{!}{%")
_SIGNED = re.compile(r"^([+-][0-9.]+)")
# A table of many columns is set across both columns of a page, and smaller.
_MOST_NARROW = 4


def as_text(table: Table, title: str = "") -> str:
    """Return a table in aligned columns; the best of each row has a ``*``."""
    head = ["", table.corner, *table.columns]
    lines = [
        ["" if index else row.section, f"  {label}" if index else label, *map(_as_text, cells)]
        for row in table.rows
        for index, (label, cells) in enumerate(_lines(row))
    ]
    head, *lines = ([for_terminal(word) for word in line] for line in [head, *lines])
    widths = [max(map(width_of, column)) for column in zip(head, *lines, strict=True)]

    def aligned(line: Sequence[str]) -> str:
        words = []
        for i, (word, width) in enumerate(zip(line, widths, strict=True)):
            space = " " * (width - width_of(word))
            words.append(word + space if i < 2 else space + word)
        return "  ".join(words if widths[0] else words[1:]).rstrip()

    rule = "-" * width_of(aligned(head))
    body: list[str] = []
    section = ""
    for line in lines:
        new = line[0] not in ("", section)
        if new and body:
            body.append(rule)
        body.append(aligned(line if new else ["", *line[1:]]))
        section = line[0] or section
    notes = [for_terminal(note) for note in table.notes]
    return "\n".join([for_terminal(caption(table, title)), rule, aligned(head), rule, *body, rule, *notes]) + "\n"


def as_records(table: Table, title: str = "") -> list[dict[str, object]]:
    """Return a table in long form: one dict per cell, the paper's numbers in it once it was compared."""
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
            "of": cell.of,
            "partial": cell.partial,
            "not_converged": cell.not_converged,
            "failed": cell.failed,
            "undefined": cell.undefined,
            "missing": cell.missing,
            "categories": cell.categories,
            "of_categories": cell.of_categories,
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
    """Return a table with its caption and notes, cells as ``as_records``, as JSON."""
    return _json(_content(table, title))


def as_latex(table: Table, title: str = "") -> str:
    """Return a table environment for LaTeX with the booktabs package; best values in bold.

    A document that loads graphicx gets wide tables scaled to the width of its text.
    """
    wide = len(table.columns) > _MOST_NARROW
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
            for index, (label, cells) in enumerate(_lines(row)):
                indent = r"\quad " if index and label else ""
                lines.append(" & ".join([indent + for_latex(label), *map(_as_latex, cells)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}" + ("}" if wide else "")]
    if table.notes:
        lines += [r"\par\raggedright\footnotesize", *(rf"{for_latex(note)}\par" for note in table.notes)]
    return "\n".join([*lines, rf"\end{{{environment}}}", ""])


def as_one(tables: Sequence[tuple[Table, str]], kind: str) -> str:
    """Return tables with their titles as one text: CSV has one head, JSON of several tables is a list of them."""
    if kind == "csv":
        return _csv([record for table, title in tables for record in as_records(table, title)])
    if kind == "json" and len(tables) > 1:
        return _json([_content(table, title) for table, title in tables])
    return "\n".join(FORMATS[kind](table, title) for table, title in tables)


def caption(table: Table, title: str = "") -> str:
    """Return the line above a table: its number, what it shows and whose numbers they are."""
    return f"Table {table.number}: {table.title}" + (f" ({title})" if title else "")


def _csv(records: Sequence[dict[str, object]]) -> str:
    file = io.StringIO()
    names = list(records[0]) if records else ["table", "results", "section", "row", "column", "value"]
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
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
class _Words:
    """What is printed of a cell in one line."""

    number: str
    best: bool = False
    mark: str = ""


def _lines(row: Row) -> list[tuple[str, list[_Words]]]:
    """Return what is printed for a row, line by line, each with a label ("" for further marks of the line above).

    Further marks, the paper's numbers and the differences stand below the numbers, so that columns stay narrow.
    """
    # Of a mean first the runs: the shorter mark, for it stands beside the number.
    marked = [cell.marks[::-1] if cell.of_categories else cell.marks for cell in row.cells]
    first = [_Words(cell.number, cell.best, "".join(marks[:1])) for cell, marks in zip(row.cells, marked, strict=True)]
    lines = [(row.label, first)]
    for marks in zip_longest(*(marks[1:] for marks in marked), fillvalue=""):
        lines.append(("", [_Words("", mark=mark) for mark in marks]))
    if any(cell.published is not None for cell in row.cells):
        lines.append(("paper", [_published(cell) for cell in row.cells]))
        lines.append(("difference", [_Words(cell.difference_text) for cell in row.cells]))
    return lines


def _published(cell: Cell) -> _Words:
    other = cell.compared not in (0, cell.categories)
    return _Words(cell.published_text, mark=f"{cell.compared} categories" if other else "")


def _as_text(words: _Words) -> str:
    mark = f"[{words.mark}]" if words.mark else ""
    return f"{words.number}{'*' * words.best} {mark}".strip()


def _as_latex(words: _Words) -> str:
    number = _SIGNED.sub(r"$\1$", for_latex(words.number))  # a minus, not a hyphen
    bold = rf"\textbf{{{number}}}"
    mark = for_latex(f"[{words.mark}]") if words.mark else ""
    return f"{bold if words.best else number} {mark}".strip()


def _comparison(cell: Cell) -> dict[str, object]:
    return {
        "published": cell.published,
        "published_std": cell.published_std,
        "difference": cell.difference,
        "compared_categories": cell.compared,
    }


FORMATS: dict[str, Callable[[Table, str], str]] = {
    "text": as_text,
    "csv": as_csv,
    "latex": as_latex,
    "json": as_json,
}
# What a file of each format is called after.
SUFFIXES = {"text": "txt", "csv": "csv", "latex": "tex", "json": "json"}

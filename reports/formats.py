"""Write a table down: aligned text, CSV, LaTeX (booktabs), JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from reports.tables import Table


def as_text(table: Table, title: str = "") -> str:
    """Return a table in aligned columns; the best of each row has a ``*``."""
    head = ["", table.corner, *table.columns]
    lines = [
        [row.section, row.label, *(cell.text + ("*" if cell.best else "") for cell in row.cells)] for row in table.rows
    ]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]

    def aligned(line: Sequence[str]) -> str:
        words = [
            word.ljust(width) if i < 2 else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(words if widths[0] else words[1:]).rstrip()

    rule = "-" * len(aligned(head))
    body = []
    for index, line in enumerate(lines):
        repeated = index and line[0] == lines[index - 1][0]
        if index and not repeated:
            body.append(rule)
        body.append(aligned(["", *line[1:]] if repeated else line))
    caption = f"Table {table.number}: {table.title}" + (f" ({title})" if title else "")
    return "\n".join([caption, rule, aligned(head), rule, *body, rule, *table.notes]) + "\n"


def as_records(table: Table, title: str = "") -> list[dict[str, object]]:
    """Return a table in long form: one dict per cell."""
    return [
        {
            "table": table.number,
            "results": title,
            "section": row.section,
            "row": row.label,
            "column": column,
            "value": cell.value,
            "std": cell.std,
            "n": cell.n,
            "of": cell.of,
            "partial": cell.partial,
            "best": cell.best,
        }
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    ]


def as_csv(table: Table, title: str = "") -> str:
    """Return ``as_records`` as CSV."""
    file = io.StringIO()
    records = as_records(table, title)
    names = list(records[0]) if records else ["table", "results", "section", "row", "column", "value"]
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()


def as_json(table: Table, title: str = "") -> str:
    """Return a table with its caption and notes, cells as ``as_records``, as JSON."""
    content = {
        "table": table.number,
        "title": table.title,
        "results": title,
        "notes": table.notes,
        "cells": as_records(table, title),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def as_latex(table: Table, title: str = "") -> str:
    """Return a table environment for LaTeX with the booktabs package; best values in bold."""
    caption = f"{table.title} ({title})" if title else table.title
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(caption)}}}",
        rf"\begin{{tabular}}{{l{'c' * len(table.columns)}}}",
        r"\toprule",
        " & ".join(_escape(word) for word in (table.corner, *table.columns)) + r" \\",
    ]
    for section, rows in table.blocks:
        lines.append(r"\midrule")
        if section:
            lines.append(rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\emph{{{_escape(section)}}}}} \\")
        for row in rows:
            cells = [rf"\textbf{{{_escape(cell.text)}}}" if cell.best else _escape(cell.text) for cell in row.cells]
            lines.append(" & ".join([_escape(row.label), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {_escape(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}", ""])


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    # A bracket after \\ would be read as the line break's optional argument.
    "[": "{[}", "]": "{]}",
}  # fmt: skip


def _escape(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


FORMATS: dict[str, Callable[[Table, str], str]] = {
    "text": as_text,
    "csv": as_csv,
    "latex": as_latex,
    "json": as_json,
}

"""The paper's own numbers as a source of tables: what it prints, and means recomputed from what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pandas as pd

from baselines.methods import PAPER_METHODS
from benchmark.score import Metric
from reports.cells import Cell, ImageCount, mean_cell
from reports.collect import PAPER_CATEGORIES
from reports.paper import CATEGORY_TABLES, PAPER_SEEDS, published_means, published_table

# A mean of numbers rounded to four digits is off by half of the last digit at most, and so is its own rounding.
ROUNDING = 1e-4


class Published:
    """The paper's Tables I to VII; a ``Source``.

    Tables V to VII print means over categories only, and different ones than Tables II and III for the same methods:
    each table has the numbers that it prints.

    Examples
    --------
    >>> Published().cell("carpet", "unet", 1, "iou").number
    '0.4995(0.0035)'
    """

    title = "the paper's own numbers"
    dataset = "mvtec-ad"
    categories = PAPER_CATEGORIES
    methods = tuple(method.name for method in PAPER_METHODS)
    shots = (1, 5)
    expectation = "Expected: the 15 categories of Section IV-A and the 5 seeds of Section IV-F."

    def label(self, method: str) -> str:
        """Return a method's name as the paper prints it."""
        return {known.name: known.label for known in PAPER_METHODS}[method]

    def has(self, method: str, table: str) -> bool:
        """Return whether a table of the paper has that method."""
        return method in _methods(table)

    def cell(self, category: str, method: str, shots: int, metric: Metric) -> Cell:
        """Return a cell of Table II (``iou``) or III (``dc``); the paper prints no other metric per category."""
        line = _cells(CATEGORY_TABLES[metric]).get((shots, category, method)) if metric in CATEGORY_TABLES else None
        if line is None:
            return Cell(None)
        value, std = line
        return (
            Cell(None, expected=PAPER_SEEDS, not_converged=PAPER_SEEDS)
            if pd.isna(value)
            else Cell(value, std, PAPER_SEEDS, PAPER_SEEDS)
        )

    def mean(self, method: str, shots: int, metric: Metric, table: str) -> Cell:
        """Return a mean over categories: recomputed from the cells of Tables II and III, as printed elsewhere."""
        if table in CATEGORY_TABLES.values():
            return mean_cell([self.cell(category, method, shots, metric) for category in self.categories])
        return Cell(published_means(table).get((shots, method, metric)))

    def stated_mean(self, method: str, shots: int, metric: Metric) -> Cell | None:
        """Return the mean printed below the cells of Table II or III."""
        value = published_means(CATEGORY_TABLES[metric]).get((shots, method, metric))
        return None if value is None else Cell(value)

    def images(self, category: str, kind: ImageCount, shots: int | None = None) -> Cell:
        """Return a count of Table I."""
        column = kind if shots is None else f"{kind.removesuffix('ive')}_{shots}shot"
        counts = published_table("I").set_index("category")
        return Cell(int(counts.at[category, column]) if column in counts else None, count=True)

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        """Return the paper's footnote on toothbrush, and which printed means contradict the printed cells."""
        metrics = [metric for metric, number in CATEGORY_TABLES.items() if number == table]
        if not metrics:
            return []
        wrong = [
            f"{self.label(method)}, {shots}-shot: printed {stated.number}, its cells average {mean.number}"
            for shots in self.shots
            for method in methods
            if (stated := self.stated_mean(method, shots, metrics[0])) is not None
            and abs((stated.value or 0) - ((mean := self.mean(method, shots, metrics[0], table)).value or 0)) > ROUNDING
        ]
        notes = ["toothbrush, 1-shot: according to the paper, none of the methods it compares converged."]
        if wrong:
            notes.append(
                "Mean is recomputed from the printed cells. Mean as printed differs by rounding only, except for "
                + "; ".join(wrong)
                + "."
            )
        return notes


@cache
def _cells(table: str) -> dict[tuple[int, str, str], tuple[float, float]]:
    """Map (K, category, method) to mean and deviation of Tables II and III."""
    lines = published_table(table).itertuples(index=False)
    return {(line.shots, line.category, line.method): (line.mean, line.std) for line in lines}


@cache
def _methods(table: str) -> frozenset[str]:
    return frozenset(published_table(table)["method"])

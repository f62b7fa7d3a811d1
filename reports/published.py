"""The paper's own numbers, as a source of tables: what it prints, and means worked out again from what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pandas as pd

from baselines.methods import PAPER_METHODS
from reports.cells import Cell, mean_cell
from reports.collect import PAPER_CATEGORIES
from reports.paper import published_table

# Section IV-F: each experiment is done five times with different seeds.
SEEDS = 5
# A mean of numbers rounded to four digits is off by half of the last digit at most, and so is its own rounding.
ROUNDING = 1e-4
_TABLE_OF = {"iou": "II", "dc": "III"}


class Published:
    """The paper's Tables I to VII; a ``Source``.

    Tables V to VII print means over categories only, and others than Tables II and III for the same methods: each
    table has the numbers that it prints.
    """

    title = "the paper's own numbers"
    dataset = "mvtec-ad"
    categories = PAPER_CATEGORIES
    methods = tuple(method.name for method in PAPER_METHODS)
    shots = (1, 5)
    expected = "Expected are the 15 categories of Section IV-A and the 5 seeds of Section IV-F."

    def label(self, method: str) -> str:
        """Return a method's name as the paper prints it."""
        return {known.name: known.label for known in PAPER_METHODS}[method]

    def has(self, method: str, table: str) -> bool:
        """Return whether a table of the paper has that method."""
        return method in _methods(table)

    def cell(self, category: str, method: str, shots: int, metric: str) -> Cell:
        """Return a cell of Table II (``iou``) or III (``dc``); the paper prints no others per category."""
        line = _cells(_TABLE_OF[metric]).get((shots, category, method)) if metric in _TABLE_OF else None
        if line is None:
            return Cell(None)
        value, std = line
        return Cell(None, of=SEEDS, not_converged=SEEDS) if pd.isna(value) else Cell(value, std, SEEDS, SEEDS)

    def mean(self, method: str, shots: int, metric: str, table: str) -> Cell:
        """Return a mean over categories: worked out from the cells of Tables II and III, printed in the others."""
        if table in _TABLE_OF.values():
            return mean_cell([self.cell(category, method, shots, metric) for category in self.categories])
        return Cell(_means(table).get((shots, method, metric)))

    def stated_mean(self, method: str, shots: int, table: str) -> Cell | None:
        """Return the mean printed below the cells of Table II or III."""
        line = _cells(table).get((shots, "mean", method))
        return None if line is None else Cell(line[0])

    def images(self, category: str, kind: str, shots: int | None = None) -> Cell:
        """Return a count of Table I."""
        words = {"train_defective": "train_defect", "test_defective": "test_defect"}.get(kind, kind)
        column = words if shots is None else f"{words}_{shots}shot"
        counts = published_table("I").set_index("category")
        return Cell(int(counts.at[category, column]), count=True) if column in counts else Cell(None, count=True)

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        """Return the paper's footnote on toothbrush, and which printed means its own cells contradict."""
        if table not in _TABLE_OF.values():
            return []
        metric = {number: metric for metric, number in _TABLE_OF.items()}[table]
        wrong = [
            f"{self.label(method)}, {shots}-shot: printed {stated.number}, its cells average {mean.number}"
            for shots in self.shots
            for method in methods
            if (stated := self.stated_mean(method, shots, table)) is not None
            and abs((stated.value or 0) - ((mean := self.mean(method, shots, metric, table)).value or 0)) > ROUNDING
        ]
        notes = ["toothbrush, 1-shot: the paper states that training converged for none of the methods it compares."]
        if wrong:
            notes.append(
                "Mean is worked out from the printed cells. Mean as printed differs from it by rounding, but for "
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
def _means(table: str) -> dict[tuple[int, str, str], float]:
    """Map (K, method, metric) to the means over categories of Tables IV to VII, in [0, 1]."""
    lines = published_table(table)
    if table == "IV":
        shares = (lines[["acc_percent", "auc_percent"]] / 100).round(4)  # as printed: two digits of a percentage
        lines = lines.assign(acc=shares["acc_percent"], auc=shares["auc_percent"])
    metrics = ("acc", "auc") if table == "IV" else ("iou", "dc")
    return {
        (line["shots"], line["method"], metric): line[metric] for line in lines.to_dict("records") for metric in metrics
    }


@cache
def _methods(table: str) -> frozenset[str]:
    return frozenset(published_table(table)["method"])

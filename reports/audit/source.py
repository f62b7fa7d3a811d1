"""What the audit reads: the paper's tables, bold marks and statements, and what MVTec AD holds, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from baselines.methods import PAPER_METHODS
from reports.paper import PUBLISHED_TABLES, bold_marks, mvtec_counts, published_table
from reports.paper.statements import Statements, statements

MEAN = "mean"  # among the categories: the printed row of means
METRICS = {"II": ("iou",), "III": ("dc",), "IV": ("acc_percent", "auc_percent")}
ABLATION_METRICS = ("iou", "dc")
CELL_TABLES = {"iou": "II", "dc": "III"}  # the tables that print every category
NAMES = {"iou": "IOU", "dc": "DC", "acc_percent": "ACC", "auc_percent": "AUC"}
# Printed numbers are compared as whole numbers of their last digit, which is exact.
DIGITS = 4
PERCENT_DIGITS = 2
LABELS = {method.name: method.label for method in PAPER_METHODS}


@dataclass(frozen=True)
class Paper:
    """The paper as data; the shapes are those of ``reports.paper``.

    Attributes
    ----------
    tables : mapping of str to pd.DataFrame
        By number.
    bold, counts : pd.DataFrame
        Bold cells; images of MVTec AD.
    statements : Statements
    """

    tables: Mapping[str, pd.DataFrame]
    bold: pd.DataFrame
    counts: pd.DataFrame
    statements: Statements

    @classmethod
    def published(cls) -> Paper:
        """Return the paper as printed."""
        tables = {number: published_table(number) for number in PUBLISHED_TABLES}
        return cls(tables, bold_marks(), mvtec_counts(), statements())

    def cells(self, number: str) -> pd.DataFrame:
        """Return the cells of Table II or III without the row of means and the dashes.

        Columns ``units`` and ``spread`` are mean and deviation as whole numbers of the last printed digit.
        """
        table = self.tables[number]
        cells = table[(table["category"] != MEAN) & table["mean"].notna()]
        return cells.assign(units=cells["mean"].map(units), spread=cells["std"].map(units))

    def means(self, number: str) -> dict[tuple[int, str, str], int]:
        """Return what Tables II to VII print as means over categories.

        Returns
        -------
        dict
            By K, method and metric, as whole numbers of the last printed digit.
        """
        table = self.tables[number]
        if number in CELL_TABLES.values():
            table = table[table["category"] == MEAN].rename(columns={"mean": METRICS[number][0]})
        return {
            (int(row["shots"]), row["method"], metric): units(row[metric], number)
            for _, row in table.iterrows()
            for metric in metrics(number)
        }


def metrics(number: str) -> tuple[str, ...]:
    """Return the metrics whose means over categories a table prints."""
    return METRICS.get(number, ABLATION_METRICS)


def units(value: float, number: str = "") -> int:
    """Return a printed number as a whole number of its last digit: 0.4919 -> 4919, and 88.56 of Table IV -> 8856."""
    return round(value * 10 ** _digits(number))


def shown(value: float, number: str = "") -> str:
    """Return a number of last digits as the paper prints it; a fraction of a digit shows one digit more."""
    digits = _digits(number)
    return f"{value / 10**digits:.{digits + (value != int(value))}f}" + ("%" if number == "IV" else "")


def label(method: str) -> str:
    """Return a method's name as the paper prints it."""
    return LABELS.get(method, method)


def in_words(category: str) -> str:
    """Return a category's name as the paper prints it, in lower case."""
    return category.replace("_", " ")


def _digits(number: str) -> int:
    return PERCENT_DIGITS if number == "IV" else DIGITS

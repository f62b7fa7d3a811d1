"""The input of the audit as one value: the paper's tables, bold marks and statements, and the counts of MVTec AD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from baselines.methods import PAPER_METHODS
from reports.paper import CATEGORY_TABLES, MEAN, PUBLISHED_TABLES, bold_marks, mvtec_counts, published_table
from reports.paper.statements import Column, Statements, read_statements

# The columns of each table that hold means over categories, once those of Tables II and III are named by metric.
_ABLATION_COLUMNS: tuple[Column, ...] = ("iou", "dc")
_COLUMNS: dict[str, tuple[Column, ...]] = {"II": ("iou",), "III": ("dc",), "IV": ("acc_percent", "auc_percent")}
# Printed numbers are compared as integers in units of their last digit, which is exact.
DIGITS = 4
PERCENT_DIGITS = 2
GOOD = "good"
_LABELS = {method.name: method.label for method in PAPER_METHODS}


@dataclass(frozen=True)
class PrintedCell:
    """A cell of Table II or III; mean (``units``) and deviation are in units of the last printed digit.

    Examples
    --------
    >>> PrintedCell(1, "metal_nut", "albunet", 5854, 69).text
    '0.5854(0.0069)'
    """

    shots: int
    category: str
    method: str
    units: int
    deviation: int

    @property
    def key(self) -> tuple[int, str, str]:
        return self.shots, self.category, self.method

    @property
    def name(self) -> str:
        return f"{label(self.method)} on {spaced(self.category)} ({self.shots}-shot)"

    @property
    def text(self) -> str:
        """The cell as printed: ``0.5854(0.0069)``."""
        return f"{shown(self.units)}({shown(self.deviation)})"


@dataclass(frozen=True)
class CountsRow:
    """A row of Table I: defective images by K, normal ones by split (``train`` and ``test``).

    Examples
    --------
    >>> CountsRow("tile", "texture", {1: 5, 5: 25}, {1: 79, 5: 59}, {"train": 230, "test": 33}).test_defective[5]
    59
    """

    category: str
    kind: str
    train_defective: dict[int, int]
    test_defective: dict[int, int]
    normal: dict[str, int]


@dataclass(frozen=True)
class Paper:
    """The paper as data; the shapes are those of ``reports.paper``.

    Attributes
    ----------
    tables : mapping of str to pd.DataFrame
        By number.
    bold, counts : pd.DataFrame
        Bold cells; image counts of MVTec AD.
    statements : Statements

    Examples
    --------
    >>> Paper.published().defect_types()["bottle"]
    {'broken_large': 20, 'broken_small': 22, 'contamination': 21}
    """

    tables: Mapping[str, pd.DataFrame]
    bold: pd.DataFrame
    counts: pd.DataFrame
    statements: Statements

    @classmethod
    def published(cls) -> Paper:
        """Return the paper as printed."""
        tables = {number: published_table(number) for number in PUBLISHED_TABLES}
        return cls(tables, bold_marks(), mvtec_counts(), read_statements())

    def cells(self, number: str) -> list[PrintedCell]:
        """Return the cells of Table II or III without the row of means and the dashes."""
        table = self.tables[number]
        return [
            PrintedCell(row.shots, row.category, row.method, units(row.mean), units(row.std))
            for row in table[(table["category"] != MEAN) & table["mean"].notna()].itertuples()
        ]

    def rows(self, number: str) -> dict[tuple[int, str], list[PrintedCell]]:
        """Return those cells by K and category."""
        rows: dict[tuple[int, str], list[PrintedCell]] = {}
        for cell in self.cells(number):
            rows.setdefault((cell.shots, cell.category), []).append(cell)
        return rows

    def bold_keys(self, number: str) -> set[tuple[int, str, str]]:
        """Return the keys of the bold cells of Table II or III, as far as bold is known."""
        marks = self.bold[self.bold["table"] == number]
        return set(marks[["shots", "category", "method"]].itertuples(index=False, name=None))

    def means(self, number: str) -> dict[tuple[int, str, Column], int]:
        """Return what Tables II to VII print as means over categories.

        Returns
        -------
        dict
            (K, method, column) to the mean in units of the last printed digit.
        """
        return self._means[number]

    @cached_property
    def _means(self) -> dict[str, dict[tuple[int, str, Column], int]]:
        # Read once: the checks of the text ask for them hundreds of times.
        return {number: self._read_means(number) for number in self.tables if number != "I"}

    def _read_means(self, number: str) -> dict[tuple[int, str, Column], int]:
        table = self.tables[number]
        if number in CATEGORY_TABLES.values():
            table = table[table["category"] == MEAN].rename(columns={"mean": columns_of(number)[0]})
        return {
            (int(row["shots"]), row["method"], column): units(row[column], number)
            for row in table.to_dict("records")
            for column in columns_of(number)
        }

    def image_counts(self) -> list[CountsRow]:
        """Return the rows of Table I."""
        return [
            CountsRow(
                row["category"],
                row["kind"],
                {shots: row[f"train_defect_{shots}shot"] for shots in self.statements.settings.shots},
                {shots: row[f"test_defect_{shots}shot"] for shots in self.statements.settings.shots},
                {"train": row["train_normal"], "test": row["test_normal"]},
            )
            for row in self.tables["I"].to_dict("records")
        ]

    def defect_types(self) -> dict[str, dict[str, int]]:
        """Return the number of images of each defect type of each category in MVTec AD."""
        found: dict[str, dict[str, int]] = {}
        for row in self.counts[self.counts["label"] != GOOD].itertuples():
            found.setdefault(row.category, {})[row.label] = row.images
        return found


def columns_of(number: str) -> tuple[Column, ...]:
    """Return the columns of a table that hold means over categories.

    Examples
    --------
    >>> columns_of("IV")
    ('acc_percent', 'auc_percent')
    """
    return _COLUMNS.get(number, _ABLATION_COLUMNS)


def metric_name(column: Column) -> str:
    """Return the metric of a column as the paper prints it.

    Examples
    --------
    >>> metric_name("acc_percent")
    'ACC'
    """
    return column.removesuffix("_percent").upper()


def units(value: float, number: str = "") -> int:
    """Return a printed number in units of its last digit.

    Examples
    --------
    >>> units(0.4919), units(88.56, "IV")
    (4919, 8856)
    """
    last_digits: int = round(value * 10 ** _digits(number))
    return last_digits


def shown(value: float, number: str = "") -> str:
    """Return a number of last digits as the paper prints it; a fraction of a digit shows one digit more.

    Examples
    --------
    >>> shown(4919), shown(4919.5), shown(8856, "IV")
    ('0.4919', '0.49195', '88.56%')
    """
    digits = _digits(number)
    return f"{value / 10**digits:.{digits + (value != int(value))}f}" + ("%" if number == "IV" else "")


def label(method: str) -> str:
    """Return a method's name as the paper prints it.

    Examples
    --------
    >>> label("albunet_nbr_cap")
    'B+NBR+CaP (ours)'
    """
    return _LABELS.get(method, method)


def spaced(category: str) -> str:
    """Return a category's name with spaces: ``metal nut``.

    Examples
    --------
    >>> spaced("metal_nut")
    'metal nut'
    """
    return category.replace("_", " ")


def _digits(number: str) -> int:
    return PERCENT_DIGITS if number == "IV" else DIGITS

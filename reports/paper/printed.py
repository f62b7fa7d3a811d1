"""The paper as one value: its tables, bold marks and statements, and the counts of MVTec AD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import cast

import pandas as pd

from baselines.methods import PAPER_METHODS
from benchmark.score import Metric
from reports.paper import (
    CATEGORY_TABLES,
    IMAGE_SCORES_TABLE,
    MEAN,
    PUBLISHED_TABLES,
    bold_marks,
    means_in,
    mvtec_counts,
    published_table,
)
from reports.paper.ledger import Ledger, Said, claimed_differences, read_ledger

# Printed numbers are compared as integers in units of their last digit, which is exact.
DIGITS = 4
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
class Lead:
    """The means of two methods in a table, in units of the last printed digit.

    Examples
    --------
    >>> Lead("II", 1, "iou", "unet", "albunet", 3136, 3327).step
    '1-shot IOU (Table II): U-Net 0.3136 - B (AlbuNet) 0.3327 = -0.0191'
    """

    table: str
    shots: int
    metric: Metric
    method: str
    other: str
    left: int
    right: int

    @property
    def units(self) -> int:
        return self.left - self.right

    @property
    def values(self) -> tuple[str, str]:
        """Both means as printed."""
        return shown(self.left, self.table), shown(self.right, self.table)

    @property
    def step(self) -> str:
        """Their subtraction as text."""
        left, right = self.values
        return (
            f"{self.shots}-shot {self.metric.upper()} (Table {self.table}): {label(self.method)} {left} - "
            f"{label(self.other)} {right} = {shown(self.units, self.table)}"
        )


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
    ledger : Ledger
        What the text and the captions say.

    Examples
    --------
    >>> Paper.published().defect_types()["bottle"]
    {'broken_large': 20, 'broken_small': 22, 'contamination': 21}
    """

    tables: Mapping[str, pd.DataFrame]
    bold: pd.DataFrame
    counts: pd.DataFrame
    ledger: Ledger

    @classmethod
    @cache
    def published(cls) -> Paper:
        """Return the paper as printed, the same value each time: not to be changed."""
        tables = {number: published_table(number) for number in PUBLISHED_TABLES}
        return cls(tables, bold_marks(), mvtec_counts(), read_ledger())

    def cells(self, number: str) -> list[PrintedCell]:
        """Return the cells of Table II or III without the row of means and the dashes."""
        return self._cells[number]

    @cached_property
    def _cells(self) -> dict[str, list[PrintedCell]]:
        # Read once, as the means below: the checks ask for them hundreds of times.
        return {
            number: [
                PrintedCell(row.shots, row.category, row.method, units(row.mean), units(row.std))
                for row in table[(table["category"] != MEAN) & table["mean"].notna()].itertuples()
            ]
            for number, table in self.tables.items()
            if number in CATEGORY_TABLES.values()
        }

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

    def means(self, number: str) -> dict[tuple[int, str, Metric], int]:
        """Return what Tables II to VII print as means over categories.

        Returns
        -------
        dict
            (K, method, metric) to the mean in units of the last printed digit.
        """
        return self._means[number]

    @cached_property
    def _means(self) -> dict[str, dict[tuple[int, str, Metric], int]]:
        return {
            number: {key: units(mean) for key, mean in means_in(number, table).items()}
            for number, table in self.tables.items()
            if number != "I"
        }

    def leads(self, said: Said) -> Iterator[Lead]:
        """Yield the printed differences of a statement or claim, in the order of its tests."""
        for shots, name, method, other in claimed_differences(said):
            metric = cast(Metric, name)  # those of a run's files are in no table
            for number in said.tables:
                means = self.means(number)
                if {(shots, method, metric), (shots, other, metric)} <= means.keys():
                    pair = means[shots, method, metric], means[shots, other, metric]
                    yield Lead(number, shots, metric, method, other, *pair)

    def image_counts(self) -> list[CountsRow]:
        """Return the rows of Table I."""
        return [
            CountsRow(
                row["category"],
                row["kind"],
                {shots: row[f"train_defect_{shots}shot"] for shots in self.ledger.settings.shots},
                {shots: row[f"test_defect_{shots}shot"] for shots in self.ledger.settings.shots},
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


def units(value: float) -> int:
    """Return a printed number in [0, 1] in units of its last digit; for Table IV, of a hundredth of a per cent.

    Examples
    --------
    >>> units(0.4919)
    4919
    """
    last_digits: int = round(value * 10**DIGITS)
    return last_digits


def shown(value: float, number: str = "") -> str:
    """Return a number of last digits as the paper prints it; a fraction of a digit shows one digit more.

    Examples
    --------
    >>> shown(4919), shown(4919.5), shown(8856, "IV")
    ('0.4919', '0.49195', '88.56%')
    """
    percent = number == IMAGE_SCORES_TABLE
    digits = DIGITS - 2 * percent
    return f"{value / 10**digits:.{digits + (value != int(value))}f}" + "%" * percent


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

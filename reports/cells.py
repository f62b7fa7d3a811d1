"""One number of a table, and what tables are built from: stored runs or the paper's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

DASH = "-"


@dataclass(frozen=True)
class Cell:
    """One number of a table and what it rests on.

    Attributes
    ----------
    value : float or None
        In [0, 1], or a whole number where ``count``; None where nothing converged or nothing was run.
    std : float or None
        Sample standard deviation over seeds (n - 1), None for fewer than two seeds or for means.
    n, of : int
        How many runs it rests on, and how many there should be; both 0 where that is not known.
    best : bool
        Whether it is the best of those it stands beside.
    percent, count : bool
        Print as a percentage, or as a whole number.
    not_converged, failed, undefined : int
        How many of the runs that are not in the number did not converge, failed, or are done without a value of this
        metric. The rest was not run.
    categories, of_categories : int
        For a mean over categories, how many it rests on and how many there should be; else 0.
    grounds : tuple of int
        For a mean over categories, how many runs of each it rests on.
    published, published_std : float or None
        The paper's number, once compared with it.
    difference : float or None
        What this number is above the paper's. For a mean, that of the categories for which both have a number.
    compared : int
        For a mean over categories, over how many ``published`` and ``difference`` are; else 0.
    """

    value: float | None
    std: float | None = None
    n: int = 0
    of: int = 0
    best: bool = False
    percent: bool = False
    count: bool = False
    not_converged: int = 0
    failed: int = 0
    undefined: int = 0
    categories: int = 0
    of_categories: int = 0
    grounds: tuple[int, ...] = ()
    published: float | None = None
    published_std: float | None = None
    difference: float | None = None
    compared: int = 0

    @property
    def partial(self) -> bool:
        return self.value is not None and self.n < self.of

    @property
    def missing(self) -> int:
        """How many runs there should be and are not."""
        return self.of - self.n - self.not_converged - self.failed - self.undefined

    @property
    def number(self) -> str:
        """The number as the paper prints it: ``0.5854(0.0069)``, ``78.57%``, or a dash."""
        return self._printed(self.value, self.std)

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know beside the number, e.g. ``("3/5 seeds", "1 not converged")``; mostly nothing.

        A dash for runs that all did not converge has none, as in the paper; a note below the table names it.
        """
        if self.of_categories:
            return tuple(self._counts()) if self.partial else ()
        seeds = self._counts() if self.partial else []
        others = (
            (self.not_converged if self.not_converged < self.of else 0, "not converged"),
            (self.failed, "failed"),
            (self.undefined, "without a value"),
        )
        return (*seeds, *(f"{count} {words}" for count, words in others if count))

    @property
    def text(self) -> str:
        """The number and its marks: ``0.5854(0.0069) [3/5 seeds]``."""
        return self.number + (f" [{', '.join(self.marks)}]" if self.marks else "")

    @property
    def basis(self) -> str:
        """What the number rests on: ``5/5 seeds``, ``14/15 categories, 70/75 runs``, or "" where nobody says."""
        return ", ".join(self._counts()) if self.of and not self.count else ""

    @property
    def published_text(self) -> str:
        """The paper's number as ``number`` prints ours."""
        return self._printed(self.published, self.published_std)

    @property
    def difference_text(self) -> str:
        """The difference with its sign, in percentage points (pp) for percentages; a dash where there is none."""
        if self.difference is None:
            return DASH
        digits = 0 if self.count else 4
        rounded = round(self.difference, digits) + 0.0  # no minus zero
        return f"{100 * rounded:+.2f} pp" if self.percent else f"{rounded:+.{digits}f}"

    def _printed(self, value: float | None, std: float | None) -> str:
        if value is None:
            return DASH
        if self.count:
            return f"{value:.0f}"
        number = f"{100 * value:.2f}%" if self.percent else f"{value:.4f}"
        return number + (f"({std:.4f})" if std is not None else "")

    def _counts(self) -> list[str]:
        if self.of_categories:
            return [f"{self.categories}/{self.of_categories} categories", f"{self.n}/{self.of} runs"]
        return [f"{self.n}/{self.of} seeds"]


def mean_cell(cells: Sequence[Cell]) -> Cell:
    """Average the cells of all categories; it says how many categories and runs it rests on."""
    values = [cell.value for cell in cells if cell.value is not None]
    return Cell(
        float(np.mean(values)) if values else None,
        n=sum(cell.n for cell in cells),
        of=sum(cell.of for cell in cells),
        not_converged=sum(cell.not_converged for cell in cells),
        failed=sum(cell.failed for cell in cells),
        undefined=sum(cell.undefined for cell in cells),
        categories=len(values),
        of_categories=len(cells),
        grounds=tuple(cell.n for cell in cells),
    )


class Source(Protocol):
    """Where the numbers of a table come from.

    ``table`` is always a roman number: the paper prints different numbers for one thing in different tables.
    ``metric`` is one of ``iou dc acc auc``.
    """

    @property
    def title(self) -> str: ...

    @property
    def dataset(self) -> str: ...

    @property
    def categories(self) -> Sequence[str]: ...

    @property
    def methods(self) -> Sequence[str]: ...

    @property
    def shots(self) -> Sequence[int]: ...

    @property
    def expected(self) -> str:
        """A sentence: which seeds and categories there should be."""
        ...

    def label(self, method: str) -> str:
        """Return a method's name as the paper prints it."""
        ...

    def has(self, method: str, table: str) -> bool:
        """Return whether there is anything of a method for a table."""
        ...

    def cell(self, category: str, method: str, shots: int, metric: str) -> Cell:
        """Return mean and deviation over seeds."""
        ...

    def mean(self, method: str, shots: int, metric: str, table: str) -> Cell:
        """Return the mean over categories."""
        ...

    def stated_mean(self, method: str, shots: int, table: str) -> Cell | None:
        """Return the mean that the source states itself beside the numbers it averages; None if it states none."""
        ...

    def images(self, category: str, kind: str, shots: int | None = None) -> Cell:
        """Return how many images a category has: ``train_defective`` and ``test_defective`` for one K,
        ``train_normal`` and ``test_normal``."""
        ...

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        """Return what a reader of a table of these methods has to know."""
        ...

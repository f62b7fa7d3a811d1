"""One number of a table, and the source that tables are filled from: stored runs or the paper's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from benchmark.score import Metric

DASH = "-"
ImageCount = Literal["train_defective", "train_normal", "test_defective", "test_normal"]


@dataclass(frozen=True)
class Cell:
    """One number of a table and what it is based on.

    Attributes
    ----------
    value : float or None
        In [0, 1], or an integer where ``count``; None where nothing was run or nothing converged.
    std : float or None
        Sample standard deviation over seeds (n - 1), None for fewer than two seeds or for means.
    n, expected : int
        How many runs it is based on, and how many there should be; both 0 where that is unknown.
    best : bool
        Whether it is the best of the cells it is compared with.
    percent, count : bool
        Print as a percentage, or as an integer.
    not_converged, failed, undefined : int
        How many of the expected runs did not converge, failed, or are done but have no value of this metric. The
        rest was not run.
    categories, expected_categories : int
        For a mean over categories, how many it is based on and how many there should be; else 0.
    runs_per_category : tuple of int
        For a mean over categories, how many runs of each category it is based on.
    published, published_std : float or None
        The paper's number, once compared with it.
    difference : float or None
        This number minus the paper's. For a mean, over the categories for which both have a number.
    compared_categories : int
        For a mean over categories, over how many of them ``published`` and ``difference`` are; else 0.

    Examples
    --------
    >>> Cell(0.58541, 0.00692, n=3, expected=5).text
    '0.5854(0.0069) [3/5 seeds]'
    """

    value: float | None
    std: float | None = None
    n: int = 0
    expected: int = 0
    best: bool = False
    percent: bool = False
    count: bool = False
    not_converged: int = 0
    failed: int = 0
    undefined: int = 0
    categories: int = 0
    expected_categories: int = 0
    runs_per_category: tuple[int, ...] = ()
    published: float | None = None
    published_std: float | None = None
    difference: float | None = None
    compared_categories: int = 0

    @property
    def partial(self) -> bool:
        """Whether the number lacks some of its runs."""
        return self.value is not None and self.n < self.expected

    @property
    def missing(self) -> int:
        """How many of the expected runs were not executed."""
        return self.expected - self.n - self.not_converged - self.failed - self.undefined

    @property
    def number(self) -> str:
        """The number as the paper prints it: ``0.5854(0.0069)``, ``78.57%``, or a dash."""
        return self._printed(self.value, self.std)

    @property
    def marks(self) -> tuple[str, ...]:
        """The caveats printed next to the number, e.g. ``("3/5 seeds", "1 not converged")``; usually none.

        A dash for runs none of which converged has no mark, as in the paper; a note below the table names them.
        """
        seeds = self._counts() if self.partial else []
        if self.expected_categories:
            return tuple(seeds)
        others = (
            (self.not_converged if self.not_converged < self.expected else 0, "not converged"),
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
        """What the number is based on: ``5/5 seeds``, ``14/15 categories, 70/75 runs``, or "" where unknown."""
        return ", ".join(self._counts()) if self.expected and not self.count else ""

    @property
    def published_text(self) -> str:
        """The paper's number in the form of ``number``."""
        return self._printed(self.published, self.published_std)

    @property
    def difference_text(self) -> str:
        """The signed difference, in percentage points (pp) for percentages; a dash where there is none."""
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
        if self.expected_categories:
            return [f"{self.categories}/{self.expected_categories} categories", f"{self.n}/{self.expected} runs"]
        return [f"{self.n}/{self.expected} seeds"]


def mean_cell(cells: Sequence[Cell]) -> Cell:
    """Return the mean of the cells of all categories, with how many categories and runs it is based on.

    Examples
    --------
    >>> mean_cell([Cell(0.2, n=5, expected=5), Cell(0.4, n=5, expected=5), Cell(None, expected=5)]).text
    '0.3000 [2/3 categories, 10/15 runs]'
    """
    values = [cell.value for cell in cells if cell.value is not None]
    return Cell(
        float(np.mean(values)) if values else None,
        n=sum(cell.n for cell in cells),
        expected=sum(cell.expected for cell in cells),
        not_converged=sum(cell.not_converged for cell in cells),
        failed=sum(cell.failed for cell in cells),
        undefined=sum(cell.undefined for cell in cells),
        categories=len(values),
        expected_categories=len(cells),
        runs_per_category=tuple(cell.n for cell in cells),
    )


class ImageSource(Protocol):
    """Where the numbers of Table I come from."""

    @property
    def title(self) -> str: ...

    @property
    def dataset(self) -> str: ...

    @property
    def categories(self) -> Sequence[str]: ...

    @property
    def shots(self) -> Sequence[int]: ...

    def images(self, category: str, kind: ImageCount, shots: int | None = None) -> Cell:
        """Return how many images of a kind a category has; defective ones for one K."""


class Source(ImageSource, Protocol):
    """Where the numbers of all tables come from.

    ``table`` is a Roman numeral: the paper prints different numbers for the same thing in different tables.
    """

    @property
    def methods(self) -> Sequence[str]: ...

    @property
    def expectation(self) -> str:
        """A sentence: which categories and seeds there should be."""

    def label(self, method: str) -> str:
        """Return a method's name as the paper prints it."""

    def has(self, method: str, table: str) -> bool:
        """Return whether there is any number of a method for a table."""

    def cell(self, category: str, method: str, shots: int, metric: Metric) -> Cell:
        """Return mean and standard deviation over seeds."""

    def mean(self, method: str, shots: int, metric: Metric, table: str) -> Cell:
        """Return the mean over categories."""

    def stated_mean(self, method: str, shots: int, metric: Metric) -> Cell | None:
        """Return the mean that the source itself states besides its cells; None if it states none."""

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        """Return what a reader of a table of these methods has to know."""

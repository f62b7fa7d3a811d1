"""Whether stored runs replicate the cells of Tables II and III: the paper's means and deviations against ours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from benchmark.score import Metric
from reports.cells import Cell
from reports.collect import ResultSet
from reports.paper import CATEGORY_TABLES
from reports.published import Published
from reports.statistics import CONFIDENCE
from reports.tables import Table
from reports.wording import signed

# A printed number stands for any value within half a unit of its last digit.
HALF = 0.00005
SIDES = ("inside", "above", "below")


@dataclass(frozen=True)
class Replicate:
    """A cell of both: ours against what the paper's mean and deviation predict for as many seeds.

    Attributes
    ----------
    ours, paper : Cell
        ``paper`` has a deviation.
    low, high : float
        The 95 % prediction interval of the mean of our number of seeds, for scores in [0, 1]; its ends may lie outside.
    z : float or None
        Our mean minus the paper's, in standard errors of that difference by both deviations; None for one seed.

    Examples
    --------
    >>> found = replicate_cell(Cell(0.52, 0.01, 5, 5), Cell(0.50, 0.02, 5, 5))
    >>> found.side, found.z_text
    ('inside', '+2.0')
    """

    ours: Cell
    paper: Cell
    low: float
    high: float
    z: float | None

    @property
    def side(self) -> str:
        """Where our mean lies with regard to the interval: ``inside``, ``above`` or ``below``."""
        value = self.ours.value or 0.0
        return "above" if value > self.high else "below" if value < self.low else "inside"

    @property
    def z_text(self) -> str:
        """The signed z; a dash for None."""
        return signed(None if self.z is None else round(self.z, 1) + 0.0, "{:+.1f}")  # no minus zero

    @property
    def interval_text(self) -> str:
        """The prediction interval within [0, 1]."""
        return f"{max(self.low, 0):.4f} to {min(self.high, 1):.4f}"


@dataclass(frozen=True)
class Replication:
    """The cells of one metric and K.

    Attributes
    ----------
    shots : int
    metric : {"iou", "dc"}
    methods : tuple of (str, str)
        Name and label of those that the paper's table has.
    categories : tuple of str
    cells : dict
        (category, method) to its comparison, where both have a number and the paper a deviation.
    """

    shots: int
    metric: Metric
    methods: tuple[tuple[str, str], ...]
    categories: tuple[str, ...]
    cells: dict[tuple[str, str], Replicate]

    @property
    def title(self) -> str:
        """The metric and K as a heading."""
        return f"{self.metric.upper()}, {self.shots}-shot (Table {CATEGORY_TABLES[self.metric]})"

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many cells are ``inside``, ``above`` and ``below``."""
        sides = [cell.side for cell in self.cells.values()]
        return {side: sides.count(side) for side in SIDES}

    @property
    def summary(self) -> str:
        """How many cells replicate, in a sentence."""
        counts = self.counts
        return (
            f"{counts['inside']} of {len(self.cells)} cells replicate: {counts['above']} of the others lie above the "
            f"{100 * CONFIDENCE:.0f} % prediction interval of the paper's cell, {counts['below']} below."
        )


def replicate_cell(ours: Cell, paper: Cell) -> Replicate | None:
    """Compare one cell; None where either has no number or the paper no deviation.

    The interval is m +- t s sqrt(1 / n + 1 / k) with the paper's mean m and deviation s over n seeds, our k seeds, and
    Student's t with n - 1 degrees of freedom; m and s are as far off as their rounding allows, for the widest interval.

    Parameters
    ----------
    ours, paper : Cell
    """
    from scipy.special import stdtrit  # slow to import, and only needed where replication is offered

    if ours.value is None or paper.value is None or paper.std is None or paper.n < 2:
        return None
    half = HALF + float(stdtrit(paper.n - 1, (1 + CONFIDENCE) / 2)) * (paper.std + HALF) * math.sqrt(
        1 / paper.n + 1 / ours.n
    )
    z = None
    if ours.std is not None:
        z = (ours.value - paper.value) / math.sqrt(max(paper.std, HALF) ** 2 / paper.n + ours.std**2 / ours.n)
    return Replicate(ours, paper, paper.value - half, paper.value + half, z)


def replications(results: ResultSet) -> list[Replication]:
    """Compare every cell of Tables II and III, for each K and metric.

    Returns
    -------
    list of Replication
        Empty on other data than the paper's and under another protocol, where a replication is not to be expected;
        without those that have no cell.
    """
    paper = Published()
    if results.dataset != paper.dataset or not results.follows_paper:
        return []
    found = []
    for metric, number in CATEGORY_TABLES.items():
        methods = [method for method in results.methods if method in paper.methods and paper.has(method, number)]
        for shots in results.shots:
            cells = {
                (category, method): cell
                for category in results.categories
                for method in methods
                if (
                    cell := replicate_cell(
                        results.cell(category, method, shots, metric), paper.cell(category, method, shots, metric)
                    )
                )
            }
            if cells:
                labels = tuple((method, results.label(method)) for method in methods)
                found.append(Replication(shots, metric, labels, tuple(results.categories), cells))
    return found


def with_replication(table: Table, results: ResultSet) -> Table:
    """Return Table II or III with notes on how many of its cells replicate, where that can be asked."""
    notes = [
        f"Replication, {found.shots}-shot: {found.summary}"
        for found in (replications(results) if table.number in CATEGORY_TABLES.values() else ())
        if CATEGORY_TABLES[found.metric] == table.number
    ]
    return replace(table, notes=(*table.notes, *notes))

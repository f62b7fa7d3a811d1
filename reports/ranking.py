"""Which method is best for a K: the ranking by mean IOU over categories, and whether the lead of the best is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from benchmark.score import Metric
from reports.category_scores import category_scores
from reports.collect import ResultSet
from reports.published import Published
from reports.statistics import CONFIDENCE, Comparison, compare_paired, mean_interval, smallest_n
from reports.text_tables import text_table
from reports.wording import wrapped

COMPARABLE = "mvtec-ad"
_METRIC: Metric = "iou"
_WIDTH = 80
_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Rank:
    """One method of a ranking.

    Attributes
    ----------
    method, label : str
    mean : float
        Mean IOU over the categories of the ranking, in [0, 1].
    interval : tuple of float or None
        Student's 95 % interval of the mean; None for fewer than ``smallest_n()`` categories.
    values : tuple of float
        The mean over seeds in each category.
    paper_mean : float or None
        That of the paper's Table II over those of the categories in which it prints every ranked method; None where
        the images are others, or the method is not in that table.
    paper_rank : int or None
        The method's place by that mean among the methods that have one.

    Examples
    --------
    >>> Rank("unet", "U-Net", 0.5, (0.41, 0.59), (0.4, 0.6)).interval_text
    '0.4100 to 0.5900'
    """

    method: str
    label: str
    mean: float
    interval: tuple[float, float] | None
    values: tuple[float, ...]
    paper_mean: float | None = None
    paper_rank: int | None = None

    @property
    def interval_text(self) -> str:
        """The interval as printed; a dash where there is none."""
        return "{:.4f} to {:.4f}".format(*self.interval) if self.interval else _DASH

    @property
    def paper_text(self) -> str:
        """The paper's place and mean; a dash where there is none."""
        return f"{self.paper_rank}. {self.paper_mean:.4f}" if self.paper_mean is not None else _DASH


@dataclass(frozen=True)
class Ranking:
    """The methods for one K by their mean IOU over categories, best first.

    Attributes
    ----------
    shots : int
    categories : tuple of str
        Those in which every ranked method has all of its seeds.
    ranks : tuple of Rank
    not_ranked : tuple of str
        Labels of the methods with too few complete categories.
    left_out : tuple of str
        Categories with runs, but not in ``categories``.
    lead : Comparison or None
        The best minus the second, tested in one family with all other pairs; None for fewer than two methods.

    Examples
    --------
    >>> Ranking(5, (), (), (), (), None).headline
    'K = 5: no ranking yet'
    """

    shots: int
    categories: tuple[str, ...]
    ranks: tuple[Rank, ...]
    not_ranked: tuple[str, ...]
    left_out: tuple[str, ...]
    lead: Comparison | None

    @property
    def headline(self) -> str:
        """The first method in a few words; it is called best only if its lead over the second is shown."""
        if not self.ranks:
            return f"K = {self.shots}: no ranking yet"
        return f"K = {self.shots}: {self.ranks[0].label} {'is best' if self.shown else 'has the highest mean'}"

    @property
    def shown(self) -> bool:
        """Whether the lead of the best over the second is statistically significant."""
        return self.lead is not None and self.lead.significant

    @property
    def conclusion(self) -> str:
        """A sentence: by how much the best leads, and whether this difference is shown."""
        if not self.ranks:
            return "No category has all seeds of the methods to be ranked."
        best, over = self.ranks[0], _categories(len(self.categories))
        if self.lead is None or self.lead.difference is None:
            return f"Its mean IOU over {over} is {best.mean:.4f}. No other method has one."
        lead = f"{self.lead.difference:.4f} ahead of {self.ranks[1].label}"
        shown = f"{'shown' if self.shown else 'not shown'} ({self._basis(self.lead)})"
        return f"Its mean IOU over {over} is {best.mean:.4f}, {lead}. This difference is {shown}."

    @property
    def omissions(self) -> list[str]:
        """Sentences: which methods and categories the ranking leaves out."""
        missing = {"Methods": self.not_ranked, "Categories": self.left_out if self.ranks else ()}
        return [
            f"{what} left out, because seeds are missing or failed, or none converged: {', '.join(of)}."
            for what, of in missing.items()
            if of
        ]

    def _basis(self, lead: Comparison) -> str:
        if lead.p_holm is not None:
            return f"p {'< 0.0001' if lead.p_holm < 0.0001 else f'= {lead.p_holm:.4f}'}, paired over categories"
        needed = smallest_n(comparisons=math.comb(len(self.ranks), 2))
        if lead.n < needed:
            return f"{_categories(lead.n)}; {needed} needed"
        return lead.note

    @property
    def axis(self) -> tuple[float, float]:
        """Ends of the chart's axis: tenths around all numbers."""
        numbers = [value for rank in self.ranks for value in (*rank.values, *(rank.interval or ()))]
        low, high = math.floor(10 * min(numbers)) / 10, math.ceil(10 * max(numbers)) / 10
        return low, max(high, low + 0.1)

    def place(self, value: float) -> str:
        """Return where a number lies on the axis, as a percentage for SVG."""
        low, high = self.axis
        return f"{4 + 92 * (value - low) / (high - low):.2f}%"

    @property
    def ticks(self) -> list[float]:
        """The tenths on the axis."""
        low, high = self.axis
        return [round(tick, 1) for tick in np.arange(low, high + 0.05, 0.1)]


def rank_methods(results: ResultSet, shots: int) -> Ranking:
    """Rank the methods of a result set for one K.

    Every mean is over the same categories, see ``shared_scores``.
    """
    scores = category_scores(results.runs, _METRIC, shots, results.seeds(shots))
    shared = shared_scores(scores.values, results.methods, results.categories)
    known = scores.values.columns
    if shared.empty:
        return Ranking(shots, (), (), tuple(map(results.label, known)), tuple(scores.values.index), None)
    order = list(shared.mean().sort_values(ascending=False, kind="stable").index)
    paper = _paper_means(order, list(shared.index), shots) if results.dataset == COMPARABLE else {}
    by_paper = sorted(paper, key=lambda method: -paper[method])
    ranks = tuple(
        Rank(
            method,
            results.label(method),
            float(shared[method].mean()),
            mean_interval(shared[method], CONFIDENCE) if len(shared) >= smallest_n() else None,
            tuple(float(value) for value in shared[method]),
            paper.get(method),
            by_paper.index(method) + 1 if method in paper else None,
        )
        for method in order
    )
    not_ranked = tuple(results.label(method) for method in known if method not in shared)
    left_out = tuple(category for category in scores.values.index if category not in shared.index)
    return Ranking(shots, tuple(map(str, shared.index)), ranks, not_ranked, left_out, _lead(shared, order))


def shared_scores(values: pd.DataFrame, methods: Sequence[str], categories: Sequence[str]) -> pd.DataFrame:
    """Return the scores of the methods that can be ranked, in the categories that all of these have.

    A method that is complete in at most half as many categories as the most complete one is left out, because it would
    leave too few for the others.

    Parameters
    ----------
    values : pd.DataFrame
        Categories by methods; NaN where seeds are incomplete.
    methods, categories : sequence of str
        The order of columns and rows; others are left out.

    Returns
    -------
    pd.DataFrame
        Without NaN; it may be empty.

    Examples
    --------
    >>> values = pd.DataFrame({"a": [0.1, 0.2], "b": [0.3, 0.4], "c": [0.5, None]}, index=["tile", "wood"])
    >>> shared_scores(values, ["c", "b", "a"], ["wood", "tile"])
            b    a
    wood  0.4  0.2
    tile  0.3  0.1
    """
    complete = values.notna().sum()
    ranked = [method for method in methods if method in complete and complete[method] * 2 > complete.max()]
    shared = values[ranked].dropna() if ranked else values.iloc[:0]
    return shared.reindex([category for category in categories if category in shared.index])


def _lead(shared: pd.DataFrame, order: Sequence[str]) -> Comparison | None:
    # Best and second are chosen by the numbers that are tested, so every pair counts as a comparison.
    pairs = {f"{first} - {second}": shared[first] - shared[second] for first, second in combinations(order, 2)}
    return compare_paired(pairs)[0] if pairs else None


def _paper_means(methods: Sequence[str], categories: Sequence[str], shots: int) -> dict[str, float]:
    paper = Published()
    printed = [method for method in methods if paper.has(method, "II")]
    values = [[paper.cell(category, method, shots, _METRIC).value for method in printed] for category in categories]
    complete = pd.DataFrame(values, columns=printed, dtype="float64").dropna()
    return {method: float(mean) for method, mean in complete.mean().dropna().items()}


def as_text(results: ResultSet) -> str:
    """Return the rankings of a result set for the terminal, at most 80 characters wide where labels are short."""
    lines = [*wrapped(results.title, _WIDTH), ""]
    for ranking in (rank_methods(results, shots) for shots in results.shots):
        lines += wrapped(f"{ranking.headline}. {ranking.conclusion}", _WIDTH)
        paper = any(rank.paper_mean is not None for rank in ranking.ranks)
        rows = [
            [str(place), rank.label, f"{rank.mean:.4f}", rank.interval_text, *([rank.paper_text] if paper else [])]
            for place, rank in enumerate(ranking.ranks, 1)
        ]
        head = ["", "Method", "Mean IOU", "95 % interval", *(["Paper"] if paper else [])]
        if rows:
            lines += text_table(head, [rows], "rlrrr"[: len(head)]).splitlines()
        for sentence in ranking.omissions:
            lines += wrapped(sentence, _WIDTH)
        lines.append("")
    return "\n".join(lines)


def _categories(count: int) -> str:
    return f"{count} category" if count == 1 else f"{count} categories"

"""Mean ranks of methods over categories: Friedman's test, Nemenyi's critical difference, wins, and stability.

As Demsar, *Statistical Comparisons of Classifiers over Multiple Data Sets* (JMLR 7, 2006); docs/statistics.md has a
worked example.
"""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from benchmark.random_streams import stream
from reports.statistics import ALPHA

# How often the categories are drawn again.
DRAWS = 10_000
# Scores that differ by less are equal: they are means of the same numbers, added up in another order.
_DECIMALS = 12


@dataclass(frozen=True)
class RankStatistics:
    """The methods by their mean ranks over categories, lowest (best) first.

    Attributes
    ----------
    methods, categories : tuple of str
    ranks : np.ndarray, float64, shape (categories, methods)
        1 for the highest score of a category; equal scores share the mean of their ranks.
    means : np.ndarray, float64, shape (methods,)
        Mean scores.
    chi2, p : float or None
        Friedman's statistic, corrected for ties, and its p-value from the chi-squared distribution; None for fewer than
        three methods or two categories, or where every category has all methods equal.
    cd : float or None
        Nemenyi's critical difference of two mean ranks at 0.05; None for fewer than two methods or categories.
    wins, ties : np.ndarray, int, shape (methods, methods)
        In how many categories the method of the row has a higher score than that of the column, or an equal one.
    places : np.ndarray, float64, shape (methods, methods)
        Share of the drawn sets of categories in which the method of the row takes place 1, 2, ... by mean rank.
    first_by_mean : np.ndarray, float64, shape (methods,)
        Share of them in which it has the highest mean score.
    kept : float
        Share of them in which no method overtakes one that is before it here; they may be equal.

    Examples
    --------
    >>> scores = pd.DataFrame({"a": [0.4, 0.6, 0.5], "b": [0.5, 0.7, 0.4]}, index=["tile", "wood", "grid"])
    >>> found = rank_statistics(scores)
    >>> found.methods, found.mean_ranks.round(2).tolist(), found.wins.tolist()
    (('b', 'a'), [1.33, 1.67], [[0, 2], [1, 0]])
    """

    methods: tuple[str, ...]
    categories: tuple[str, ...]
    ranks: np.ndarray
    means: np.ndarray
    chi2: float | None
    p: float | None
    cd: float | None
    wins: np.ndarray
    ties: np.ndarray
    places: np.ndarray
    first_by_mean: np.ndarray
    kept: float

    @cached_property
    def mean_ranks(self) -> np.ndarray:
        """Of each method, float64, shape (methods,)."""
        mean: np.ndarray = self.ranks.mean(axis=0)
        return mean

    @cached_property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """First and last place of each largest group of methods whose mean ranks lie within the critical difference.

        A method that differs from every other one is a group of its own. The critical difference itself separates.
        """
        if self.cd is None:
            return ()
        ranks, found = self.mean_ranks, [(-1, -1)]
        for first, rank in enumerate(ranks):
            last = int(np.flatnonzero(ranks < rank + self.cd - 1e-9)[-1])
            if last > found[-1][1]:
                found.append((first, last))
        return tuple(found[1:])

    @property
    def letters(self) -> tuple[str, ...]:
        """For each method a letter per group that it is in; methods that share one cannot be separated."""
        names = string.ascii_lowercase
        return tuple(
            "".join(names[number % 26] for number, (first, last) in enumerate(self.groups) if first <= place <= last)
            for place in range(len(self.methods))
        )


def rank_statistics(scores: pd.DataFrame) -> RankStatistics:
    """Rank the methods in each category, and compare their mean ranks.

    Parameters
    ----------
    scores : pd.DataFrame, float64
        Categories by methods, higher is better, without NaN; at least one of each.

    Raises
    ------
    ValueError
        If a score is missing, or there is none.
    """
    if scores.empty or scores.isna().to_numpy().any():
        raise ValueError("each method needs a score in each category")
    rounded = scores.round(_DECIMALS)
    ranks = rounded.rank(axis=1, ascending=False)
    # Equal mean ranks: the higher mean score first, then the order given.
    order = sorted(
        range(len(ranks.columns)), key=lambda index: (ranks.iloc[:, index].mean(), -rounded.iloc[:, index].mean())
    )
    values, ordered = rounded.to_numpy()[:, order], ranks.to_numpy()[:, order]
    weights = _drawn_categories(len(values))
    rank_sums = np.einsum("dc,cm->dm", weights, ordered)  # @ would start BLAS threads
    mean_scores = np.round(np.einsum("dc,cm->dm", weights, values) / len(values), _DECIMALS)
    chi2, p = friedman(ordered)
    more = values[:, :, np.newaxis] > values[:, np.newaxis]
    same = values[:, :, np.newaxis] == values[:, np.newaxis]
    return RankStatistics(
        methods=tuple(str(scores.columns[index]) for index in order),
        categories=tuple(map(str, scores.index)),
        ranks=ordered,
        means=values.mean(axis=0),
        chi2=chi2,
        p=p,
        cd=critical_difference(len(order), len(values)) if min(values.shape) > 1 else None,
        wins=more.sum(axis=0),
        ties=same.sum(axis=0) - len(values) * np.eye(len(order), dtype=np.int64),
        places=place_shares(rank_sums),
        first_by_mean=place_shares(-mean_scores)[:, 0],
        kept=float((np.diff(rank_sums, axis=1) >= 0).all(axis=1).mean()),
    )


def friedman(ranks: np.ndarray) -> tuple[float | None, float | None]:
    """Return Friedman's statistic and p-value for the hypothesis that all methods are equal.

    Parameters
    ----------
    ranks : np.ndarray, float64, shape (categories, methods)
        Or any scores; only their order within a category counts.

    Returns
    -------
    chi2, p : float or None
        None where there is no test, see ``RankStatistics``.

    Examples
    --------
    >>> chi2, p = friedman(np.array([[1, 2, 3]] * 4))
    >>> round(chi2, 4), round(p, 4)
    (8.0, 0.0183)
    """
    categories, methods = ranks.shape
    if methods < 3 or categories < 2 or (ranks == ranks[:, :1]).all():
        return None, None
    from scipy.stats import friedmanchisquare  # slow to import, and not needed for a refusal

    found = friedmanchisquare(*ranks.T)
    return float(found.statistic), float(found.pvalue)


@lru_cache(maxsize=256)
def critical_difference(methods: int, categories: int, alpha: float = ALPHA) -> float:
    """Return how far two mean ranks must be apart for Nemenyi's test: q sqrt(k (k + 1) / (6 N)).

    q is the studentized range of k means with infinitely many degrees of freedom, divided by the square root of 2.

    Parameters
    ----------
    methods : int
        k, at least 2.
    categories : int
        N, at least 1.
    alpha : float, optional
        In (0, 1); over all pairs of methods together.

    Examples
    --------
    >>> round(critical_difference(methods=4, categories=14), 4)
    1.2536
    """
    from scipy.stats import studentized_range  # slow to import

    q = float(studentized_range.ppf(1 - alpha, methods, math.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * categories))


def place_shares(values: np.ndarray) -> np.ndarray:
    """Return how often each method takes each place; equal methods share their places evenly.

    Parameters
    ----------
    values : np.ndarray, shape (draws, methods)
        Lower is better.

    Returns
    -------
    np.ndarray, float64, shape (methods, methods)
        Methods by places; rows and columns add up to 1.

    Examples
    --------
    >>> place_shares(np.array([[1, 2, 3], [2, 1, 2]]))
    array([[0.5 , 0.25, 0.25],
           [0.5 , 0.5 , 0.  ],
           [0.  , 0.25, 0.75]])
    """
    methods = values.shape[1]
    before = (values[:, :, np.newaxis] > values[:, np.newaxis]).sum(axis=2)
    equal = (values[:, :, np.newaxis] == values[:, np.newaxis]).sum(axis=2)
    shares = np.empty((methods, methods))
    for place in range(methods):
        shares[:, place] = (((before <= place) & (place < before + equal)) / equal).mean(axis=0)
    return shares


@lru_cache(maxsize=8)
def _drawn_categories(count: int) -> np.ndarray:
    """Return how often each category is in each of ``DRAWS`` sets, drawn with replacement; int, (draws, categories)."""
    drawn = stream("bootstrap of categories", count).integers(count, size=(DRAWS, count))
    counts = np.zeros((DRAWS, count), dtype=np.int64)
    np.add.at(counts, (np.arange(DRAWS)[:, np.newaxis], drawn), 1)
    return counts

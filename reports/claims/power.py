"""Power: how likely a claim comes out as supported in a study of some size, if the paper's differences were true.

The differences of a study are simulated: categories are drawn with replacement from those of a source, comparisons
together, since they share methods; then the claim's own test decides. The source is the study itself, its differences
moved to the paper's means, or else the paper's tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from baselines import get_method
from benchmark.score import Metric
from reports.claims.evidence import PublishedEvidence
from reports.claims.verdict import ENOUGH, Power
from reports.paper import CATEGORY_TABLES, MEAN, PAPER_SEEDS, published_table
from reports.paper.ledger import Claim, ClaimMetric, claimed_differences, read_ledger
from reports.statistics import ALPHA, smallest_n

if TYPE_CHECKING:
    from benchmark.protocol.selection import Selection

METRICS = get_args(Metric)
SIMULATIONS = 1000
# Up to this many pairs all sign patterns are tried; beyond, Student's t-test stands for the sign-flip test, whose
# p-value hardly differs from its.
MOST_FLIPPED = 11
_CATEGORIES = (6, 7, 8, 9, 10, 11, 12, 15, 20, 25, 30, 40, 50, 75, 100)
_SEEDS = (1, 2, 3, 4, 5, 7, 10, 15, 20)
_TABLES: dict[str, str] = dict(CATEGORY_TABLES.items())
_NO_SIZE = "the paper prints no size of this difference"
_REFERENCE = ("albunet_nbr_cap", "albunet")


@dataclass(frozen=True)
class Source:
    """What simulated categories are drawn from.

    Attributes
    ----------
    differences : ndarray of float64, (C, J)
        C categories of J comparisons; for a rank correlation, scores of J networks.
    seed_variance : ndarray of float64, (J,)
        Variance of one of them between runs that differ in their seed only.
    seeds : int
        Over how many seeds ``differences`` are means.
    basis : str
        Where the numbers come from, in words.
    """

    differences: np.ndarray
    seed_variance: np.ndarray
    seeds: int
    basis: str

    def moved_to(self, means: np.ndarray, basis: str) -> Source:
        """Return it with other means over categories."""
        return replace(self, differences=self.differences - self.differences.mean(axis=0) + means, basis=basis)

    def draw(self, count: int, categories: int, seeds: int) -> np.ndarray:
        """Return ``count`` simulated studies, (count, categories, J)."""
        rng = np.random.default_rng(0)
        means, variance = self.differences.mean(axis=0), self.differences.var(axis=0, ddof=1)
        change = self.seed_variance * (1 / seeds - 1 / self.seeds)
        # More seeds take away noise that the source has; what remains is how categories differ.
        kept = np.sqrt(np.clip(1 + np.minimum(change, 0) / np.maximum(variance, 1e-12), 0.05, 1.0))
        rows = rng.integers(len(self.differences), size=(count, categories))
        drawn = means + kept * (self.differences[rows] - means)
        return np.asarray(drawn + rng.normal(size=drawn.shape) * np.sqrt(np.maximum(change, 0)))


def estimate_power(claim: Claim, categories: int, seeds: int, study: Source | None = None) -> Power | None:
    """Return the power of a claim's test; None if the claim is not tested over categories.

    Parameters
    ----------
    claim : Claim
    categories, seeds : int
        Of the study, at least 1 each.
    study : Source, optional
        Differences of the study, for their spread.

    Examples
    --------
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "ours-best-iou-1")
    >>> estimate_power(claim, categories=5, seeds=5).probability, estimate_power(claim, 15, 5).probability > 0.9
    (0.0, True)
    """
    if claim.kind not in _RULES or claim.categories:
        return None
    paper = paper_source(claim)
    if paper is None:
        return Power(None, categories, seeds, None, None, _NO_SIZE)
    source = paper
    if study is not None and len(study.differences) >= smallest_n():
        means = paper.basis.partition(",")[0]
        source = study.moved_to(
            paper.differences.mean(axis=0), f"{means} on average, with the spread over categories of these runs"
        )
    supported = _RULES[claim.kind]

    def power(n: int, m: int) -> float:
        if n < smallest_n():
            return 0.0
        return float(np.mean(supported(claim, source.draw(SIMULATIONS, n, m))))

    return Power(
        power(categories, seeds),
        categories,
        seeds,
        _first_enough(_CATEGORIES, lambda n: power(n, seeds)),
        _first_enough(_SEEDS, lambda m: power(categories, m)),
        source.basis,
    )


def planned_power(selections: Iterable[Selection]) -> dict[str, Power]:
    """Return the power of each claim that a selection of runs tests over categories, by its id.

    A claim counts as many categories as all of its methods are planned for, at every K, and the fewest seeds.

    Examples
    --------
    >>> from benchmark.protocol.selection import Selection
    >>> selection = Selection(["albunet", "albunet_nbr_cap"], ["bottle", "tile"], shots=[5], seeds=[0])
    >>> {name: (power.categories, power.seeds) for name, power in planned_power([selection]).items()}
    {'still-gains-at-5': (2, 1)}
    """
    seeds: dict[tuple[str, int, str], set[int]] = {}
    for selection in selections:
        names = [get_method(name).name for name in selection.methods]
        for name, (category, shots) in product(names, selection.cells()):
            seeds.setdefault((name, shots, category), set()).update(selection.seeds)
    categories = list(dict.fromkeys(category for _, _, category in seeds))
    found = {}
    for claim in read_ledger().claims:
        wanted = list(product(claim.methods + claim.against, claim.shots))
        planned = [name for name in categories if all((*cell, name) in seeds for cell in wanted)]
        if not planned:
            continue
        fewest = min(len(seeds[*cell, name]) for cell in wanted for name in planned)
        if (power := estimate_power(claim, len(planned), fewest)) and power.probability is not None:
            found[claim.id] = power
    return found


def _first_enough(sizes: tuple[int, ...], power: Callable[[int], float]) -> int | None:
    """Return the smallest size with enough power, by bisection; None if the largest has not."""
    if power(sizes[-1]) < ENOUGH:
        return None
    low, high = 0, len(sizes) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(sizes[middle]) >= ENOUGH else (middle + 1, high)
    return sizes[high]


@cache
def paper_source(claim: Claim) -> Source | None:
    """Return the differences that the paper prints for a claim's comparisons; None if it prints none.

    Tables II and III have numbers per category, each a mean of five seeds with its deviation. Of the other tables only
    means are known; their spread over categories is taken from B+NBR+CaP - B in IOU, at the same K.
    """
    if claim.kind == "smaller_is_better":
        means, deviations = _printed("II", claim.shots[0])
        return Source(
            means[list(claim.methods)].dropna().to_numpy(),
            (deviations[list(claim.methods)] ** 2).mean().to_numpy(),
            PAPER_SEEDS,
            "Table II",
        )
    if not set(claim.metrics) <= set(METRICS):
        return None
    found = [
        _gain_that_shrinks(claim, metric, method, other) if claim.kind == "shrinks"
        else _difference(claim, metric, method, other, shots)
        for shots, metric, method, other in claimed_differences(claim)
    ]  # fmt: skip
    printed = [item for item in found if item is not None]
    if len(printed) < len(found):
        return None
    return Source(
        pd.concat([differences for differences, _, _ in printed], axis=1).dropna().to_numpy(),
        np.array([variance for _, variance, _ in printed]),
        PAPER_SEEDS,
        " and ".join(sorted({table for _, _, table in printed})),
    )


def _gain_that_shrinks(
    claim: Claim, metric: ClaimMetric, first: str, second: str
) -> tuple[pd.Series, float, str] | None:
    few, many = (_difference(claim, metric, first, second, shots) for shots in claim.shots)
    return (few[0] - many[0], few[1] + many[1], few[2]) if few and many else None


def _difference(
    claim: Claim, metric: ClaimMetric, first: str, second: str, shots: int
) -> tuple[pd.Series, float, str] | None:
    """Return differences per category, their variance between seeds, and their table."""
    table = _TABLES.get(metric, "")
    if table in claim.tables:
        means, deviations = _printed(table, shots)
        variance = float((deviations[first] ** 2 + deviations[second] ** 2).mean())
        return means[first] - means[second], variance, f"Table {table}"
    known = PublishedEvidence().means(claim, metric, shots)
    if not {first, second} <= set(known):
        return None
    means, deviations = _printed("II", shots)
    spread = (means[_REFERENCE[0]] - means[_REFERENCE[1]]).dropna()
    variance = float((deviations[list(_REFERENCE)] ** 2).sum(axis=1).mean())
    basis = f"Table {', '.join(claim.tables)}, with the spread over categories of B+NBR+CaP - B in Table II"
    return spread - spread.mean() + known[first] - known[second], variance, basis


@cache
def _printed(table: str, shots: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = published_table(table)
    rows = rows[(rows["shots"] == shots) & (rows["category"] != MEAN)]
    means, deviations = (rows.pivot(index="category", columns="method", values=name) for name in ("mean", "std"))
    return means, deviations


def _above(claim: Claim, studies: np.ndarray) -> np.ndarray:
    """Decide which studies show every difference to be above the margin, (S, C, J) to (S,)."""
    values = studies - claim.margin
    return np.asarray(np.all(_two_sided_p(values) & (values.mean(axis=1) > 0), axis=1))


def _two_sided_p(values: np.ndarray) -> np.ndarray:
    """Decide which means over categories differ from 0 at ``ALPHA``, (S, C, J) to (S, J)."""
    n = values.shape[1]
    if n > MOST_FLIPPED:
        critical = _t(n, 1 - ALPHA / 2) * values.std(axis=1, ddof=1) / np.sqrt(n)
        return np.asarray(np.abs(values.mean(axis=1)) > critical)
    signs = 1.0 - 2.0 * (np.arange(2 ** (n - 1))[:, np.newaxis] >> np.arange(n) & 1)
    sums = np.abs(np.einsum("pc,scj->psj", signs, values, optimize=True))
    return np.asarray(np.mean(sums >= np.abs(values.sum(axis=1)) - 1e-12, axis=0) <= ALPHA)


def _inside(claim: Claim, studies: np.ndarray) -> np.ndarray:
    """Decide which studies show every difference to be within the bounds."""
    n = studies.shape[1]
    half = _t(n, 1 - ALPHA) * studies.std(axis=1, ddof=1) / np.sqrt(n)
    means = studies.mean(axis=1)
    return np.asarray(np.all((claim.low < means - half) & (means + half < claim.high), axis=1))


def _smaller_first(claim: Claim, studies: np.ndarray) -> np.ndarray:
    """Decide in which studies the rank correlation of size and mean score is significantly negative."""
    sizes = np.argsort(np.argsort([read_ledger().parameters[name] for name in claim.methods]))
    centred = sizes - sizes.mean()
    null = np.array(list(permutations(range(len(sizes))))) @ centred
    largest = np.quantile(np.abs(null), 1 - ALPHA, method="higher")
    if np.mean(np.abs(null) >= largest) > ALPHA:
        largest = np.abs(null)[np.abs(null) > largest].min(initial=np.inf)
    ranks = np.argsort(np.argsort(studies.mean(axis=1), axis=1), axis=1)
    return np.asarray(-(ranks @ centred) >= largest - 1e-9)


@cache
def _t(n: int, probability: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, probability))


_RULES: dict[str, Callable[[Claim, np.ndarray], np.ndarray]] = {
    "better": _above,
    "shrinks": _above,
    "within": _inside,
    "smaller_is_better": _smaller_first,
}

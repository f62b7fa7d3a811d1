"""What the spread of a score over seeds comes from: the images drawn, training, or the two together.

Runs of ``--study variance`` train on the draw of every seed with every training seed. A two-way analysis of variance
with random effects splits their spread; docs/statistics.md has a worked example.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from baselines.methods import PAPER_METHODS
from benchmark.results.records import Status
from reports.collect import PAPER_CATEGORIES, ResultSet, in_order
from reports.statistics import ALPHA, FEWEST_SEEDS

POWER = 0.8
# More seeds than anybody trains are not counted.
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Component:
    """A variance with its 95 % interval.

    Attributes
    ----------
    variance : float
        At least 0: an estimate below is 0.
    low, high : float
    """

    variance: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The standard deviation with its interval."""
        return f"{math.sqrt(self.variance):.4f} ({math.sqrt(self.low):.4f} to {math.sqrt(self.high):.4f})"


@dataclass(frozen=True)
class Spread:
    """The variance of a score, or of a difference of two, split by where it comes from.

    Attributes
    ----------
    drawn, training, rest : Component
        Between draws, between training seeds, and what is neither: how much the effect of a draw depends on the
        training seed. One run per pair leaves nothing to tell that from noise, and training here has none.
    total : Component
        Of a run whose draw and training seed are both its own, as those of every ordinary seed.
    mean : float
    categories : tuple of str
        Over which the mean squares are pooled.
    draws, seeds : int
    """

    drawn: Component
    training: Component
    rest: Component
    total: Component
    mean: float
    categories: tuple[str, ...]
    draws: int
    seeds: int

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of ``drawn``, ``training`` and ``rest`` in their sum; zeros if nothing varies."""
        parts = [part.variance for part in (self.drawn, self.training, self.rest)]
        whole = sum(parts) or 1.0
        return parts[0] / whole, parts[1] / whole, parts[2] / whole


def split_spread(values: np.ndarray, categories: Sequence[str]) -> Spread:
    """Split the spread of scores by a two-way analysis of variance with random effects.

    Model, in each category: score = mean + draw + training + rest, all independent. With a draws, b training seeds and
    the mean squares MS pooled over categories, the estimates are (MS_draw - MS_rest) / b, (MS_training - MS_rest) / a
    and MS_rest.

    Parameters
    ----------
    values : np.ndarray, float64, shape (categories, draws, seeds)
        At least two draws and two seeds.
    categories : sequence of str

    Returns
    -------
    Spread
        Intervals: exact for ``rest``; Satterthwaite's for ``total``, a sum of mean squares; for the two differences of
        mean squares the modified large-sample interval of Ting et al. (1990), as Satterthwaite's does not hold there.

    Examples
    --------
    >>> spread = split_spread(np.array([[[0.1, 0.2], [0.3, 0.4]]]), ["tile"])
    >>> [round(part.variance, 4) for part in (spread.drawn, spread.training, spread.rest, spread.total)]
    [0.02, 0.005, 0.0, 0.025]
    """
    count, a, b = values.shape
    mean = values.mean(axis=(1, 2), keepdims=True)
    by_draw, by_seed = values.mean(axis=2, keepdims=True), values.mean(axis=1, keepdims=True)
    freedom = np.array([count * (a - 1), count * (b - 1), count * (a - 1) * (b - 1)])
    squares = [b * ((by_draw - mean) ** 2).sum(), a * ((by_seed - mean) ** 2).sum()]
    squares.append(((values - by_draw - by_seed + mean) ** 2).sum())
    ms = np.where(np.array(squares) > 1e-20, squares, 0.0) / freedom
    weights = np.array([1 / b, 1 / a, 1 - 1 / a - 1 / b])
    return Spread(
        drawn=_component((ms[0] - ms[2]) / b, *difference_interval(ms[0], freedom[0], ms[2], freedom[2], b)),
        training=_component((ms[1] - ms[2]) / a, *difference_interval(ms[1], freedom[1], ms[2], freedom[2], a)),
        rest=_component(ms[2], *scaled_interval(ms[2], freedom[2])),
        total=_component(float(weights @ ms), *sum_interval(ms, freedom, weights)),
        mean=float(values.mean()),
        categories=tuple(categories),
        draws=a,
        seeds=b,
    )


def _component(variance: float, low: np.ndarray, high: np.ndarray) -> Component:
    return Component(max(0.0, float(variance)), max(0.0, float(low)), max(0.0, float(high)))


def scaled_interval(square: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of a variance from its mean square and degrees of freedom, by chi-squared."""
    from scipy.special import chdtri  # slow to import

    upper, lower = chdtri(freedom, ALPHA / 2), chdtri(freedom, 1 - ALPHA / 2)
    return freedom * square / upper, freedom * square / lower


def sum_interval(squares: np.ndarray, freedom: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Satterthwaite's 95 % interval of a sum of expected mean squares with weights of at least 0."""
    parts = weights * squares
    total = parts.sum()
    if total == 0:
        return np.float64(0), np.float64(0)  # type: ignore[return-value]
    return scaled_interval(total, total**2 / (parts**2 / freedom).sum())


def difference_interval(
    first: np.ndarray, n: np.ndarray, second: np.ndarray, m: np.ndarray, divisor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the modified large-sample 95 % interval of a difference of two expected mean squares, over a divisor.

    Ting, Burdick, Graybill, Jeyaratnam and Lu, *Confidence Intervals on Linear Combinations of Variance Components that
    are Unrestricted in Sign* (1990). The ends may be below 0.

    Parameters
    ----------
    first, second : np.ndarray or float
        Mean squares.
    n, m : np.ndarray or int
        Their degrees of freedom.
    divisor : float
    """
    from scipy.special import chdtri, fdtri  # slow to import

    def ends(tail: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the squared distance of an end, with the upper (lower) end's ``tail`` of the distributions."""
        one, two = (1 - freedom / chdtri(freedom, p) for freedom, p in ((n, tail), (m, 1 - tail)))
        ratio = fdtri(n, m, 1 - tail)
        return one, two, ratio, ((ratio - 1) ** 2 - one**2 * ratio**2 - two**2) / ratio

    difference, found = first - second, []
    for tail, sign in ((ALPHA / 2, -1), (1 - ALPHA / 2, 1)):
        one, two, _, both = ends(tail)
        variance = one**2 * first**2 + two**2 * second**2 + both * first * second
        found.append((difference + sign * np.sqrt(np.maximum(variance, 0))) / divisor)
    return found[0], found[1]


def seeds_needed(difference: float, deviation: float, power: float = POWER) -> int | None:
    """Return how many seeds a paired two-sided t-test at 0.05 needs to separate two methods in one category.

    Parameters
    ----------
    difference : float
        Between the two, not 0.
    deviation : float
        Standard deviation over seeds of their difference.
    power : float, optional
        The probability of a significant result.

    Returns
    -------
    int or None
        At least ``FEWEST_SEEDS``; None for more than ``MOST_SEEDS``.

    Examples
    --------
    >>> seeds_needed(0.05, 0.05), seeds_needed(0.01, 0.05)
    (10, 199)
    """
    low, high = FEWEST_SEEDS, MOST_SEEDS
    if _t_power(high, difference, deviation) < power:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _t_power(middle, difference, deviation) >= power else (middle + 1, high)
    return low


def _t_power(n: int, difference: float, deviation: float) -> float:
    from scipy.special import nctdtr, stdtrit  # slow to import

    if deviation <= 1e-12:
        return float(difference != 0)
    shift, limit = abs(difference) * math.sqrt(n) / deviation, stdtrit(n - 1, 1 - ALPHA / 2)
    if shift > 10:  # above 0.99 for any n, and further out the distribution is inaccurate
        return 1.0
    # Significant in the wrong direction: below 1e-6 where the function may return NaN.
    wrong = nctdtr(n - 1, shift, -limit) if shift < 3 else 0.0
    return float(1 - nctdtr(n - 1, shift, limit) + wrong)


@dataclass(frozen=True)
class CrossedRuns:
    """Runs of one protocol that cross draws and training seeds.

    Attributes
    ----------
    title : str
    runs : pd.DataFrame
        Rows of ``load_results``, each run once.
    labels : dict
        Of the methods, in the order of the tables.
    categories : tuple of str
    """

    title: str
    runs: pd.DataFrame
    labels: dict[str, str]
    categories: tuple[str, ...]

    @property
    def shots(self) -> list[int]:
        """Those for which some draws were trained with several seeds, and some seeds with several draws."""
        return sorted(int(shots) for shots in self.runs["shots"].unique() if min(map(len, self.grid(shots))) > 1)

    def grid(self, shots: int) -> tuple[list[int], list[int]]:
        """Return the draws and the training seeds that are crossed: each was run with more than one of the other."""
        here = self.runs[self.runs["shots"] == shots]
        seeds, draws = here.groupby("draw_seed")["seed"].nunique(), here.groupby("seed")["draw_seed"].nunique()
        return [int(draw) for draw in seeds.index[seeds > 1]], [int(seed) for seed in draws.index[draws > 1]]

    def tables(self, metric: str, shots: int) -> dict[str, dict[str, np.ndarray]]:
        """Return for each method and category its scores, float64, (draws, seeds).

        Without categories that lack a pair, or in which no run converged.
        """
        draws, seeds = self.grid(shots)
        here = self.runs[(self.runs["shots"] == shots) & (self.runs["status"] != Status.FAILED)]
        found: dict[str, dict[str, np.ndarray]] = {method: {} for method in self.labels}
        for (method, category), runs in here.groupby(["method", "category"]):
            table = runs.pivot_table(index="draw_seed", columns="seed", values=metric)
            table = table.reindex(index=draws, columns=seeds)
            # Where nothing converged there is no number in the tables either.
            if not table.isna().to_numpy().any() and (runs["status"] == Status.DONE).any():
                found[method][category] = table.to_numpy(dtype=np.float64)
        return found

    def spreads(self, metric: str, shots: int) -> dict[str, Spread]:
        """Return the spread of each method with a complete category."""
        return {
            method: self._spread(by_category)
            for method, by_category in self.tables(metric, shots).items()
            if by_category
        }

    def differences(self, metric: str, shots: int) -> dict[tuple[str, str], Spread]:
        """Return the spread of the difference of each two methods, over the categories where both are complete."""
        tables, found = self.tables(metric, shots), {}
        for first, second in combinations(tables, 2):
            both = [
                category for category in self.categories if category in tables[first] and category in tables[second]
            ]
            if both:
                found[first, second] = self._spread({name: tables[first][name] - tables[second][name] for name in both})
        return found

    def _spread(self, tables: dict[str, np.ndarray]) -> Spread:
        names = [category for category in self.categories if category in tables]
        return split_spread(np.stack([tables[name] for name in names]), names)


def crossed_runs(sets: Sequence[ResultSet]) -> list[CrossedRuns]:
    """Return the runs that cross draws and training seeds, of all result sets that differ in ``draws`` alone."""
    families: dict[str, list[ResultSet]] = {}
    for results in sets:
        asked = json.loads(results.runs["asked"].iloc[0])
        key = [results.dataset, results.variant, int(results.runs["training_version"].iloc[0])]
        # The set of ordinary runs first: it gives the family its title.
        family = families.setdefault(json.dumps([key, {**asked, "draws": ""}], sort_keys=True), [])
        family.insert(0 if asked["draws"] == "per_seed" else len(family), results)
    found = []
    for family in families.values():
        runs = pd.concat([results.runs for results in family]).drop_duplicates("id").reset_index(drop=True)
        labels = dict(zip(runs["method"], runs["label"], strict=True))
        methods = in_order(labels, tuple(method.name for method in PAPER_METHODS))
        crossed = CrossedRuns(
            family[0].title,
            runs,
            {method: str(labels[method]) for method in methods},
            tuple(in_order(runs["category"].unique(), PAPER_CATEGORIES)),
        )
        if crossed.shots:
            found.append(crossed)
    return found

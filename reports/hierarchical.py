"""How probable it is that two methods differ by more than matters: categories random, seeds within, images within them.

The differences of two methods, one per category and seed, are described by a mixed model,

    d_cs = mu + u_c + e_cs,    u_c ~ N(0, sd_categories^2),    e_cs ~ N(0, sd_seeds^2),

fitted by restricted maximum likelihood with statsmodels, and checked by a bootstrap of several levels. Both give the
probability that the mean difference over categories is above, within or below a region of practical equivalence;
docs/statistics.md gives the reasons. It is no test: verdicts do not depend on it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.random_streams import stream
from benchmark.score import Metric
from reports.averaging import averaged_rows
from reports.wording import counted

# Half the width of the region of practical equivalence, for IOU and DC in [0, 1]. Section IV-H calls a difference of
# "around 2.5%" in mean IOU and DC an advantage, and one of 0.0035 comparable; claims.toml has the same bound.
ROPE = 0.025
ROPE_METRICS: tuple[Metric, ...] = ("iou", "dc")
# With two, Student's distribution has one degree of freedom, and no mean.
FEWEST_CATEGORIES = 3
RESAMPLES = 4000
QUESTION = f"probability that the mean difference over categories is above / within / below \N{PLUS-MINUS SIGN}{ROPE:g}"
# Seeds that scatter by less than this share of all variation are equal but for rounding.
_NO_SPREAD = 1e-8


@dataclass(frozen=True)
class Probabilities:
    """Of a mean difference with regard to the region of practical equivalence, from ``-ROPE`` to ``ROPE``.

    Attributes
    ----------
    above, within, below : float
        In [0, 1]; their sum is 1.

    Examples
    --------
    >>> str(Probabilities(0.9312, 0.0588, 0.01))
    '0.93 / 0.06 / 0.01'
    """

    above: float
    within: float
    below: float

    def __str__(self) -> str:
        return f"{self.above:.2f} / {self.within:.2f} / {self.below:.2f}"


@dataclass(frozen=True)
class MixedFit:
    """The mixed model of some differences.

    Attributes
    ----------
    mean : float
        mu: the mean difference over categories, also over those that are not in the study.
    error : float
        Its standard error.
    sd_categories : float or None
        Between categories, without the scatter of seeds; None if no category has two seeds, since then the two
        cannot be told apart.
    sd_seeds : float or None
        Between the seeds of one category; None likewise.
    freedom : int
        Degrees of freedom of the mean: one less than categories.
    """

    mean: float
    error: float
    sd_categories: float | None
    sd_seeds: float | None
    freedom: int

    def probabilities(self, rope: float = ROPE) -> Probabilities:
        """Return the posterior probabilities of mu under flat priors on it and on the logarithm of its variance.

        That is Student's t-distribution around ``mean`` with scale ``error`` and ``freedom``. The probability of being
        above a bound is also 1 minus the p-value of the one-sided t-test against that bound.

        Examples
        --------
        >>> str(MixedFit(mean=0.025, error=0.01, sd_categories=0.0, sd_seeds=0.1, freedom=9).probabilities())
        '0.50 / 0.50 / 0.00'
        """
        below, upto = (self._cumulated(bound) for bound in (-rope, rope))
        return Probabilities(1 - upto, upto - below, below)

    def _cumulated(self, bound: float) -> float:
        if not self.error:
            return float(self.mean <= bound)
        from scipy.special import stdtr  # slow to import

        return float(stdtr(self.freedom, (bound - self.mean) / self.error))


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The differences of two methods by category and seed; what follows from them is computed when it is asked for.

    Attributes
    ----------
    seeds : dict of str to pd.Series
        The differences of each category by seed, at least one; as many as both methods have.
    images : dict of str to pd.DataFrame, or None
        The differences of each category, seeds by test images, NaN where an image was not tested; then images are
        resampled too.

    Examples
    --------
    >>> spread = {name: pd.Series([mean - 0.01, mean + 0.01]) for name, mean in zip("abc", (0.1, 0.2, 0.3))}
    >>> str(Hierarchy(spread)).partition(", standard deviation")[0]
    '0.95 / 0.02 / 0.03 (bootstrap 1.00 / 0.00 / 0.00); mean +0.2000, standard error 0.0577'
    """

    seeds: Mapping[str, pd.Series]
    images: Mapping[str, pd.DataFrame] | None = None

    @property
    def note(self) -> str:
        """Why there are no probabilities; "" if there are."""
        if len(self.seeds) >= FEWEST_CATEGORIES:
            return ""
        have = counted(len(self.seeds), "category", "categories")
        return f"{have}, {FEWEST_CATEGORIES} needed to know how categories differ"

    @property
    def pairs(self) -> int:
        """Number of differences: pairs of runs."""
        return sum(map(len, self.seeds.values()))

    @cached_property
    def fit(self) -> MixedFit | None:
        """The mixed model; None with a ``note``."""
        return None if self.note else fit_mixed(self.seeds)

    @cached_property
    def bootstrap(self) -> Probabilities | None:
        """The shares of resampled means above, within and below; None with a ``note``."""
        if self.note:
            return None
        means = resample_seeds(self.seeds) if self.images is None else resample_images(self.images)
        above, below = float(np.mean(means > ROPE)), float(np.mean(means < -ROPE))
        return Probabilities(above, float(np.mean(np.abs(means) <= ROPE)), below)

    def __str__(self) -> str:
        if self.fit is None:
            return self.note
        spread = "one seed each, so that categories and seeds cannot be told apart"
        if self.fit.sd_categories is not None:
            spread = f"standard deviation {self.fit.sd_categories:.4f} between categories, "
            spread += f"{self.fit.sd_seeds:.4f} between seeds"
        return (
            f"{self.fit.probabilities()} (bootstrap {self.bootstrap}); mean {self.fit.mean:+.4f}, standard error "
            f"{self.fit.error:.4f}, {spread}; {counted(len(self.seeds), 'category', 'categories')}, "
            f"{counted(self.pairs, 'pair')} of runs"
        )


def as_record(hierarchy: Hierarchy) -> dict[str, object]:
    """Return the numbers of a hierarchy as plain data for JSON; None for each that there is not.

    Examples
    --------
    >>> as_record(Hierarchy({"tile": pd.Series([0.1, 0.2])}))["note"]
    '1 category, 3 needed to know how categories differ'
    """
    return {
        "rope": ROPE,
        "categories": len(hierarchy.seeds),
        "pairs": hierarchy.pairs,
        "model": hierarchy.fit and asdict(hierarchy.fit) | asdict(hierarchy.fit.probabilities()),
        "bootstrap": hierarchy.bootstrap and asdict(hierarchy.bootstrap),
        "resampled": ["categories", "seeds", *(["images"] if hierarchy.images is not None else [])],
        "note": hierarchy.note,
    }


def paired_runs(runs: pd.DataFrame, shots: int, first: str, second: str) -> pd.DataFrame:
    """Return the pairs of runs of two methods that differ in nothing but the method.

    A category counts with the seeds that both methods have, also where others are missing. As in means, runs that did
    not converge count, and a category does not in which none of a method's seeds did. A seed that was run twice is left
    out.

    Parameters
    ----------
    runs : pd.DataFrame
        At least ``category method shots seed status`` and what is wanted of each run; one row per run.
    shots : int
    first, second : str
        The methods.

    Returns
    -------
    pd.DataFrame
        Indexed by category and seed; each other column as ``NAME_1`` and ``NAME_2``.

    Examples
    --------
    >>> runs = pd.DataFrame({"method": ["a", "a", "b"], "seed": [0, 1, 0], "iou": [0.5, 0.6, 0.4]})
    >>> pairs = paired_runs(runs.assign(category="tile", shots=1, status="done"), 1, "a", "b")
    >>> pairs[["iou_1", "iou_2"]].to_dict("index")
    {('tile', 0): {'iou_1': 0.5, 'iou_2': 0.4}}
    """
    place = ["category", "seed"]
    rows = averaged_rows(runs[(runs["shots"] == shots) & runs["method"].isin([first, second])])
    rows = rows.drop_duplicates([*place, "method"], keep=False)
    one, two = (rows[rows["method"] == name] for name in (first, second))
    return one.merge(two, on=place, suffixes=("_1", "_2"), validate="one_to_one").set_index(place)


def by_category(differences: pd.Series) -> dict[str, pd.Series]:
    """Return differences, indexed by category and seed, as a series by seed for each category; NaN is left out.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("tile", 0), ("tile", 1), ("wood", 0)], names=["category", "seed"])
    >>> {name: seeds.tolist() for name, seeds in by_category(pd.Series([0.1, 0.2, np.nan], index)).items()}
    {'tile': [0.1, 0.2]}
    """
    known = differences.dropna().astype("float64")
    return {str(name): seeds.droplevel("category") for name, seeds in known.groupby(level="category", sort=False)}


def fit_mixed(seeds: Mapping[str, pd.Series]) -> MixedFit:
    """Fit the mixed model by restricted maximum likelihood.

    The mean is that of category means, weighted by 1 / (sd_categories^2 + sd_seeds^2 / seeds). Where the likelihood is
    highest without any variation between categories (as for MS_between <= MS_within with equal numbers of seeds), all
    differences have one variance. Where seeds do not scatter, or no category has two, category means are the sample.

    Parameters
    ----------
    seeds : mapping of str to pd.Series
        The differences of at least ``FEWEST_CATEGORIES`` categories by seed, at least one each.

    Examples
    --------
    >>> fit = fit_mixed({name: pd.Series([mean - 1, mean + 1]) for name, mean in zip("abc", (1.0, 4.0, 7.0))})
    >>> round(fit.mean, 3), round(fit.error**2, 3), round(fit.sd_categories**2, 3), round(fit.sd_seeds**2, 3)
    (4.0, 3.0, 8.0, 2.0)
    """
    groups = [series.to_numpy(dtype=np.float64) for series in seeds.values()]
    sizes, means = np.array([len(group) for group in groups]), np.array([group.mean() for group in groups])
    between, within = _variances(groups, sizes, means)
    of_means = between + within / sizes
    if not of_means.any():
        mean, error = float(means.mean()), 0.0
    else:  # statsmodels' own error differs with unequal numbers of seeds: it is from the observed information
        weights = 1 / of_means
        mean, error = float(weights @ means / weights.sum()), float(weights.sum() ** -0.5)
    known = sizes.max() > 1
    sds = math.sqrt(between), math.sqrt(within)
    return MixedFit(mean, error, sds[0] if known else None, sds[1] if known else None, len(groups) - 1)


def _variances(groups: list[np.ndarray], sizes: np.ndarray, means: np.ndarray) -> tuple[float, float]:
    """Return the variances between categories and between the seeds of one."""
    values = np.concatenate(groups)
    total = float(((values - values.mean()) ** 2).sum())
    of_seeds = float(sum(((group - group.mean()) ** 2).sum() for group in groups))
    if total <= _NO_SPREAD**3 * float((values**2).sum()):
        return 0.0, 0.0
    if sizes.max() == 1 or of_seeds <= _NO_SPREAD * total:
        return float(means.var(ddof=1)), 0.0
    # The slope of the restricted likelihood in the variance between categories, at 0.
    slope = (sizes**2 * (means - values.mean()) ** 2).sum() * (len(values) - 1) / total
    if slope <= len(values) - (sizes**2).sum() / len(values):
        return 0.0, total / (len(values) - 1)
    from statsmodels.regression.mixed_linear_model import MixedLM  # takes longer to import than all else

    scale = float(values.std())  # its optimiser expects variances of about 1
    model = MixedLM(values / scale, np.ones((len(values), 1)), np.repeat(np.arange(len(groups)), sizes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the variance may be 0, which has been ruled out
        found = model.fit(reml=True, method="powell")
    return max(float(found.cov_re[0, 0]), 0.0) * scale**2, float(found.scale) * scale**2


def resample_seeds(seeds: Mapping[str, pd.Series]) -> np.ndarray:
    """Draw categories with replacement, and in each of them its seeds with replacement.

    Parameters
    ----------
    seeds : mapping of str to pd.Series
        The differences of at least one category by seed, at least one each.

    Returns
    -------
    ndarray of float64, (RESAMPLES,)
        Means over the drawn categories of their means over drawn seeds; the same ones for the same differences.

    Examples
    --------
    >>> sorted(set(resample_seeds({"a": pd.Series([0.0]), "b": pd.Series([1.0])}).tolist()))
    [0.0, 0.5, 1.0]
    """
    rng = stream("bootstrap over categories and seeds")
    sizes = np.array([len(series) for series in seeds.values()])
    values = np.zeros((len(sizes), sizes.max()))
    for row, series in zip(values, seeds.values(), strict=True):
        row[: len(series)] = series
    drawn = rng.integers(len(sizes), size=(RESAMPLES, len(sizes)))[..., np.newaxis]
    chosen = (rng.random((*drawn.shape[:2], values.shape[1])) * sizes[drawn]).astype(np.intp)
    counts = np.arange(values.shape[1]) < sizes[drawn]  # as many seeds as the category has
    sums = np.sum(values[drawn, chosen], axis=2, where=counts)
    return np.asarray((sums / sizes[drawn[..., 0]]).mean(axis=1))


def resample_images(images: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """Draw categories, in each of them its seeds, and its test images, all with replacement.

    The seeds of a category are tested on the same images (but for the K that each is trained on), so the images of a
    drawn category are drawn once, for all of its seeds.

    Parameters
    ----------
    images : mapping of str to pd.DataFrame
        The differences of at least one category, seeds by images; NaN where an image was not tested, at least one
        number per seed.

    Returns
    -------
    ndarray of float64, (RESAMPLES,)
        As of ``resample_seeds``; a seed counts with the mean over its images that were drawn.

    Examples
    --------
    >>> sorted(set(resample_images({"a": pd.DataFrame([[0.0, 1.0]]), "b": pd.DataFrame([[0.0, 1.0]])}).tolist()))
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    rng = stream("bootstrap over categories, seeds and images")
    drawn = rng.integers(len(images), size=(RESAMPLES, len(images)))
    means = np.empty(drawn.shape)
    for number, table in enumerate(images.values()):
        values = table.to_numpy(dtype=np.float64)
        tested = np.isfinite(values)
        here = drawn == number
        count = int(here.sum())
        times = rng.multinomial(values.shape[1], np.full(values.shape[1], 1 / values.shape[1]), size=count)
        sums = np.einsum("mi,si->ms", times, np.where(tested, values, 0.0), optimize=True)
        weights = np.einsum("mi,si->ms", times, tested, optimize=True)
        # Where none of a seed's images was drawn, it counts with all of them.
        of_seeds = np.where(weights > 0, sums / np.maximum(weights, 1), np.nanmean(values, axis=1))
        chosen = rng.integers(len(values), size=of_seeds.shape)
        means[here] = np.take_along_axis(of_seeds, chosen, axis=1).mean(axis=1)
    return np.asarray(means.mean(axis=1))

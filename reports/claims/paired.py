"""Claims about differences between methods, judged over categories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from reports.claims.evidence import LESS_IS_BETTER, METRIC_LABELS, Evidence, method_label
from reports.claims.ledger import Claim, parameter_counts
from reports.claims.verdict import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTABLE,
    SUPPORTED,
    Verdict,
    first_of,
)
from reports.statistics import (
    ALPHA,
    CategoryScores,
    Comparison,
    LeftOut,
    compare_paired,
    describe_paired,
    difference,
    left_out_words,
    mean_interval,
    smallest_n,
)

_SIGN_FLIP = "two-sided sign-flip test of the mean difference over categories"


@dataclass
class _Pairs:
    """The differences of a claim, by the words that say what each is."""

    series: dict[str, pd.Series] = field(default_factory=dict)
    printed: dict[str, float] = field(default_factory=dict)
    means: dict[str, str] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=dict)

    def add(self, words: str, scores: CategoryScores, first: str, second: str, shots: int) -> None:
        """Add first minus second."""
        self.series[words] = self.minus(scores, first, second, shots)
        paired = scores.values.reindex(index=self.series[words].index, columns=[first, second]).mean()
        if len(self.series[words]):
            self.means[words] = f"{paired[first]:.4f} - {paired[second]:.4f}, "

    def minus(self, scores: CategoryScores, first: str, second: str, shots: int) -> pd.Series:
        """Return first minus second, and note what is left out."""
        series, left_out = difference(scores, first, second)
        for category, lacking in left_out.items():
            named = {method_label(name): why for name, why in lacking.items()}
            self.left_out.setdefault(f"{shots}-shot {category}", {}).update(named)
        return series

    def mean(self, words: str) -> float | None:
        """Return the mean difference, that of printed means where no category is printed, None without either."""
        series = self.series[words]
        return float(series.mean()) if len(series) else self.printed.get(words)


def judge_better(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that each of ``methods`` is better than each of ``against`` by more than the margin."""
    return _tested(claim, evidence, _method_pairs(claim, evidence), _SIGN_FLIP)


def judge_shrinks(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that what ``methods`` gain over ``against`` is less at the second K than at the first."""
    pairs = _Pairs()
    few, many = claim.shots
    for metric, first, second in product(claim.metrics, claim.methods, claim.against):
        gains = {}
        for shots in claim.shots:
            gains[shots] = pairs.minus(evidence.scores(claim, metric, shots), first, second, shots)
        words = f"gain over {method_label(second)}, {few}-shot - {many}-shot {METRIC_LABELS[metric]}"
        pairs.series[words] = (gains[few] - gains[many]).dropna()
    return _tested(claim, evidence, pairs, _SIGN_FLIP)


def judge_smaller(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that within each category networks with fewer parameters score higher."""
    pairs = _Pairs()
    sizes = [parameter_counts()[name] for name in claim.methods]
    for shots, metric in product(claim.shots, claim.metrics):
        scores = evidence.scores(claim, metric, shots)
        for name in claim.methods:  # only for what it lacks
            pairs.minus(scores, name, name, shots)
        whole = scores.values.reindex(columns=list(claim.methods)).dropna()
        ranks = {name: -_rank_correlation(sizes, line.to_numpy()) for name, line in whole.iterrows()}
        words = f"minus the rank correlation of {shots}-shot {METRIC_LABELS[metric]} and parameters"
        pairs.series[words] = pd.Series(ranks, dtype="float64").dropna()
    return _tested(claim, evidence, pairs, "Spearman's rank correlation in each category; two-sided sign-flip test")


def judge_within(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that the differences of ``methods`` and ``against`` lie between ``low`` and ``high``."""
    pairs = _method_pairs(claim, evidence)
    comparisons = [describe_paired(words, series, 1 - 2 * ALPHA) for words, series in pairs.series.items()]
    outcomes = {
        words: _inside(claim, series, pairs.mean(words), len(comparisons), evidence.printed)
        for words, series in pairs.series.items()
    }
    inside = sum(_is_inside(claim, pairs.mean(words)) for words in outcomes)
    test = f"two one-sided t-tests over categories (90 % interval of the mean difference), {_bounds(claim)}"
    return _concluded(claim, evidence, outcomes, inside, test, comparisons, pairs)


def _method_pairs(claim: Claim, evidence: Evidence) -> _Pairs:
    pairs = _Pairs()
    for shots, metric, method, other in _comparisons(claim):
        # A positive difference is as claimed: what is less when it is better is taken off the other's.
        first, second = (other, method) if metric in LESS_IS_BETTER else (method, other)
        words = f"{method_label(first)} - {method_label(second)}, {shots}-shot {METRIC_LABELS[metric]}"
        pairs.add(words, evidence.scores(claim, metric, shots), first, second, shots)
        means = evidence.means(claim, metric, shots)
        if {first, second} <= set(means):
            pairs.printed[words] = means[first] - means[second]
            pairs.means[words] = pairs.means.get(words, "") + f"printed {means[first]:.4f} - {means[second]:.4f}, "
    return pairs


def _comparisons(claim: Claim) -> Iterator[tuple[int, str, str, str]]:
    return product(claim.shots, claim.metrics, claim.methods, claim.against)


def _tested(claim: Claim, evidence: Evidence, pairs: _Pairs, test: str) -> Verdict:
    """Return the verdict of differences that should be above the margin."""
    comparisons = compare_paired(pairs.series, claim.margin)
    outcomes = {item.what: _above(claim, item, pairs.mean(item.what), evidence.printed) for item in comparisons}
    if len(comparisons) > 1:
        test += f", Holm over {len(comparisons)} comparisons"
    if claim.margin:
        test += f", against a margin of {claim.margin:g}"
    above = sum((pairs.mean(words) or 0.0) > claim.margin for words in outcomes)
    return _concluded(claim, evidence, outcomes, above, test, comparisons, pairs)


def _above(claim: Claim, comparison: Comparison, mean: float | None, printed: bool) -> str:
    if mean is None:
        return NOT_TESTABLE
    above = mean > claim.margin
    if comparison.p_holm is not None and comparison.p_holm <= ALPHA:
        return SUPPORTED if above else CONTRADICTED
    return CONTRADICTED if printed and not above else INCONCLUSIVE


def _inside(claim: Claim, series: pd.Series, mean: float | None, count: int, printed: bool) -> str:
    if mean is None:
        return NOT_TESTABLE
    if len(series) >= smallest_n():
        low, high = mean_interval(series, 1 - 2 * ALPHA)
        if claim.low < low and high < claim.high:
            return SUPPORTED
        # Any of the comparisons contradicts the claim: Bonferroni.
        low, high = mean_interval(series, 1 - 2 * ALPHA / count)
        if high < claim.low or low > claim.high:
            return CONTRADICTED
    return CONTRADICTED if printed and not _is_inside(claim, mean) else INCONCLUSIVE


def _is_inside(claim: Claim, mean: float | None) -> bool:
    return mean is not None and claim.low <= mean <= claim.high


def _concluded(
    claim: Claim,
    evidence: Evidence,
    outcomes: dict[str, str],
    as_claimed: int,
    test: str,
    comparisons: list[Comparison],
    pairs: _Pairs,
) -> Verdict:
    """Return the verdict of a claim that stands with all of its comparisons and falls with any."""
    left_out = tuple(left_out_words(pairs.left_out))
    kinds = list(outcomes.values())
    if set(kinds) == {NOT_TESTABLE}:
        return Verdict(claim, NOT_TESTABLE, "", "", "no category has complete seeds of both", left_out=left_out)
    if not any(comparison.n for comparison in comparisons):
        test = "none: only means over categories are printed"
    count = f"{len(kinds)} comparison{'s' * (len(kinds) > 1)}"
    against = [item for item in comparisons if outcomes[item.what] == CONTRADICTED]
    if against:
        verdict = CONTRADICTED
        beyond = sum(item.p_holm is not None and item.p_holm <= ALPHA for item in against) or "none"
        said = "the printed numbers say otherwise" if evidence.printed else "shown to be otherwise"
        significantly = f", significantly in {beyond}" if evidence.printed else ""
        reason = f"{said} in {len(against)} of {count}{significantly}: {first_of([item.what for item in against])}"
    elif set(kinds) == {SUPPORTED}:
        verdict, reason = SUPPORTED, f"shown in {'each of ' * (len(kinds) > 1)}{count}"
    else:
        verdict = INCONCLUSIVE
        reason = f"as claimed in {as_claimed} of {count}, shown in {kinds.count(SUPPORTED)}"
        reason += f": {_why_no_more(comparisons)}"
    figures = "; ".join(_figures(item, pairs) for item in comparisons)
    return Verdict(claim, verdict, test, figures, reason, tuple(comparisons), left_out)


def _why_no_more(comparisons: list[Comparison]) -> str:
    if not any(comparison.n for comparison in comparisons):
        return "printed means cannot be tested"
    notes = {item.note: item.n for item in comparisons if item.note}
    if not notes:
        return "the others do not stand out from how much categories differ"
    return min(notes, key=lambda note: (notes[note], note)) + (" (and more)" if len(notes) > 1 else "")


def _figures(comparison: Comparison, pairs: _Pairs) -> str:
    what, mean = comparison.what, pairs.mean(comparison.what)
    if mean is None:
        return f"{what}: {comparison.note}"
    means = pairs.means.get(what, "")
    if not comparison.n:
        return f"{what} {mean:+.4f} ({means}no categories)"
    spread = f"from {comparison.lowest:+.4f} to {comparison.highest:+.4f}, {comparison.higher} above 0"
    tested = "no test" if comparison.note else ""
    if comparison.low is not None:
        tested = f"{100 * comparison.confidence:.0f} % interval {comparison.low:+.4f} to {comparison.high:+.4f}"
    if comparison.p_holm is not None:
        tested += f", p {_p(comparison.p_holm)}"
    return f"{what} {mean:+.4f} ({means}n = {comparison.n}, {spread}, {tested})"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _bounds(claim: Claim) -> str:
    ends = ((claim.low, f"above {claim.low:+g}"), (claim.high, f"below {claim.high:+g}"))
    return " and ".join(words for bound, words in ends if np.isfinite(bound))


def _rank_correlation(sizes: list[int], values: np.ndarray) -> float:
    return float(stats.spearmanr(sizes, values).statistic) if np.ptp(values) else np.nan

"""Claims about differences between methods, judged over categories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from reports.category_scores import CategoryScores, LeftOut, difference, left_out_lines
from reports.claims.evidence import LOWER_IS_BETTER, METRIC_LABELS, Evidence, method_label
from reports.claims.ledger import Claim, ClaimMetric, read_ledger
from reports.claims.verdict import Outcome, Verdict
from reports.statistics import ALPHA, Comparison, compare_paired, describe_paired, mean_interval, smallest_n
from reports.wording import abridged, counted

_SIGN_FLIP = "two-sided sign-flip test of the mean difference over categories"


@dataclass
class _Pairs:
    """The differences that a claim is about, by a description of each."""

    series: dict[str, pd.Series] = field(default_factory=dict)
    printed: dict[str, float] = field(default_factory=dict)
    means: dict[str, str] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=dict)

    def add(self, description: str, scores: CategoryScores, first: str, second: str, shots: int) -> None:
        """Add first minus second."""
        series = self.series[description] = self.subtract(scores, first, second, shots)
        means = scores.values.reindex(index=series.index, columns=[first, second]).mean()
        if len(series):
            self.means[description] = f"{means[first]:.4f} - {means[second]:.4f}, "

    def subtract(self, scores: CategoryScores, first: str, second: str, shots: int) -> pd.Series:
        """Return first minus second, and record what is left out."""
        series, left_out = difference(scores, first, second)
        for category, reasons in left_out.items():
            self.left_out.setdefault(f"{shots}-shot {category}", {}).update(reasons)
        return series

    def mean(self, description: str) -> float | None:
        """Return the mean difference, that of printed means where no category is printed, None without either."""
        series = self.series[description]
        return float(series.mean()) if len(series) else self.printed.get(description)


def judge_better(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that each of ``methods`` is better than each of ``against`` by more than the margin.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "ours-best-iou-1")
    >>> judge_better(claim, PublishedEvidence()).reason
    'established in each of 6 comparisons'
    """
    return _tested(claim, evidence, _method_pairs(claim, evidence), _SIGN_FLIP)


def judge_shrinks(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that the gain of ``methods`` over ``against`` is smaller at the second K than at the first.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "gain-shrinks")
    >>> str(judge_shrinks(claim, PublishedEvidence()).outcome)
    'inconclusive'
    """
    pairs = _Pairs()
    few, many = claim.shots
    for metric, first, second in product(claim.metrics, claim.methods, claim.against):
        gains = {
            shots: pairs.subtract(evidence.scores(claim, metric, shots), first, second, shots) for shots in claim.shots
        }
        description = f"gain over {method_label(second)}, {few}-shot - {many}-shot {METRIC_LABELS[metric]}"
        pairs.series[description] = (gains[few] - gains[many]).dropna()
    return _tested(claim, evidence, pairs, _SIGN_FLIP)


def judge_smaller(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that within each category networks with fewer parameters score higher.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "small-networks-at-1")
    >>> str(judge_smaller(claim, PublishedEvidence()).outcome)
    'inconclusive'
    """
    pairs = _Pairs()
    sizes = [read_ledger().parameters[name] for name in claim.methods]
    for shots, metric in product(claim.shots, claim.metrics):
        scores = evidence.scores(claim, metric, shots)
        for name in claim.methods:  # only to record what is left out
            pairs.subtract(scores, name, name, shots)
        complete = scores.values.reindex(columns=list(claim.methods)).dropna()
        ranks = {name: -_rank_correlation(sizes, line.to_numpy()) for name, line in complete.iterrows()}
        description = f"negative rank correlation of {shots}-shot {METRIC_LABELS[metric]} and parameters"
        pairs.series[description] = pd.Series(ranks, dtype="float64").dropna()
    return _tested(claim, evidence, pairs, "Spearman's rank correlation in each category; two-sided sign-flip test")


def judge_within(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that the differences of ``methods`` and ``against`` lie between ``low`` and ``high``.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "unet-level-at-5")
    >>> str(judge_within(claim, PublishedEvidence()).outcome)
    'inconclusive'
    """
    pairs = _method_pairs(claim, evidence)
    comparisons = [describe_paired(what, series, 1 - 2 * ALPHA) for what, series in pairs.series.items()]
    outcomes = {
        what: _inside(claim, series, pairs.mean(what), len(comparisons), evidence.printed)
        for what, series in pairs.series.items()
    }
    inside = sum(_is_inside(claim, pairs.mean(what)) for what in outcomes)
    test = f"two one-sided t-tests over categories (90 % interval of the mean difference), {_bounds(claim)}"
    return _concluded(claim, evidence, outcomes, inside, test, comparisons, pairs)


def _method_pairs(claim: Claim, evidence: Evidence) -> _Pairs:
    pairs = _Pairs()
    for shots, metric, method, other in _comparisons(claim):
        # A positive difference supports the claim: where lower is better, the terms are swapped.
        first, second = (other, method) if metric in LOWER_IS_BETTER else (method, other)
        description = f"{method_label(first)} - {method_label(second)}, {shots}-shot {METRIC_LABELS[metric]}"
        pairs.add(description, evidence.scores(claim, metric, shots), first, second, shots)
        means = evidence.means(claim, metric, shots)
        if {first, second} <= set(means):
            pairs.printed[description] = means[first] - means[second]
            printed = f"printed {means[first]:.4f} - {means[second]:.4f}, "
            pairs.means[description] = pairs.means.get(description, "") + printed
    return pairs


def _comparisons(claim: Claim) -> Iterator[tuple[int, ClaimMetric, str, str]]:
    return product(claim.shots, claim.metrics, claim.methods, claim.against)


def _tested(claim: Claim, evidence: Evidence, pairs: _Pairs, test: str) -> Verdict:
    """Return the verdict on differences that should be above the margin."""
    comparisons = compare_paired(pairs.series, claim.margin)
    outcomes = {item.what: _above(claim, item, pairs.mean(item.what), evidence.printed) for item in comparisons}
    if len(comparisons) > 1:
        test += f", Holm over {len(comparisons)} comparisons"
    if claim.margin:
        test += f", against a margin of {claim.margin:g}"
    above = sum((pairs.mean(what) or 0.0) > claim.margin for what in outcomes)
    return _concluded(claim, evidence, outcomes, above, test, comparisons, pairs)


def _above(claim: Claim, comparison: Comparison, mean: float | None, printed: bool) -> Outcome:
    if mean is None:
        return Outcome.NOT_TESTABLE
    above = mean > claim.margin
    if comparison.significant:
        return Outcome.of(above)
    return Outcome.CONTRADICTED if printed and not above else Outcome.INCONCLUSIVE


def _inside(claim: Claim, series: pd.Series, mean: float | None, count: int, printed: bool) -> Outcome:
    if mean is None:
        return Outcome.NOT_TESTABLE
    if len(series) >= smallest_n():
        low, high = mean_interval(series, 1 - 2 * ALPHA)
        if claim.low < low and high < claim.high:
            return Outcome.SUPPORTED
        # Any one of the comparisons contradicts the claim: Bonferroni.
        low, high = mean_interval(series, 1 - 2 * ALPHA / count)
        if high < claim.low or low > claim.high:
            return Outcome.CONTRADICTED
    return Outcome.CONTRADICTED if printed and not _is_inside(claim, mean) else Outcome.INCONCLUSIVE


def _is_inside(claim: Claim, mean: float | None) -> bool:
    return mean is not None and claim.low <= mean <= claim.high


def _concluded(
    claim: Claim,
    evidence: Evidence,
    outcomes: dict[str, Outcome],
    as_claimed: int,
    test: str,
    comparisons: list[Comparison],
    pairs: _Pairs,
) -> Verdict:
    """Return the verdict on a claim that is supported by all of its comparisons and contradicted by any one."""
    left_out = tuple(left_out_lines(pairs.left_out, method_label))
    kinds = list(outcomes.values())
    if set(kinds) == {Outcome.NOT_TESTABLE}:
        reason = "no category has complete seeds of both methods"
        return Verdict(claim, Outcome.NOT_TESTABLE, "", (), reason, left_out=left_out)
    if not any(comparison.n for comparison in comparisons):
        test = "none: only means over categories are printed"
    count = counted(len(kinds), "comparison")
    against = [item for item in comparisons if outcomes[item.what] is Outcome.CONTRADICTED]
    if against:
        outcome = Outcome.CONTRADICTED
        reason = f"contradicted in {len(against)} of {count}"
        if evidence.printed:
            significant = sum(item.significant for item in against) or "none"
            reason = f"contradicted by the printed numbers in {len(against)} of {count}, significantly in {significant}"
        reason += f": {abridged([item.what for item in against])}"
    elif set(kinds) == {Outcome.SUPPORTED}:
        outcome, reason = Outcome.SUPPORTED, f"established in {'each of ' * (len(kinds) > 1)}{count}"
    else:
        outcome = Outcome.INCONCLUSIVE
        reason = f"as claimed in {as_claimed} of {count}, established in {kinds.count(Outcome.SUPPORTED)}"
        reason += f": {_why_inconclusive(comparisons)}"
    figures = tuple(_figures(item, pairs) for item in comparisons)
    return Verdict(claim, outcome, test, figures, reason, tuple(comparisons), left_out)


def _why_inconclusive(comparisons: list[Comparison]) -> str:
    if not any(comparison.n for comparison in comparisons):
        return "printed means cannot be tested"
    notes = {item.note: item.n for item in comparisons if item.note}
    if not notes:
        return "the other differences are not significant, given how much categories vary"
    return min(notes, key=lambda note: (notes[note], note)) + (", among other reasons" if len(notes) > 1 else "")


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
        tested += f", p {'< 0.0001' if comparison.p_holm < 0.0001 else f'{comparison.p_holm:.4f}'}"
    return f"{what} {mean:+.4f} ({means}n = {comparison.n}, {spread}, {tested})"


def _bounds(claim: Claim) -> str:
    ends = ((claim.low, f"above {claim.low:+g}"), (claim.high, f"below {claim.high:+g}"))
    return " and ".join(text for bound, text in ends if np.isfinite(bound))


def _rank_correlation(sizes: list[int], values: np.ndarray) -> float:
    """Return Spearman's correlation; ties have their mean rank."""
    if not np.ptp(values):
        return np.nan
    return float(np.corrcoef(pd.Series(sizes).rank(), pd.Series(values).rank())[0, 1])

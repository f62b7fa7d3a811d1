"""Claims about differences between methods, judged over categories."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from reports.category_scores import CategoryScores, LeftOut, difference, left_out_lines
from reports.claims.evidence import LOWER_IS_BETTER, METRIC_LABELS, Evidence, StoredEvidence
from reports.claims.power import Source, estimate_power
from reports.claims.verdict import ENOUGH, Outcome, Power, Verdict
from reports.hierarchical import Hierarchy
from reports.paper.ledger import Claim, claimed_differences, read_ledger
from reports.paper.printed import label
from reports.statistics import (
    ALPHA,
    Comparison,
    compare_over_seeds,
    compare_paired,
    compare_ranks,
    describe_paired,
    mean_interval,
    smallest_n,
)
from reports.wording import abridged, counted

_SIGN_FLIP = "two-sided sign-flip test of the mean difference over categories"


@dataclass
class _Pairs:
    """The differences that a claim is about, by a description of each."""

    series: dict[str, pd.Series] = field(default_factory=dict)
    printed: dict[str, float] = field(default_factory=dict)
    means: dict[str, str] = field(default_factory=dict)
    seed_variance: dict[str, float] = field(default_factory=dict)
    hierarchies: dict[str, Hierarchy] = field(default_factory=dict)
    sample: pd.DataFrame | None = None  # what power is estimated from, where that is not the differences
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
    pairs = _method_pairs(claim, evidence)
    return _tested(claim, evidence, pairs, _by_sign_flips(claim, pairs), _SIGN_FLIP)


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
    for _, metric, first, second in claimed_differences(claim):
        gains = {
            shots: pairs.subtract(evidence.scores(claim, metric, shots), first, second, shots) for shots in claim.shots
        }
        description = f"gain over {label(second)}, {few}-shot - {many}-shot {METRIC_LABELS[metric]}"
        pairs.series[description] = (gains[few] - gains[many]).dropna()
        pairs.seed_variance[description] = sum(evidence.seed_variance(metric, k, first, second) for k in claim.shots)
    return _tested(claim, evidence, pairs, _by_sign_flips(claim, pairs), _SIGN_FLIP)


def judge_over_seeds(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that each of ``methods`` is better than each of ``against`` in one category, over its seeds."""
    (category,) = claim.categories
    pairs = _Pairs()
    for shots, metric, method, other in claimed_differences(claim):
        scores = evidence.seed_scores(claim, metric, shots).reindex(columns=[method, other])
        complete = scores.dropna()
        what = f"{label(method)} - {label(other)}, {shots}-shot {METRIC_LABELS[metric]}"
        pairs.series[what] = complete[method] - complete[other]
        if len(complete):
            pairs.means[what] = f"{complete[method].mean():.4f} - {complete[other].mean():.4f}, "
    test = f"Student's two-sided paired t-test over the seeds of {category}"
    return _tested(claim, evidence, pairs, compare_over_seeds(pairs.series, claim.margin), test)


def judge_smaller(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that networks with fewer parameters score higher on average: the networks are the sample.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "small-networks-at-1")
    >>> str(judge_smaller(claim, PublishedEvidence()).outcome)
    'inconclusive'
    """
    (shots,), (metric,) = claim.shots, claim.metrics
    sizes = [read_ledger().parameters[name] for name in claim.methods]
    pairs = _Pairs()
    scores = evidence.scores(claim, metric, shots)
    for name in claim.methods:  # only to record what is left out
        pairs.subtract(scores, name, name, shots)
    complete = scores.values.reindex(columns=list(claim.methods)).dropna()
    means = complete.mean()
    what = f"negative rank correlation of {shots}-shot mean {METRIC_LABELS[metric]} and parameters"
    correlated = compare_ranks(what, sizes, means.to_numpy())
    pairs.series[what] = pd.Series([correlated.difference], dtype="float64").dropna()
    pairs.means[what] = "".join(f"{label(name)} {mean:.4f}, " for name, mean in means.items())
    pairs.sample = complete
    pairs.seed_variance = {name: evidence.seed_variance(metric, shots, name) for name in claim.methods}
    return _tested(claim, evidence, pairs, [correlated], "exact permutation test of Spearman's rank correlation")


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
    for shots, metric, method, other in claimed_differences(claim):
        # A positive difference supports the claim: where lower is better, the terms are swapped.
        first, second = (other, method) if metric in LOWER_IS_BETTER else (method, other)
        description = f"{label(first)} - {label(second)}, {shots}-shot {METRIC_LABELS[metric]}"
        pairs.add(description, evidence.scores(claim, metric, shots), first, second, shots)
        pairs.seed_variance[description] = evidence.seed_variance(metric, shots, first, second)
        # The region is one of IOU and DC, and a claim about named categories says nothing of others.
        if isinstance(evidence, StoredEvidence) and (metric == "iou" or metric == "dc") and not claim.categories:
            hierarchy = evidence.hierarchy(metric, shots, first, second)
            if hierarchy.seeds:
                pairs.hierarchies[description] = hierarchy
        means = evidence.means(claim, metric, shots)
        if {first, second} <= set(means):
            pairs.printed[description] = means[first] - means[second]
            printed = f"printed {means[first]:.4f} - {means[second]:.4f}, "
            pairs.means[description] = pairs.means.get(description, "") + printed
    return pairs


def _by_sign_flips(claim: Claim, pairs: _Pairs) -> list[Comparison]:
    return compare_paired(pairs.series, claim.margin, fewest=smallest_n())


def _tested(claim: Claim, evidence: Evidence, pairs: _Pairs, comparisons: list[Comparison], test: str) -> Verdict:
    """Return the verdict on differences that should be above the margin."""
    outcomes = {item.what: _above(claim, item, pairs.mean(item.what), evidence.printed) for item in comparisons}
    if len(comparisons) > 1:
        test += f"; to support, each by itself; to contradict, Holm over {len(comparisons)} comparisons"
    if claim.margin:
        test += f"; against a margin of {claim.margin:g}"
    above = sum((pairs.mean(what) or 0.0) > claim.margin for what in outcomes)
    return _concluded(claim, evidence, outcomes, above, test, comparisons, pairs)


def _above(claim: Claim, comparison: Comparison, mean: float | None, printed: bool) -> Outcome:
    """Judge one of the differences that must all be above the margin.

    All of them must be shown, so each is tested at the full level (an intersection-union test: it is as wrong as the
    worst of its tests, at most). Any one contradicts, so the level is shared there.
    """
    if mean is None:
        return Outcome.NOT_TESTABLE
    above = mean > claim.margin
    if above and comparison.p is not None and comparison.p <= ALPHA:
        return Outcome.SUPPORTED
    if not above and (comparison.significant or printed):
        return Outcome.CONTRADICTED
    return Outcome.INCONCLUSIVE


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
    left_out = tuple(left_out_lines(pairs.left_out, label))
    power = _power(claim, evidence, pairs)
    kinds = list(outcomes.values())
    if set(kinds) == {Outcome.NOT_TESTABLE}:
        reason = comparisons[0].note if claim.categories else "no category has complete seeds of both methods"
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
        reason += f": {_why_inconclusive(comparisons, power)}"
    figures = tuple(_figures(item, pairs, len(comparisons) > 1) for item in comparisons)
    return Verdict(claim, outcome, test, figures, reason, tuple(comparisons), left_out, power, pairs.hierarchies)


def _why_inconclusive(comparisons: list[Comparison], power: Power | None) -> str:
    if not any(comparison.n for comparison in comparisons):
        return "printed means cannot be tested"
    notes = {item.note: item.n for item in comparisons if item.note}
    if notes:
        return min(notes, key=lambda note: (notes[note], note)) + (", among other reasons" if len(notes) > 1 else "")
    if power is None or power.probability is None:
        return "the other differences are not significant, given how much they vary"
    if power.probability < ENOUGH:
        return f"so few or so variable differences were unlikely to decide it (power {power.probability:.2f})"
    return f"differences as large as the paper's would have been shown (power {power.probability:.2f})"


def _power(claim: Claim, evidence: Evidence, pairs: _Pairs) -> Power | None:
    """Return the power of a study whose categories have these differences."""
    if not isinstance(evidence, StoredEvidence) or claim.categories:
        return None
    sample = pd.concat(pairs.series, axis=1).dropna() if pairs.sample is None else pairs.sample
    if sample.empty:
        return None
    seeds = min(len(evidence.results.seeds(shots)) for shots in claim.shots)
    study = Source(sample.to_numpy(), np.array(list(pairs.seed_variance.values())), seeds, "")
    return estimate_power(claim, len(sample), seeds, study)


def _figures(comparison: Comparison, pairs: _Pairs, family: bool) -> str:
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
    if comparison.p is not None and comparison.p_holm is not None:
        tested += f", {_p(comparison.p)}" + (f", Holm {_p(comparison.p_holm)}" if family else "")
    if comparison.unit == "network":
        return f"{what} {mean:+.4f} ({means}n = {comparison.n} networks, {tested.removeprefix(', ')})"
    n = f"n = {comparison.n}" + (" seeds" if comparison.unit == "seed" else "")
    return f"{what} {mean:+.4f} ({means}{n}, {spread}, {tested})"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p {p:.4f}"


def _bounds(claim: Claim) -> str:
    ends = ((claim.low, f"above {claim.low:+g}"), (claim.high, f"below {claim.high:+g}"))
    return " and ".join(text for bound, text in ends if np.isfinite(bound))

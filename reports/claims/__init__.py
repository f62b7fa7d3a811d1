"""Verdicts on the claims of the paper, from stored runs or from the paper's own tables.

Differences are taken so that a positive one supports the claim. A claim of several comparisons is supported if every
one is, each tested at 0.05 (an intersection-union test), and contradicted if any one is, with Holm's correction over
the comparisons of the claim.

================= ==============================================================================================
kind              rule of one comparison
================= ==============================================================================================
better            supported if the mean difference over categories is significantly above the margin, contradicted if
                  below it, by a two-sided sign-flip test
better_over_seeds the same in one category, over its seeds, by Student's paired t-test
shrinks           the same for the gain at the first K minus the gain at the second
smaller_is_better the same for the negative rank correlation of mean score and parameters over networks, by an exact
                  permutation test
within            supported if the 90 % interval of the mean difference (two one-sided t-tests) is inside the bounds,
                  contradicted if the interval, widened for the number of comparisons, is outside them
value             contradicted if the mean over all categories is off by more than two standard deviations of such a
                  difference; supported if it is not and these are within the margin; else inconclusive
none_converges    contradicted if a run converged, supported if every method was run and none converged
realism           supported if every stored image of the first category has at least the value, and the second less on
                  average; contradicted if the first has less than the value on average, or not more than the second
same_size         supported if all runs have the same network and number of parameters, else contradicted
not_testable      not testable
================= ==============================================================================================

A sentence about a printed table is also contradicted, without a test, if the printed numbers are on the wrong side of
the margin or outside the bounds. Every other claim is inconclusive, or not testable where nothing can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from reports.claims.counted import judge_none_converges, judge_realism, judge_same_size, judge_value
from reports.claims.evidence import Evidence, PublishedEvidence, StoredEvidence
from reports.claims.paired import judge_better, judge_over_seeds, judge_shrinks, judge_smaller, judge_within
from reports.claims.text import as_records, as_text
from reports.claims.verdict import NotTestable, Outcome, Verdict
from reports.collect import ResultSet
from reports.paper.ledger import Claim, read_ledger
from reports.paper.printed import Paper
from reports.wording import counted

__all__ = ["Claim", "Outcome", "Verdict", "as_records", "as_text", "judge", "judge_published", "read_ledger"]

RULES: dict[str, Callable[[Claim, Evidence], Verdict]] = {
    "better": judge_better,
    "better_over_seeds": judge_over_seeds,
    "shrinks": judge_shrinks,
    "smaller_is_better": judge_smaller,
    "within": judge_within,
    "value": judge_value,
    "none_converges": judge_none_converges,
    "realism": judge_realism,
    "same_size": judge_same_size,
}


def judge(results: ResultSet, root: Path | None = None, images: bool = False) -> list[Verdict]:
    """Judge every claim by stored runs.

    Parameters
    ----------
    results : ResultSet
    root : Path, optional
        The results folder; without it, claims about pixels, training curves, samples and sizes are not testable.
    images : bool, optional
        Whether the hierarchical look resamples test images too; this needs ``root``.

    Returns
    -------
    list of Verdict
        One per claim, in the order of the paper. Where the runs are not of MVTec AD under the paper's protocol, the
        reason says so, and absolute numbers and named categories are not testable.
    """
    evidence = StoredEvidence(results, root, images)
    verdicts = []
    for claim in read_ledger().claims:
        evidence.unreadable.clear()
        verdict = _decide(claim, evidence)
        if evidence.unreadable:
            first = next(iter(evidence.unreadable.values()))
            line = f"{counted(len(evidence.unreadable), 'unreadable run')}, the first: {first}"
            verdict = replace(verdict, left_out=(*verdict.left_out, line))
        if evidence.scope and verdict.outcome is not Outcome.NOT_TESTABLE:
            verdict = replace(verdict, reason=f"{evidence.scope}: {verdict.reason}")
        verdicts.append(verdict)
    return verdicts


def judge_published(paper: Paper | None = None) -> list[Verdict]:
    """Judge every claim by the paper's own Tables II to VII.

    Parameters
    ----------
    paper : Paper, optional
        The paper as printed if not given.

    Returns
    -------
    list of Verdict
        One per claim, in the order of the paper.

    Examples
    --------
    >>> [verdict.claim.id for verdict in judge_published() if verdict.outcome is Outcome.CONTRADICTED]
    ['unet-ahead-at-1']
    """
    return list(_published_verdicts()) if paper is None else _by_tables(paper)


@cache
def _published_verdicts() -> tuple[Verdict, ...]:
    return tuple(_by_tables(Paper.published()))


def _by_tables(paper: Paper) -> list[Verdict]:
    evidence = PublishedEvidence(paper)
    return [_decide(claim, evidence) for claim in paper.ledger.claims]


def _decide(claim: Claim, evidence: Evidence) -> Verdict:
    try:
        if claim.kind not in RULES:
            raise NotTestable(claim.note)
        evidence.check(claim)
        return RULES[claim.kind](claim, evidence)
    except NotTestable as reason:
        return Verdict(claim, Outcome.NOT_TESTABLE, "", (), str(reason))

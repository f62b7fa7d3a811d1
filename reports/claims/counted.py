"""Claims that are judged by counting or by comparing a number, without a test."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pandas as pd

from benchmark.results.records import Status
from benchmark.score import Metric
from reports.claims.evidence import NOT_PRINTED, Evidence, StoredEvidence
from reports.claims.verdict import NotTestable, Outcome, Verdict
from reports.collect import PAPER_CATEGORIES
from reports.paper import PAPER_SEEDS
from reports.paper.ledger import Claim
from reports.paper.printed import label
from reports.wording import abridged


def judge_value(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that the mean over categories is the number that the text states.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> from reports.paper.ledger import read_ledger
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "acc-value-1")
    >>> judge_value(claim, PublishedEvidence()).reason
    'the table prints the same number'
    """
    (name,), (metric,), (shots,) = claim.methods, cast(tuple[Metric], claim.metrics), claim.shots
    value = float(claim.value or 0.0)
    if not isinstance(evidence, StoredEvidence):
        mean = evidence.means(claim, metric, shots)[name]
        same = math.isclose(mean, value, abs_tol=1e-9)
        reason = "the table prints the same number" if same else "the table prints another number"
        return Verdict(claim, Outcome.of(same), "the text against the table; no test", (f"{mean:.4f}",), reason)
    # "averaged across all the categories in MVTEC dataset" (Section IV-G): a run that did not converge counts too.
    runs = evidence.finished(name, metric, shots).reindex(index=list(PAPER_CATEGORIES))
    complete = runs.dropna().mean(axis=1)
    if complete.empty:
        raise NotTestable(f"no category has complete seeds of {label(name)} at {shots}-shot")
    figures = (f"{complete.mean():.4f} over {len(complete)} of the {len(runs)} categories the paper averages",)
    left_out = tuple(
        f"{shots}-shot {category} ({line.count()} of {len(line)} seeds)"
        for category, line in runs[runs.isna().any(axis=1)].iterrows()
    )
    if left_out:
        reason = "some categories are incomplete"
        return Verdict(claim, Outcome.INCONCLUSIVE, "", figures, reason, left_out=left_out)
    seeds = len(runs.columns)
    if seeds < 2:
        return Verdict(claim, Outcome.INCONCLUSIVE, "", figures, "its spread over seeds needs two seeds or more")
    spread = math.sqrt(runs.var(axis=1, ddof=1).mean())
    tolerated = 2 * spread * math.sqrt((1 / seeds + 1 / PAPER_SEEDS) / len(runs))
    off = abs(float(complete.mean()) - value)
    test = (
        f"within {tolerated:.4f} of {value:.4f}: two standard deviations of the difference of two means over "
        f"{len(runs)} categories, of {seeds} and {PAPER_SEEDS} seeds, if the paper's vary as these, by {spread:.4f}"
    )
    if off > tolerated:
        return Verdict(claim, Outcome.CONTRADICTED, test, figures, f"{off:.4f} off")
    if tolerated > claim.margin:
        reason = f"{off:.4f} off, and seeds vary too much: {tolerated:.4f} is more than {claim.margin:g}"
        return Verdict(claim, Outcome.INCONCLUSIVE, test, figures, reason)
    return Verdict(claim, Outcome.SUPPORTED, test, figures, f"{off:.4f} off")


def judge_none_converges(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that no run of the methods on the category converged.

    Examples
    --------
    >>> from reports.claims.evidence import PublishedEvidence
    >>> from reports.paper.ledger import read_ledger
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "toothbrush-fails-at-1")
    >>> judge_none_converges(claim, PublishedEvidence()).reason
    'no method converged'
    """
    (shots,), (category,) = claim.shots, claim.categories
    if isinstance(evidence, StoredEvidence):
        runs = evidence.results.runs
        runs = runs[(runs["shots"] == shots) & (runs["category"] == category) & (runs["status"] != Status.FAILED)]
        finished = {name: int((runs["method"] == name).sum()) for name in claim.methods}
        done = {name: int(((runs["method"] == name) & (runs["status"] == Status.DONE)).sum()) for name in claim.methods}
        test = "runs counted; no test"
    else:
        line = evidence.scores(claim, claim.metrics[0], shots).values.loc[category]
        finished = dict.fromkeys(claim.methods, 1)
        done = {name: int(pd.notna(line[name])) for name in claim.methods}
        test = "numbers in the table counted; no test"
    if not sum(finished.values()):
        raise NotTestable(f"no run finished on {category} at {shots}-shot")
    figures = (f"{sum(done.values())} of {sum(finished.values())} converged",)
    converged = [label(name) for name, count in done.items() if count]
    missing = [label(name) for name, count in finished.items() if not count]
    if converged:
        return Verdict(claim, Outcome.CONTRADICTED, test, figures, f"converged: {abridged(converged)}")
    if missing:
        return Verdict(claim, Outcome.INCONCLUSIVE, test, figures, f"not run: {abridged(missing)}")
    return Verdict(claim, Outcome.SUPPORTED, test, figures, "no method converged")


def judge_realism(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge lambda of the stored pasted images: the first category's reach the value, the second's are lower."""
    stored = _stored(evidence)
    first, second = claim.categories
    value = float(claim.value or 0.0)
    lambdas: dict[str, list[float]] = {first: [], second: []}
    for record in stored.records(claim):
        lambdas[record.category] += [sample.realism for sample in record.samples if sample.realism is not None]
    if not all(lambdas.values()):
        raise NotTestable(f"needs pasted samples of {first} and {second}")
    lowest, mean, other = min(lambdas[first]), float(np.mean(lambdas[first])), float(np.mean(lambdas[second]))
    figures = (
        f"{first}: mean {mean:.4f}, lowest {lowest:.4f} (n = {len(lambdas[first])})",
        f"{second}: mean {other:.4f} (n = {len(lambdas[second])})",
    )
    if mean < value or other >= mean:
        outcome, reason = Outcome.CONTRADICTED, f"{first} is below {value:g} on average, or not above {second}"
    elif lowest >= value:
        outcome = Outcome.SUPPORTED
        reason = f"every image of {first} reaches {value:g}, and {second} is lower on average"
    else:
        outcome, reason = Outcome.INCONCLUSIVE, f"not every image of {first} reaches {value:g}"
    return Verdict(claim, outcome, "stored samples counted; no test", figures, reason)


def judge_same_size(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that every run has the network and the number of parameters of what it is compared with."""
    stored = _stored(evidence)
    sizes: dict[str, set[str]] = {name: set() for name in claim.against + claim.methods}
    for record in stored.records(claim):
        if record.parameters:
            sizes[record.method].add(f"{record.identity.network}, {record.parameters:,} parameters")
    missing = [label(name) for name, found in sizes.items() if not found]
    if missing:
        raise NotTestable(f"no run records the size of {', '.join(missing)}")
    figures = tuple(f"{label(name)}: {' or '.join(sorted(found))}" for name, found in sizes.items())
    same = len(set().union(*sizes.values())) == 1
    reason = "all the same" if same else "not all the same"
    return Verdict(claim, Outcome.of(same), "run.json compared; no test", figures, reason)


def _stored(evidence: Evidence) -> StoredEvidence:
    if not isinstance(evidence, StoredEvidence):
        raise NotTestable(NOT_PRINTED)
    return evidence

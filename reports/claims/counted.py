"""Claims that are judged by counting or by reading a number, without a test."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from reports.claims.evidence import Evidence, StoredEvidence, method_label, printed_categories
from reports.claims.ledger import Claim
from reports.claims.verdict import CONTRADICTED, INCONCLUSIVE, SUPPORTED, NoEvidence, Verdict, first_of


def judge_value(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that the mean over categories is the number that the text states."""
    (name,), (metric,), (shots,) = claim.methods, claim.metrics, claim.shots
    value = float(claim.value or 0.0)
    if evidence.printed:
        mean = evidence.means(claim, metric, shots)[name]
        same = math.isclose(mean, value, abs_tol=1e-9)
        reason = "the table prints the same" if same else "the table prints another number"
        test = "the text against the table; no test"
        return Verdict(claim, SUPPORTED if same else CONTRADICTED, test, f"{mean:.4f}", reason)
    # Table IV averages the categories that have a result in Table II.
    wanted = printed_categories(name, shots)
    scores = evidence.scores(claim, metric, shots)
    column = scores.values.reindex(index=wanted, columns=[name])[name]
    complete = column.dropna()
    if complete.empty:
        raise NoEvidence(f"no category has complete seeds of {method_label(name)} at {shots}-shot")
    figures = f"{complete.mean():.4f} over {len(complete)} of the {len(wanted)} categories the paper averages"
    test = f"within {claim.margin:g} of {value:.4f}; no test"
    left_out = tuple(
        f"{shots}-shot {category} ({scores.left_out.get((category, name), 'not run')})"
        for category in column.index[column.isna()]
    )
    if left_out:
        return Verdict(claim, INCONCLUSIVE, test, figures, "not every category is complete", left_out=left_out)
    off = abs(complete.mean() - value)
    return Verdict(claim, SUPPORTED if off <= claim.margin else CONTRADICTED, test, figures, f"{off:.4f} off")


def judge_none_converges(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that no run of the methods on the category converged."""
    (shots,), (category,) = claim.shots, claim.categories
    if isinstance(evidence, StoredEvidence):
        runs = evidence.results.runs
        here = runs[(runs["shots"] == shots) & (runs["category"] == category) & (runs["status"] != "failed")]
        ended = {name: int((here["method"] == name).sum()) for name in claim.methods}
        done = {name: int(((here["method"] == name) & (here["status"] == "done")).sum()) for name in claim.methods}
        test = "runs counted; no test"
    else:
        line = evidence.scores(claim, claim.metrics[0], shots).values.loc[category]
        ended = dict.fromkeys(claim.methods, 1)
        done = {name: int(pd.notna(line[name])) for name in claim.methods}
        test = "numbers in the table counted; no test"
    if not sum(ended.values()):
        raise NoEvidence(f"nothing was run on {category} at {shots}-shot")
    figures = f"{sum(done.values())} of {sum(ended.values())} converged"
    converged = [method_label(name) for name, count in done.items() if count]
    missing = [method_label(name) for name, count in ended.items() if not count]
    if converged:
        return Verdict(claim, CONTRADICTED, test, figures, f"converged: {first_of(converged)}")
    if missing:
        return Verdict(claim, INCONCLUSIVE, test, figures, f"not run: {first_of(missing)}")
    return Verdict(claim, SUPPORTED, test, figures, "no method converged")


def judge_realism(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge lambda of the kept pasted images: the first category's reach the value, the second's are lower."""
    stored = _stored(evidence)
    first, second = claim.categories
    value = float(claim.value or 0.0)
    kept: dict[str, list[float]] = {first: [], second: []}
    for record in stored.records(claim):
        kept[record.category] += [item.realism for item in record.samples if item.realism is not None]
    if not all(kept.values()):
        raise NoEvidence(f"needs pasted samples of {first} and {second}")
    low, mean, other = min(kept[first]), float(np.mean(kept[first])), float(np.mean(kept[second]))
    figures = f"{first}: mean {mean:.4f}, lowest {low:.4f} (n = {len(kept[first])})"
    figures += f"; {second}: mean {other:.4f} (n = {len(kept[second])})"
    if mean < value or other >= mean:
        verdict, reason = CONTRADICTED, f"{first} is below {value:g} on average, or not above {second}"
    elif low >= value:
        verdict, reason = SUPPORTED, f"every image of {first} reaches {value:g}, and {second} is lower on average"
    else:
        verdict, reason = INCONCLUSIVE, f"not every image of {first} reaches {value:g}"
    return Verdict(claim, verdict, "kept samples counted; no test", figures, reason)


def judge_same_size(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge that every run has the network and the number of parameters of what it is compared with."""
    stored = _stored(evidence)
    sizes: dict[str, set[str]] = {name: set() for name in claim.against + claim.methods}
    for record in stored.records(claim):
        if record.parameters:
            sizes[record.method].add(f"{record.identity.network}, {record.parameters:,} parameters")
    missing = [method_label(name) for name, found in sizes.items() if not found]
    if missing:
        raise NoEvidence(f"no run says the size of {', '.join(missing)}")
    figures = "; ".join(f"{method_label(name)}: {' or '.join(sorted(found))}" for name, found in sizes.items())
    same = len(set().union(*sizes.values())) == 1
    verdict, reason = (SUPPORTED, "all the same") if same else (CONTRADICTED, "not all the same")
    return Verdict(claim, verdict, "run.json compared; no test", figures, reason)


def _stored(evidence: Evidence) -> StoredEvidence:
    if not isinstance(evidence, StoredEvidence):
        raise NoEvidence("no table of the paper holds its numbers")
    return evidence

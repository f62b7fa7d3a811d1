"""Which claims share comparisons, and which of several the others imply."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from reports.paper.ledger import Claim, ClaimMetric, claimed_differences, read_ledger

# A difference with where and against what it is tested: claims that have one in common are not independent.
_Key = tuple[int, ClaimMetric, str, str, tuple[str, ...]]


def _keys(claim: Claim) -> set[_Key]:
    if claim.kind not in ("better", "better_over_seeds", "within"):
        return set()
    return {(*difference, claim.categories) for difference in claimed_differences(claim)}


def shared_comparisons(claim: Claim) -> dict[str, int]:
    """Return the other claims that have some of a claim's comparisons, with their number.

    Examples
    --------
    >>> shared_comparisons(next(claim for claim in read_ledger().claims if claim.id == "roc-best-1"))
    {}
    """
    own = _keys(claim)
    counts = {other.id: len(own & _keys(other)) for other in read_ledger().claims if other.id != claim.id}
    return {name: count for name, count in counts.items() if count}


def distinct_claims(claims: Sequence[Claim]) -> list[Claim]:
    """Return those of some supported claims that are not implied by the rest.

    A claim that one method is better is implied if others say so of each of its comparisons, by at least its margin.

    Examples
    --------
    >>> both = [claim for claim in read_ledger().claims if claim.id in ("still-gains-at-5", "regularizes-b")]
    >>> [claim.id for claim in distinct_claims(both)]
    ['regularizes-b']
    """
    kept: list[Claim] = []
    covered: dict[_Key, float] = {}
    # The largest margin first, since it implies the others, and of those the claim with the most comparisons.
    for claim in sorted(claims, key=lambda claim: (-_least(claim), -len(_keys(claim)))):
        keys = _keys(claim)
        if keys and claim.kind != "within" and all(covered.get(key, -inf) >= claim.margin for key in keys):
            continue
        kept.append(claim)
        covered |= {key: max(covered.get(key, -inf), _least(claim)) for key in keys}
    return [claim for claim in claims if claim in kept]


def _least(claim: Claim) -> float:
    return claim.low if claim.kind == "within" else claim.margin

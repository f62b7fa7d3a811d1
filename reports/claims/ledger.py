"""The claims of the paper as data: ``reports/paper/claims.toml``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from math import inf
from typing import Literal

import msgspec
from msgspec import Struct

from benchmark.score import Metric
from reports.paper import read_toml

# Metrics that only the files of a run give.
RunMeasure = Literal["background_error", "defect_found"]
CurveMeasure = Literal["time_to_level", "area_to_level"]
Measure = RunMeasure | CurveMeasure
ClaimMetric = Metric | Measure


class Claim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim of the paper that has its own verdict.

    Attributes
    ----------
    id : str
    section : str
        Of the paper, e.g. ``IV-F``.
    sentence : str
        In our words, as it is tested.
    quote : str
        The words of the paper that make the claim.
    kind : str
        The rule of its verdict.
    methods, against : tuple of str
        Each of the first is compared with each of the second; ``against`` is empty where nothing is compared.
    metrics : tuple of str
    shots : tuple of int
    tables : tuple of str
        Where the paper prints its numbers; empty where it prints none.
    categories : tuple of str
        Those the sentence names; empty for all.
    margin : float
        By how much a difference must exceed 0, or how far a value may be off.
    low, high : float
        Bounds of a difference that supports the claim.
    value : float or None
    margin_source : str
        Where margin, bounds or value come from.
    note : str
        What the test leaves out of the sentence, or why there is none.
    """

    id: str
    section: str
    sentence: str
    quote: str
    kind: Literal[
        "better",
        "better_over_seeds",
        "shrinks",
        "smaller_is_better",
        "within",
        "value",
        "none_converges",
        "realism",
        "same_size",
        "not_testable",
    ]
    methods: tuple[str, ...]
    shots: tuple[int, ...]
    against: tuple[str, ...] = ()
    metrics: tuple[ClaimMetric, ...] = ()
    tables: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    margin: float = 0.0
    low: float = -inf
    high: float = inf
    value: float | None = None
    margin_source: str = ""
    note: str = ""


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in ``claims.toml``.

    Attributes
    ----------
    parameters : dict of str to int
        Trainable parameters of the benchmark networks at width 1, by method.
    claims : tuple of Claim
        In the order of the paper.
    """

    parameters: dict[str, int]
    claims: tuple[Claim, ...] = msgspec.field(name="claim")


@cache
def read_ledger() -> Ledger:
    """Return the claims, and the numbers of parameters they are about.

    Examples
    --------
    >>> read_ledger().claims[0].id
    'ours-best-iou-1'
    """
    return read_toml("claims.toml", Ledger)


def claimed_differences(claim: Claim) -> Iterator[tuple[int, ClaimMetric, str, str]]:
    """Yield (K, metric, method, other) of each difference of a claim, in the order of its tests.

    Where a gain shrinks from one K to another, K is the first.

    Examples
    --------
    >>> claim = next(claim for claim in read_ledger().claims if claim.id == "still-gains-at-5")
    >>> list(claimed_differences(claim))
    [(5, 'iou', 'albunet_nbr_cap', 'albunet'), (5, 'dc', 'albunet_nbr_cap', 'albunet')]
    """
    shots = claim.shots[:1] if claim.kind == "shrinks" else claim.shots
    return product(shots, claim.metrics, claim.methods, claim.against)


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

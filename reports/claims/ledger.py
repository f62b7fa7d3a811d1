"""The claims of the paper as data: ``reports/paper/claims.toml``."""

from __future__ import annotations

from functools import cache
from math import inf
from typing import Literal

import msgspec
from msgspec import Struct

from benchmark.score import Metric
from reports.paper import read_toml

# Metrics that only the files of a run give.
Measure = Literal["background_error", "defect_found", "time_to_90"]
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

"""The claims of the paper as data: ``reports/paper/claims.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Claim:
    """A claim of the paper that has its own verdict.

    Attributes
    ----------
    id : str
    section : str
        Of the paper, e.g. ``IV-F``.
    sentence : str
        In our words, as it is tested.
    quote : str
        The words of the paper it stands on.
    kind : str
        The rule of its verdict, a key of ``rules.RULES``.
    methods, against : tuple of str
        Each of the first is compared with each of the second; ``against`` is empty where nothing is compared.
    metrics : tuple of str
    shots : tuple of int
    tables : tuple of str
        Where the paper prints its numbers; empty where it prints none.
    categories : tuple of str
        Those the sentence names; empty for all.
    margin : float
        By how much a difference must be larger, or a value may be off.
    low, high : float
        Bounds of a difference that is as claimed.
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
    kind: str
    methods: tuple[str, ...]
    shots: tuple[int, ...]
    against: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    margin: float = 0.0
    low: float = float("-inf")
    high: float = float("inf")
    value: float | None = None
    margin_source: str = ""
    note: str = ""


@cache
def _ledger() -> dict[str, Any]:
    with (resources.files("reports.paper") / "claims.toml").open("rb") as file:
        return tomllib.load(file)


def read_claims() -> tuple[Claim, ...]:
    """Return every claim in the order of the paper."""
    return tuple(_claim(entry) for entry in _ledger()["claim"])


def _claim(entry: dict[str, Any]) -> Claim:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Claim(**values)


def parameter_counts() -> dict[str, int]:
    """Return the trainable parameters of the benchmark networks at width 1, by method."""
    return dict(_ledger()["parameters"])

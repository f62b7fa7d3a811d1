"""What is said about a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.claims.ledger import Claim
from reports.statistics import Comparison

SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_TESTABLE = "supported", "contradicted", "inconclusive", "not testable"
VERDICTS = (SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_TESTABLE)


@dataclass(frozen=True)
class Verdict:
    """What numbers say about a claim.

    Attributes
    ----------
    claim : Claim
    verdict : {"supported", "contradicted", "inconclusive", "not testable"}
    test : str
        What was done; "" for nothing.
    figures : str
        The numbers, one comparison after the other; "" if there are none.
    reason : str
        Why this verdict.
    comparisons : tuple of Comparison
        Those made over categories, positive as claimed; empty for other kinds of claim.
    left_out : tuple of str
        Categories that are in no pair, and runs that could not be read.
    """

    claim: Claim
    verdict: str
    test: str
    figures: str
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    left_out: tuple[str, ...] = ()


class NoEvidence(Exception):  # noqa: N818  (not an error: a verdict says it)
    """What a claim is about is not there; the message says what."""


def first_of(lines: Sequence[str], most: int = 3) -> str:
    """Return lines joined, those beyond the first few counted."""
    more = f"; and {len(lines) - most} more" if len(lines) > most else ""
    return "; ".join(lines[:most]) + more

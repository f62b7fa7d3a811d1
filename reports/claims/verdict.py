"""The verdict on a claim."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reports.claims.ledger import Claim
from reports.statistics import Comparison, smallest_n


class Outcome(StrEnum):
    """What the numbers say about a claim.

    Examples
    --------
    >>> str(Outcome.of(as_claimed=False))
    'contradicted'
    """

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTABLE = "not testable"

    @classmethod
    def of(cls, as_claimed: bool) -> Outcome:
        """Return the outcome of a claim that is either supported or contradicted."""
        return cls.SUPPORTED if as_claimed else cls.CONTRADICTED


@dataclass(frozen=True)
class Verdict:
    """The outcome for one claim, and its basis.

    Attributes
    ----------
    claim : Claim
    outcome : Outcome
    test : str
        What was done; "" for nothing.
    figures : tuple of str
        The numbers, one string per comparison.
    reason : str
        Why this outcome.
    comparisons : tuple of Comparison
        Those made over categories, positive where they support the claim; empty for other kinds of claim.
    left_out : tuple of str
        Categories that are in no pair, and runs that could not be read.
    """

    claim: Claim
    outcome: Outcome
    test: str
    figures: tuple[str, ...]
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the claim is supported or contradicted."""
        return self.outcome in (Outcome.SUPPORTED, Outcome.CONTRADICTED)

    @property
    def short_reason(self) -> str:
        """How many more categories are needed, if that is why the claim is undecided; else the reason."""
        needed = smallest_n(comparisons=max(1, len(self.comparisons)))
        fewest = min((item.n for item in self.comparisons), default=needed)
        if self.outcome is Outcome.INCONCLUSIVE and 0 < fewest < needed:
            return f"{fewest} {'category' if fewest == 1 else 'categories'}; {needed} needed"
        return self.reason


class NotTestable(Exception):  # noqa: N818  (not an error: it becomes a verdict)
    """There are no numbers to judge a claim by; the message says why."""

"""The verdict on a claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reports.hierarchical import Hierarchy
from reports.paper.ledger import Claim
from reports.statistics import Comparison, smallest_n
from reports.wording import counted


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


# The power from which on a study is called large enough.
ENOUGH = 0.8


@dataclass(frozen=True)
class Power:
    """How likely a study supports a claim, if the paper's differences are true.

    Attributes
    ----------
    probability : float or None
        In [0, 1]; None where the paper prints no size.
    categories, seeds : int
        Of the study.
    needed_categories, needed_seeds : int or None
        For a power of ``ENOUGH``, with everything else as it is; None if no number that was tried suffices.
    basis : str
        Where the differences come from.
    """

    probability: float | None
    categories: int
    seeds: int
    needed_categories: int | None
    needed_seeds: int | None
    basis: str

    def __str__(self) -> str:
        if self.probability is None:
            return self.basis
        size = f"{counted(self.categories, 'category', 'categories')} of {counted(self.seeds, 'seed')}"
        text = f"{self.probability:.2f} with {size}, differences as in {self.basis}"
        if self.probability >= ENOUGH:
            return text
        needed = [
            *([f"{self.needed_categories} categories"] if self.needed_categories else []),
            *([f"{self.needed_seeds} seeds"] if self.needed_seeds else []),
        ]
        return f"{text}; {ENOUGH:g} needs {' or '.join(needed) or 'more categories than 100'}"


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
    power : Power or None
        Of a claim that stored runs are tested for over categories.
    hierarchies : mapping of str to Hierarchy
        The same differences in IOU or DC by category and seed, by their description.
    """

    claim: Claim
    outcome: Outcome
    test: str
    figures: tuple[str, ...]
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    left_out: tuple[str, ...] = ()
    power: Power | None = None
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        """Whether the claim is supported or contradicted."""
        return self.outcome in (Outcome.SUPPORTED, Outcome.CONTRADICTED)

    @property
    def short_reason(self) -> str:
        """How many more categories are needed, if that is why the claim is undecided; else the reason."""
        pairs = [item.n for item in self.comparisons if item.unit == "category"]
        fewest, needed = min(pairs, default=0), smallest_n()
        if self.outcome is Outcome.INCONCLUSIVE and 0 < fewest < needed:
            return f"{fewest} {'category' if fewest == 1 else 'categories'}; {needed} needed"
        return self.reason


class NotTestable(Exception):  # noqa: N818  (not an error: it becomes a verdict)
    """There are no numbers to judge a claim by; the message says why."""

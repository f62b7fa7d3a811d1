"""What the audit hands back, and how it handles the digits that the paper prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Gravest first; the words under which a page or a terminal groups them.
SEVERITIES = {
    "contradiction": "Contradictions: both cannot be right, whatever was rounded",
    "rounding": "Rounding: differences that rounding explains",
    "remark": "Remarks: odd, or worded loosely, not impossible",
}


@dataclass(frozen=True)
class Finding:
    """One place where the paper disagrees with itself, or looks odd.

    Attributes
    ----------
    id : str
        Letters, digits and hyphens; unique, and the same as long as the data are.
    where : str
        The tables and sections it is about.
    title : str
        What is found, in a sentence.
    printed : str
        What the paper prints, or says in short.
    recomputed : str
        What follows from the rest of the paper instead.
    arithmetic : str
        Every step from one to the other, one per line.
    severity : str
        A key of ``SEVERITIES``.
    """

    id: str
    where: str
    title: str
    printed: str
    recomputed: str
    arithmetic: str
    severity: str

    @property
    def heading(self) -> str:
        """What the severity means."""
        return SEVERITIES[self.severity]

    @property
    def steps(self) -> list[str]:
        """The lines of the arithmetic."""
        return self.arithmetic.splitlines()


def slug(*words: object) -> str:
    """Return an id of these words: lower case, hyphens between."""
    return "-".join(str(word) for word in words).replace("_", "-").replace("/", "-").lower()


def joined(words: list[str]) -> str:
    """Return words as an enumeration: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def tables(numbers: Sequence[str]) -> str:
    """Return tables by name: ``Table II``, ``Tables II and III``."""
    return f"Table{'s' * (len(numbers) > 1)} {joined(list(numbers))}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 image``, ``2 images``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

"""Findings of the audit, and how their text is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.wording import joined


class Severity(StrEnum):
    """How serious a finding is, most serious first.

    Examples
    --------
    >>> Severity.ROUNDING.heading
    'Rounding: differences that rounding explains'
    """

    CONTRADICTION = "contradiction"
    ROUNDING = "rounding"
    REMARK = "remark"

    @property
    def heading(self) -> str:
        """The heading under which pages and terminals group findings."""
        return {
            Severity.CONTRADICTION: "Contradictions: these statements cannot all be true, even allowing for rounding",
            Severity.ROUNDING: "Rounding: differences that rounding explains",
            Severity.REMARK: "Remarks: unusual or loosely worded, but possible",
        }[self]


@dataclass(frozen=True)
class Finding:
    """One place where the paper contradicts itself or looks unusual.

    Attributes
    ----------
    id : str
        Letters, digits and hyphens; unique, and stable as long as the data do not change.
    where : str
        The tables and sections concerned.
    title : str
        The finding in one sentence.
    printed : str
        What the paper prints, or states in short.
    recomputed : str
        What follows from the rest of the paper instead.
    arithmetic : str
        Every step from one to the other, one per line.
    severity : Severity

    Examples
    --------
    >>> steps = "0.4 + 0.6 = 1.0" + chr(10) + "1.0 / 2 = 0.5"
    >>> found = Finding("mean", "Table II", "The mean differs.", "0.6", "0.5", steps, Severity.CONTRADICTION)
    >>> found.steps
    ['0.4 + 0.6 = 1.0', '1.0 / 2 = 0.5']
    """

    id: str
    where: str
    title: str
    printed: str
    recomputed: str
    arithmetic: str
    severity: Severity

    @property
    def heading(self) -> str:
        """The heading of its severity."""
        return self.severity.heading

    @property
    def steps(self) -> list[str]:
        """The lines of the arithmetic."""
        return self.arithmetic.splitlines()


def slug(*parts: object) -> str:
    """Return an id made of these parts: lower case, hyphens between.

    Examples
    --------
    >>> slug("dice", 1, "metal_nut")
    'dice-1-metal-nut'
    """
    return "-".join(map(str, parts)).replace("_", "-").replace("/", "-").lower()


def tables(numbers: Sequence[str]) -> str:
    """Return tables by name.

    Examples
    --------
    >>> tables(["II", "III"])
    'Tables II and III'
    """
    return f"Table{'s' * (len(numbers) > 1)} {joined(numbers)}"

"""Verdicts for the terminal, and as plain records."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from reports.claims.verdict import VERDICTS, Verdict, first_of

_WIDTH = 110


def as_text(verdicts: Sequence[Verdict], title: str = "") -> str:
    """Return verdicts with what they rest on, those of one section together, and how many there are of each."""
    lines = [f"Claims of the paper{f' ({title})' if title else ''}"]
    section = ""
    for verdict in verdicts:
        if verdict.claim.section != section:
            section = verdict.claim.section
            lines += ["", f"Section {section}"]
        lines += ["", *_one(verdict)]
    counts = Counter(verdict.verdict for verdict in verdicts)
    return "\n".join([*lines, "", ", ".join(f"{counts[name]} {name}" for name in VERDICTS), ""])


def _one(verdict: Verdict) -> list[str]:
    claim = verdict.claim
    parts = [
        (f"{verdict.verdict.upper()}  {claim.id}", ""),
        (claim.sentence, "  "),
        (f'paper: "{claim.quote}"', "  "),
        (f"reason: {verdict.reason}", "  "),
        (verdict.test and f"test: {verdict.test}", "  "),
        *((figure, "    ") for figure in verdict.figures.split("; ") if figure and verdict.comparisons),
        (not verdict.comparisons and verdict.figures, "    "),
        (verdict.left_out and f"left out: {first_of(verdict.left_out)}", "  "),
        (claim.margin_source and verdict.test and f"bounds: {claim.margin_source}", "  "),
        (claim.note and claim.note != verdict.reason and f"note: {claim.note}", "  "),
    ]
    return [line for text, indent in parts if text for line in _wrapped(str(text), indent)]


def _wrapped(text: str, indent: str) -> list[str]:
    # Names come from folders of users: what is not printable would steer the terminal.
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return textwrap.wrap(plain, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)


def as_records(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return verdicts as plain data: one dict per claim, open bounds as None."""
    return [
        {
            "id": verdict.claim.id,
            "section": verdict.claim.section,
            "sentence": verdict.claim.sentence,
            "quote": verdict.claim.quote,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "test": verdict.test,
            "figures": verdict.figures,
            "comparisons": [asdict(comparison) for comparison in verdict.comparisons],
            "left_out": list(verdict.left_out),
            "margin_source": verdict.claim.margin_source,
            "note": verdict.claim.note,
        }
        for verdict in verdicts
    ]

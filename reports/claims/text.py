"""Verdicts as text for the terminal, and as plain records for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from reports.claims.overlap import distinct_claims, shared_comparisons
from reports.claims.verdict import Outcome, Verdict
from reports.escapes import for_terminal
from reports.hierarchical import QUESTION, as_record
from reports.paper.ledger import Claim
from reports.wording import abridged, wrapped

_WIDTH = 110


def as_text(verdicts: Sequence[Verdict], title: str = "") -> str:
    """Return verdicts with their basis, by section, and the number of each outcome."""
    lines = [for_terminal(f"Claims of the paper{f' ({title})' if title else ''}")]
    section = ""
    for verdict in verdicts:
        if verdict.claim.section != section:
            section = verdict.claim.section
            lines += ["", f"Section {section}"]
        lines += ["", *_one(verdict)]
    return "\n".join([*lines, "", summary(verdicts), ""])


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return the number of each outcome, and how many of the supported claims the others do not imply.

    Examples
    --------
    >>> from reports.claims import judge_published
    >>> summary(judge_published()).partition(",")[0]
    '11 supported (9 distinct)'
    """
    counts = Counter(verdict.outcome for verdict in verdicts)
    distinct = len(distinct_claims([item.claim for item in verdicts if item.outcome is Outcome.SUPPORTED]))
    words = {outcome: f"{counts[outcome]} {outcome}" for outcome in Outcome}
    if distinct < counts[Outcome.SUPPORTED]:
        words[Outcome.SUPPORTED] += f" ({distinct} distinct)"
    return ", ".join(words.values())


def _one(verdict: Verdict) -> list[str]:
    claim = verdict.claim
    parts = [
        (f"{verdict.outcome.upper()}  {claim.id}", ""),
        (claim.sentence, "  "),
        (f'paper: "{claim.quote}"', "  "),
        (f"reason: {verdict.reason}", "  "),
        (verdict.test and f"test: {verdict.test}", "  "),
        *((figure, "    ") for figure in verdict.figures),
        (verdict.power and f"power: {verdict.power}", "  "),
        (verdict.hierarchies and f"{QUESTION}:", "  "),
        *((f"{what}: {item}", "    ") for what, item in verdict.hierarchies.items()),
        (verdict.left_out and f"left out: {abridged(verdict.left_out)}", "  "),
        (claim.margin_source and verdict.test and f"bounds: {claim.margin_source}", "  "),
        (_shares(claim), "  "),
        (claim.note and claim.note != verdict.reason and f"note: {claim.note}", "  "),
    ]
    return [line for text, indent in parts if text for line in wrapped(str(text), _WIDTH, indent, indent + "  ")]


def _shares(claim: Claim) -> str:
    shared = [f"{count} with {name}" for name, count in shared_comparisons(claim).items()]
    return f"comparisons shared: {', '.join(shared)}" if shared else ""


def as_records(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """Return verdicts as plain data for JSON, one record per claim.

    Examples
    --------
    >>> from reports.claims import judge_published
    >>> record = as_records(judge_published())[0]
    >>> record["id"], str(record["verdict"])
    ('ours-best-iou-1', 'supported')
    """
    return [
        {
            "id": verdict.claim.id,
            "section": verdict.claim.section,
            "sentence": verdict.claim.sentence,
            "quote": verdict.claim.quote,
            "verdict": verdict.outcome,
            "reason": verdict.reason,
            "test": verdict.test,
            "figures": "; ".join(verdict.figures),
            "comparisons": [asdict(comparison) for comparison in verdict.comparisons],
            "power": verdict.power and asdict(verdict.power),
            "hierarchical": [{"what": what, **as_record(item)} for what, item in verdict.hierarchies.items()],
            "shares": shared_comparisons(verdict.claim),
            "left_out": list(verdict.left_out),
            "margin_source": verdict.claim.margin_source,
            "note": verdict.claim.note,
        }
        for verdict in verdicts
    ]

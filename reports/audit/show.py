"""Show findings: in a terminal, as JSON, as a page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from reports.audit.finding import SEVERITIES, Finding, counted
from reports.pages import write_page

INDENT = "    "
# Lines are never narrower than words can stand, nor wider than eyes can follow.
NARROWEST, WIDEST = 50, 110


def summary(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each severity, in a line."""
    counts = {name: sum(finding.severity == name for finding in findings) for name in SEVERITIES}
    return (
        f"{counted(counts['contradiction'], 'contradiction')}, "
        f"{counted(counts['rounding'], 'difference')} that rounding explains, {counted(counts['remark'], 'remark')}"
    )


def as_text(findings: Sequence[Finding], width: int = WIDEST) -> str:
    """Return the findings in groups, wrapped at a width, the counts last."""
    width = min(max(width, NARROWEST), WIDEST)
    blocks = []
    for heading, group in groupby(findings, key=lambda finding: finding.heading):
        blocks.append("\n".join([*_wrapped(heading, width), "=" * min(len(heading), width)]))
        blocks += [_block(number, finding, width) for number, finding in enumerate(group, 1)]
    return "\n\n".join([*blocks, "\n".join(_wrapped(summary(findings), width))]) + "\n"


def _block(number: int, finding: Finding, width: int) -> str:
    head = f"{number:>2}. "
    lines = _wrapped(finding.title, width, head)
    for name, text in (("where", finding.where), ("paper", finding.printed), ("recomputed", finding.recomputed)):
        lines += _wrapped(text, width, f"{INDENT}{name:<12}")
    for step in finding.steps:
        lines += _wrapped(step, width, INDENT + "- ")
    return "\n".join(lines)


def _wrapped(text: str, width: int, start: str = "") -> list[str]:
    """Return lines with a hanging indent; ``1-shot`` and the like stay whole."""
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as a JSON list of their fields."""
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False) + "\n"


def write_audit(findings: Sequence[Finding], path: Path) -> Path:
    """Write the findings as a page of their own.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    return write_page(path, "audit.html", findings=findings, summary=summary(findings))

"""Show findings in a terminal, as JSON or as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from reports.audit.finding import Finding, Severity
from reports.pages import write_page
from reports.wording import counted, wrapped

INDENT = "    "
# Wider lines are hard to read.
MIN_WIDTH, MAX_WIDTH = 50, 110


def summary(findings: Sequence[Finding]) -> str:
    """Return the number of findings of each severity in one line.

    Examples
    --------
    >>> summary([])
    '0 contradictions, 0 differences that rounding explains, 0 remarks'
    """
    contradictions, rounding, remarks = (sum(item.severity is severity for item in findings) for severity in Severity)
    return (
        f"{counted(contradictions, 'contradiction')}, {counted(rounding, 'difference')} that rounding explains, "
        f"{counted(remarks, 'remark')}"
    )


def as_text(findings: Sequence[Finding], width: int = MAX_WIDTH) -> str:
    """Return the findings by severity, wrapped at a width, and their counts at the end.

    Examples
    --------
    >>> found = Finding("mean", "Table II", "A mean differs.", "0.6", "0.5", "1.0 / 2 = 0.5", Severity.REMARK)
    >>> print(as_text([found]).splitlines()[3])
     1. A mean differs.
    """
    width = min(max(width, MIN_WIDTH), MAX_WIDTH)
    blocks = []
    for heading, group in groupby(findings, key=lambda finding: finding.heading):
        blocks.append("\n".join([*wrapped(heading, width), "=" * min(len(heading), width)]))
        blocks += [_block(number, finding, width) for number, finding in enumerate(group, 1)]
    return "\n\n".join([*blocks, "\n".join(wrapped(summary(findings), width))]) + "\n"


def _block(number: int, finding: Finding, width: int) -> str:
    head = f"{number:>2}. "
    lines = wrapped(finding.title, width, head)
    for name, text in (("where", finding.where), ("paper", finding.printed), ("recomputed", finding.recomputed)):
        lines += wrapped(text, width, f"{INDENT}{name:<12}")
    for step in finding.steps:
        lines += wrapped(step, width, INDENT + "- ")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as a JSON list of their fields.

    Examples
    --------
    >>> found = Finding("mean", "Table II", "A mean differs.", "0.6", "0.5", "1.0 / 2 = 0.5", Severity.REMARK)
    >>> json.loads(as_json([found]))[0]["severity"]
    'remark'
    """
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False) + "\n"


def write_audit(findings: Sequence[Finding], path: Path) -> Path:
    """Write the findings as a page.

    Raises
    ------
    InputError
        If the page cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     page = write_audit([], Path(folder) / "audit.html").read_text(encoding="utf-8")
    >>> "0 contradictions" in page
    True
    """
    return write_page(path, "audit.html", findings=findings, summary=summary(findings))

"""``audit``: check the paper for internal contradictions."""

from __future__ import annotations

import argparse
import shutil

from baselines.errors import InputError
from reports.audit import find_contradictions
from reports.audit.show import as_json, as_text, summary, write_audit


def do(options: argparse.Namespace) -> int:
    """Print the findings, or write them to a page and print its path."""
    if options.out is not None and options.out.suffix != ".html":
        raise InputError(f"--out {options.out} must end with .html")
    findings = find_contradictions()
    if options.out is not None:
        print(f"audit: {write_audit(findings, options.out)}: {summary(findings)}")
    elif options.json:
        print(as_json(findings), end="")
    else:
        print(as_text(findings, shutil.get_terminal_size().columns), end="")
    return 0

"""``audit``: the paper against itself."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from baselines import InputError
from reports.audit import find_contradictions
from reports.audit.show import as_json, as_text, summary, write_audit


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Check the paper's tables against each other, its text and MVTec AD's counts, and print every finding with its "
        "arithmetic. Needs no results. Findings are no failure: the exit code is 0."
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--out", type=Path, metavar="FILE.html", help="write a page instead of printing")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Print the findings, or write their page and say where it is."""
    if options.out is not None and options.out.suffix != ".html":
        raise InputError(f"--out {options.out} is no page: give a name that ends with .html")
    findings = find_contradictions()
    if options.out is not None:
        print(f"audit: {write_audit(findings, options.out)}: {summary(findings)}")
    elif options.json:
        print(as_json(findings), end="")
    else:
        print(as_text(findings, shutil.get_terminal_size().columns), end="")
    return 0

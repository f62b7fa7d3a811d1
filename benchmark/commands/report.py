"""``report``: show what is stored."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.options import add_results
from reports.html import write_report


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    report = verbs.add_parser("report", help="write the HTML report of what is stored")
    add_results(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the results folder")
    report.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    print(f"report: {write_report(options.results, options.command, options.out)}")
    return 0

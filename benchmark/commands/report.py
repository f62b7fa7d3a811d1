"""``report``: write the HTML report of the stored runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.options import add_results
from reports.html import write_report


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add_results(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the results folder")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Write the page and print its path."""
    print(f"report: {write_report(options.results, options.command, options.out)}")
    return 0

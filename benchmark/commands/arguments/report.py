"""Options of ``report``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments.shared import add_results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add_results(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the results folder")
    parser.set_defaults(do="report:do")

"""Options of ``audit``."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Check the paper's tables against each other, its text and the image counts of MVTec AD, and print every "
        "finding with its arithmetic. Needs no results. Findings are not errors: the exit code is 0."
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--out", type=Path, metavar="FILE.html", help="write an HTML page instead of printing")
    parser.set_defaults(do="audit:do")

"""Options of ``claims``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import add_results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add_results(parser)
    parser.add_argument("--dataset", metavar="NAME", help="only this data set")
    parser.add_argument("--profile", metavar="NAME", help="only this profile")
    parser.add_argument("--published", action="store_true", help="judge by the paper's own tables; needs no results")
    parser.add_argument(
        "--resample-images",
        action="store_true",
        help="let the bootstrap of the hierarchical look resample test images too, not only categories and seeds",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="claims:do")

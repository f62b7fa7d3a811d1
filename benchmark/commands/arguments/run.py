"""Options of ``run``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import (
    add_budget,
    add_data,
    add_profile,
    add_results,
    add_selection,
    add_training,
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add_selection(parser)
    add_profile(parser)
    add_data(parser)
    add_results(parser)
    add_budget(parser)
    add_training(parser)
    parser.add_argument(
        "--keep-models",
        action="store_true",
        help="store each trained network with its run; runs stored without one are trained again and replaced",
    )
    parser.set_defaults(do="run:do")

"""Options of ``plan``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import add_budget, add_data, add_jobs, add_profile, add_results, add_selection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add_selection(parser)
    add_profile(parser)
    add_data(parser)
    add_results(parser)
    add_budget(parser)
    add_jobs(parser)
    parser.add_argument(
        "--measure",
        action="store_true",
        help="time some training steps of each method and K at the study's own settings, on images of noise; by "
        "default the estimate comes from stored runs or a calibration on small images",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="plan:do")

"""Options of ``check``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments.shared import add_data, add_filters, add_profile, add_results, add_training

BASELINES = Path("tests/metrics")
REPEATS = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Train every method, category and K of the baseline again and compare. Exit codes: 0 nothing is worse; 1 "
        "something is worse or missing; 2 the runs cannot be compared. Runs are kept in RESULTS/check, by code and "
        "machine: the same command resumes an interrupted check, and runs of other code are never reused."
    )
    what = parser.add_argument_group("what to compare", "Everything in the baseline, unless narrowed.")
    add_filters(what, seed_help="default: the profile's")
    how = parser.add_argument_group("baseline and comparison")
    how.add_argument(
        "--baseline", type=Path, metavar="FILE", help=f"default: {BASELINES}/PROFILE.json below the current folder"
    )
    how.add_argument(
        "--gate",
        choices=("auto", "bit", "statistical"),
        default="auto",
        help="auto: bit by bit where hardware and versions are the baseline's, by tolerances elsewhere",
    )
    how.add_argument("--stored", action="store_true", help="compare what is stored in --results; train nothing")
    how.add_argument("--update", action="store_true", help="write the baseline and print what changes")
    how.add_argument(
        "--repeats", type=int, default=REPEATS, metavar="N", help=f"with --update: seeds 0 to N-1; default: {REPEATS}"
    )
    how.add_argument(
        "--elsewhere",
        type=Path,
        metavar="DIR",
        help="with --update: results of the same runs on another kind of machine, to derive tolerances from",
    )
    how.add_argument(
        "--assess",
        action="store_true",
        help="print the rate of false alarms of this baseline and the losses it detects; train nothing",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="also write check.txt, check.json and check.xml (JUnit)"
    )
    add_profile(parser, default="ci")
    add_data(parser)
    add_results(parser)
    add_training(parser)
    parser.set_defaults(do="check:do")

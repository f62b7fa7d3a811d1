"""Options of ``replay``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments.shared import add_cache, add_masks_hold


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Train a stored run again here, from the same images, and compare. Exit codes: 0 it agrees; 1 it does not; 2 "
        "it cannot be compared. Nothing in RESULTS changes."
    )
    parser.add_argument("results", type=Path, metavar="RESULTS", help="the folder that run stored it in")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="ID", help="the name of its folder in RESULTS/runs")
    which.add_argument("--random", action="store_true", help="a run drawn at random")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="its images, unless they are synthetic")
    add_masks_hold(parser)
    add_cache(parser)
    parser.add_argument("--weights-dir", type=Path, metavar="DIR", help="folder of the weights file it started from")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|mps|cuda:0", help="default: auto")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="replay:do")

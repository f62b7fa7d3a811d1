"""Options of ``tables``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments.shared import add_results
from benchmark.protocol.studies import TABLE_STUDIES

# Table I counts images and needs no study of its own.
TABLES = ("I", *TABLE_STUDIES)
FORMATS = ("text", "csv", "latex", "json")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Print the paper's tables for each set of comparable runs. [3/5 seeds] marks a number that is based on fewer "
        "runs than expected."
    )
    add_results(parser)
    parser.add_argument("--table", action="extend", nargs="+", default=[], metavar="|".join(TABLES))
    parser.add_argument("--format", default="text", choices=FORMATS, help="default: text")
    parser.add_argument(
        "--paper", action="store_true", help="print the paper's number and the difference below each number"
    )
    parser.add_argument("--published", action="store_true", help="print the paper's own numbers; needs no results")
    parser.add_argument(
        "--converged-only", action="store_true", help="leave runs that did not converge out of the means"
    )
    parser.add_argument(
        "--reading",
        action="extend",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="score the stored runs otherwise: threshold=fixed|training|test, reduction=per_image|pooled, "
        "images=defective|all, empty_prediction=zero|left_out, empty_mask=one|zero|left_out, runs=all|converged "
        "(docs/readings.md)",
    )
    parser.add_argument(
        "--readings",
        action="store_true",
        help="print how far Tables II and III are from the paper's under every reading (exploratory)",
    )
    parser.add_argument("--dataset", metavar="NAME", help="only this data set")
    parser.add_argument("--profile", metavar="NAME", help="only this profile")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write table_2.csv and so on to this folder; several sets of runs get a subfolder each",
    )
    parser.set_defaults(do="tables:do")

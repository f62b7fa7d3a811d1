"""Options of ``ranking``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import add_results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Rank the methods by their mean ranks over categories, for each set of comparable runs and each K: Friedman's "
        "test, Nemenyi's critical difference, wins, ties and losses of each pair, and how stable the order is when "
        "categories are drawn again (docs/statistics.md)."
    )
    add_results(parser)
    parser.add_argument(
        "--metric", default="iou", metavar="iou|dc|NAME", help="default: iou; or one of docs/metrics.md"
    )
    parser.add_argument(
        "--category",
        action="extend",
        nargs="+",
        default=[],
        metavar="textures|objects|NAME",
        help="rank over these alone; textures and objects are those of MVTec AD, by name",
    )
    parser.add_argument(
        "--defect",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="score test images of these types alone",
    )
    parser.add_argument("--shots", action="extend", nargs="+", type=int, default=[], metavar="K", help="only these K")
    parser.add_argument(
        "--method", action="extend", nargs="+", default=[], metavar="NAME", help="rank these alone; default: all"
    )
    parser.add_argument("--dataset", metavar="NAME", help="only this data set")
    parser.add_argument("--profile", metavar="NAME", help="only this profile")
    parser.add_argument("--published", action="store_true", help="rank by the paper's own tables; needs no results")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="ranking:do")

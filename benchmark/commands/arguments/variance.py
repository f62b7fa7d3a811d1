"""Options of ``variance``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import add_results

METRICS = ("iou", "dc", "auc", "acc")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Split the spread of scores into what comes from the images drawn, from training and the rest, and say how "
        "many seeds separate two methods; from stored runs of run --study variance (docs/statistics.md)."
    )
    add_results(parser)
    parser.add_argument("--metric", default="iou", choices=METRICS, help="default: iou")
    parser.add_argument("--dataset", metavar="NAME", help="only this data set")
    parser.add_argument("--profile", metavar="NAME", help="only this profile")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="variance:do")

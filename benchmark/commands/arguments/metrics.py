"""Options of ``metrics``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import add_results
from benchmark.commands.arguments.tables import FORMATS

BY = ("category", "defect", "size")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Print metrics beside the paper's for each set of comparable runs, from what is stored: AUROC, AP, AUPRO, best "
        "F1, IOU and DC pooled and per image, boundary IOU, and detection of images (docs/metrics.md)."
    )
    add_results(parser)
    parser.add_argument(
        "--by",
        choices=BY,
        help="split the test images by category, defect type or the share of the image that is defective; "
        "default: means over categories",
    )
    parser.add_argument("--format", default="text", choices=FORMATS, help="default: text")
    parser.add_argument(
        "--converged-only", action="store_true", help="leave runs that did not converge out of the means"
    )
    parser.add_argument("--dataset", metavar="NAME", help="only this data set")
    parser.add_argument("--profile", metavar="NAME", help="only this profile")
    parser.set_defaults(do="metrics:do")

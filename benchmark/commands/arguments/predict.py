"""Options of ``predict``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments.shared import add_results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Mark the defects in images with a model that run --keep-models stored. DIR gets masks/, overlays/ and "
        "predictions.csv. Exit codes: 0 all images are predicted; 1 some could not be read; 2 nothing is written."
    )
    parser.add_argument("model", metavar="RUN_OR_FILE", help="a run's folder or id, or a model.safetensors")
    parser.add_argument("images", nargs="+", metavar="IMAGES", help="files, folders, or patterns such as 'a/**/*.png'")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the predictions")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier predictions in DIR")
    parser.add_argument(
        "--threshold",
        default="protocol",
        metavar="protocol|training|NUMBER",
        help="probability from which on a pixel is defective: that of the run's scores (default), the one chosen on "
        "its training images, or your own",
    )
    parser.add_argument(
        "--tile", type=int, metavar="PX", help="cut images into tiles with this side instead of resizing them"
    )
    parser.add_argument(
        "--overlap", type=float, metavar="SHARE", help="of the side of neighbouring tiles; default: 0.25"
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|mps|cuda:0", help="default: auto")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="on the CPU; default: as in training, which gives the scored numbers"
    )
    add_results(parser)
    parser.set_defaults(do="predict:do")

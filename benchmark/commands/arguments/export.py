"""Options of ``export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments.shared import add_results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Write a model that run --keep-models stored as an ONNX file, after comparing it with torch in ONNX Runtime."
    )
    parser.add_argument("model", metavar="RUN_OR_FILE", help="a run's folder or id, or a model.safetensors")
    parser.add_argument("--format", choices=("onnx",), default="onnx", help="default: onnx")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: RUN.onnx in the current folder")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE")
    parser.add_argument(
        "--normalise",
        action="store_true",
        help="take images as libraries read them, uint8 (N, size, size, 3); by default normalised, (N, 3, size, size)",
    )
    parser.add_argument("--sigmoid", action="store_true", help="return probabilities; by default logits")
    add_results(parser)
    parser.set_defaults(do="export:do")

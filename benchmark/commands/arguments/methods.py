"""Options of ``methods``."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "List the registered methods. Others are composed, e.g. NETWORK+nbr+cap (docs/adding-a-method.md), where "
        "NETWORK may be smp:ARCHITECTURE/ENCODER of segmentation-models-pytorch."
    )
    parser.add_argument(
        "--pastings", action="store_true", help="list the pastings, NETWORK+cap-NAME (docs/pastings.md)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--check",
        metavar="NAME|FILE.py",
        help="check that a method, or each method that a file registers, fulfils the contract; exit code 1 if not",
    )
    parser.add_argument(
        "--weights-file",
        type=Path,
        metavar="FILE",
        help="with --check, start the encoder from this file (weights_files)",
    )
    parser.set_defaults(do="methods:do")

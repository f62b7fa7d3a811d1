"""Options that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.data.datasets import DATASETS
from benchmark.profile import BUILT_IN


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add what says which images: ``--dataset``, ``--data-root``, ``--cache``."""
    parser.add_argument("--dataset", default="synthetic", metavar="|".join(DATASETS), help="default: synthetic")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="folder that holds the categories, or is one")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="decoded images; default: your cache folder")


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add ``--results``."""
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="default: ./results")


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Add what says how: ``--profile`` and ``--set``."""
    parser.add_argument("--profile", default="quick", metavar="|".join((*BUILT_IN, "FILE.toml")), help="default: quick")
    parser.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="FIELD=VALUE", help="change a profile field"
    )

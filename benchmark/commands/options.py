"""Options that several verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from baselines.errors import InputError
from benchmark.data.datasets import DATASETS
from benchmark.data.image_cache import ImageCache
from benchmark.execution.capacity import choose_jobs
from benchmark.protocol.profile import BUILT_IN, Profile


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the choice of images: ``--dataset``, ``--data-root`` and ``--cache``."""
    parser.add_argument("--dataset", default="synthetic", metavar="|".join(DATASETS), help="default: synthetic")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="folder that holds the categories, or is one")
    add_cache(parser)


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add ``--cache``."""
    parser.add_argument(
        "--cache",
        type=lambda folder: ImageCache(Path(folder)),
        default=ImageCache(),
        metavar="DIR",
        help="decoded images; default: your cache folder",
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add ``--results``."""
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="default: ./results")


def add_profile(parser: argparse.ArgumentParser, default: str = "quick") -> None:
    """Add the protocol: ``--profile`` and ``--set``."""
    names = "|".join((*BUILT_IN, "FILE.toml"))
    parser.add_argument("--profile", default=default, metavar=names, help=f"default: {default}")
    parser.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="FIELD=VALUE", help="change a profile field"
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add devices and runs at a time: ``--device`` and ``--jobs``."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda:0,cuda:1", help="default: auto")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at a time, one process each; default: what cores and memory allow, or one per CUDA device",
    )


def chosen_jobs(options: argparse.Namespace, profile: Profile, devices: Sequence[torch.device]) -> int:
    """Return how many runs to do at a time; InputError if ``--jobs`` is below 1 or the number of devices."""
    jobs: int | None = options.jobs
    if jobs is None:
        return choose_jobs(profile, devices)
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {jobs}")
    if jobs < len(devices):
        raise InputError(f"--jobs {jobs} leaves some of {len(devices)} devices idle: use at least {len(devices)}")
    return jobs

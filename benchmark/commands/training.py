"""Options of the verbs that train: ``run`` and ``check``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.workers import add_workers, chosen_workers
from benchmark.data.image_cache import DEFAULT_LIMIT
from benchmark.execution.study import StudyRunner
from benchmark.protocol.profile import Profile
from benchmark.units import parse_size


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add where runs are done, and what they need."""
    add_workers(parser)
    parser.add_argument(
        "--weights-dir",
        type=Path,
        metavar="DIR",
        help="folder of torchvision's weights files; default: torch's cache, with download if needed",
    )
    parser.add_argument(
        "--cache-limit",
        default=DEFAULT_LIMIT,
        metavar="SIZE",
        help=f"of decoded images; the least recently used are removed first; default: {DEFAULT_LIMIT}",
    )
    parser.add_argument("--retry-failed", action="store_true", help="try again the runs that failed earlier")


def chosen_training(options: argparse.Namespace, profile: Profile) -> StudyRunner:
    """Return what does the runs of a study; InputError if the options cannot be used."""
    return StudyRunner(
        profile,
        cache_limit=parse_size("--cache-limit", options.cache_limit),
        workers=chosen_workers(options, profile),
        cache=options.cache,
        weights_dir=options.weights_dir,
        timeout=options.timeout,
        retry_failed=options.retry_failed,
    )

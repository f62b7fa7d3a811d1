"""Options that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.choices import CACHE_LIMIT, DATASETS, MASKS_HOLD
from benchmark.protocol.profile import BUILT_IN
from benchmark.protocol.studies import FIGURE_STUDIES, OTHER_STUDIES, TABLE_STUDIES

if TYPE_CHECKING:
    from benchmark.data.image_cache import ImageCache


def add_data(parser: argparse.ArgumentParser, with_strict: bool = True) -> None:
    """Add the choice of images: ``--dataset``, ``--data-root``, ``--masks-hold``, ``--strict`` and ``--cache``."""
    parser.add_argument("--dataset", default="synthetic", metavar="|".join(DATASETS), help="default: synthetic")
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="folder that holds the categories, or is one, for mvtec-ad and folder",
    )
    add_masks_hold(parser)
    if with_strict:
        parser.add_argument(
            "--strict", action="store_true", help="refuse a category if some of its files would be left out"
        )
    add_cache(parser)


def add_masks_hold(parser: argparse._ActionsContainer) -> None:
    """Add ``--masks-hold``."""
    parser.add_argument(
        "--masks-hold", metavar="|".join(MASKS_HOLD), help="defective pixels: grey, above 127 (default); classes, not 0"
    )


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add ``--cache``."""
    parser.add_argument(
        "--cache",
        type=_image_cache,
        default="",
        metavar="DIR",
        help="where decoded images are kept; default: your cache folder",
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add ``--results``."""
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="default: ./results")


def add_profile(parser: argparse.ArgumentParser, default: str = "quick") -> None:
    """Add the protocol: ``--profile`` and ``--set``."""
    names = "|".join((*BUILT_IN, "FILE.toml"))
    parser.add_argument("--profile", default=default, metavar=names, help=f"default: {default}")
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="change fields of the profile; profile show lists them",
    )


def add_budget(parser: argparse.ArgumentParser) -> None:
    """Add ``--budget``."""
    parser.add_argument(
        "--budget",
        metavar="TIME",
        help="such as 45m or 2h: do as many runs as end in this time, first those that say most about the comparison",
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add devices and runs at a time: ``--device`` and ``--jobs``."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|mps|cuda:0,cuda:1", help="default: auto")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at a time, one process each; default: what cores and memory allow, or one per CUDA device",
    )


def _image_cache(folder: str) -> ImageCache:
    """Return the cache in a folder, or the user's own for ""; imported only once options are parsed."""
    from benchmark.data.image_cache import ImageCache

    return ImageCache(Path(folder)) if folder else ImageCache()


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add ``--all``, ``--table``, ``--figure``, ``--study``, ``--method``, ``--category``, ``--shots``, ``--seed``."""
    what = parser.add_argument_group(
        "what to run",
        "Defaults come from the profile; --method, --category, --shots and --seed also narrow the others.",
    )
    what.add_argument("--all", action="store_true", help="everything the profile names")
    what.add_argument(
        "--table",
        action="extend",
        nargs="+",
        default=[],
        metavar="|".join(TABLE_STUDIES),
        help="what these tables of the paper need",
    )
    what.add_argument(
        "--figure",
        action="extend",
        nargs="+",
        default=[],
        metavar="|".join(FIGURE_STUDIES),
        help="what these figures need",
    )
    what.add_argument(
        "--study",
        action="extend",
        nargs="+",
        default=[],
        metavar="|".join(OTHER_STUDIES),
        help="nbr: what each addition to B does",
    )
    add_filters(what)


def add_filters(
    group: argparse._ArgumentGroup, seed_help: str = "of initial weights and, unless draws is fixed, of training images"
) -> None:
    """Add ``--method``, ``--category``, ``--shots`` and ``--seed`` to a group of options."""
    group.add_argument(
        "--method",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="a name that methods lists or that is composed, FILE.py for all methods that a file registers, or "
        "FILE.py:NAME for one (docs/adding-a-method.md)",
    )
    group.add_argument(
        "--category", action="extend", nargs="+", default=[], metavar="NAME", help="products, such as bottle"
    )
    group.add_argument(
        "--shots",
        action="extend",
        nargs="+",
        type=int,
        default=[],
        metavar="K",
        help="numbers of defective training images",
    )
    group.add_argument("--seed", action="extend", nargs="+", type=int, default=[], metavar="N", help=seed_help)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``, ``--jobs``, ``--backend``, ``--scheduler`` and ``--timeout``."""
    add_jobs(parser)
    parser.add_argument("--backend", choices=("loky", "dask"), default="loky", help="default: loky, this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of the dask scheduler, e.g. tcp://HOST:8786")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="record runs that take longer as failed")


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add where runs are executed, and what they need."""
    add_workers(parser)
    parser.add_argument(
        "--weights-dir",
        type=Path,
        metavar="DIR",
        help="folder of torchvision's weights files; default: torch's cache, with download if needed",
    )
    parser.add_argument(
        "--cache-limit",
        default=CACHE_LIMIT,
        metavar="SIZE",
        help=f"disk for decoded images; the least recently used are removed first; default: {CACHE_LIMIT}",
    )
    parser.add_argument("--retry-failed", action="store_true", help="try again the runs that failed earlier")

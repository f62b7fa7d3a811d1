"""Doing the runs of a selection that are not stored yet: what ``run`` and ``check`` have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from benchmark.commands.workers import add_workers, chosen_workers
from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import DEFAULT_LIMIT
from benchmark.execution.execute import execute
from benchmark.execution.prepare import prepare
from benchmark.execution.progress import display
from benchmark.execution.run_task import RunTask
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.results.store import ResultStore
from benchmark.training.one_run import RunContext
from benchmark.units import parse_size

TRY_AGAIN = "add --retry-failed to try them again"

# Does runs on a data set and keeps them in a results folder.
DoRuns = Callable[[Sequence[RunSpec], DataSet, Path], None]


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add who does the runs, and what they need."""
    add_workers(parser)
    parser.add_argument(
        "--weights-dir",
        type=Path,
        metavar="DIR",
        help="folder of torchvision's weights files; default: torch's cache, downloaded into if need be",
    )
    parser.add_argument(
        "--cache-limit",
        default=DEFAULT_LIMIT,
        metavar="SIZE",
        help=f"of decoded images; what was used longest ago is removed first; default: {DEFAULT_LIMIT}",
    )
    parser.add_argument("--retry-failed", action="store_true", help="try again the runs that failed earlier")


def chosen_training(options: argparse.Namespace, profile: Profile) -> DoRuns:
    """Return what does runs as the options say; paths are made such that other machines find them.

    What it returns shows how far it is, tries earlier failures again only with ``--retry-failed``, and raises
    ``KeyboardInterrupt`` with how many finished runs are kept.

    Raises
    ------
    InputError
        If the options cannot be used; what it returns raises it if images, weights or results cannot.
    """
    cache_limit = parse_size("--cache-limit", options.cache_limit)
    choose_pool = chosen_workers(options, profile)

    def do_runs(specs: Sequence[RunSpec], dataset: DataSet, results: Path) -> None:
        store = ResultStore(results)
        store.check(spec.id for spec in specs)
        with display() as screen:
            prepare(
                specs, dataset, profile, options.cache, cache_limit, options.weights_dir, screen.decoding, screen.say
            )
            to_do = [spec for spec in specs if not store.has(spec.id)]
            earlier = store.read_failures(to_do)
            stored = len(specs) - len(to_do)
            if not options.retry_failed:
                to_do = [spec for spec in to_do if spec.id not in earlier]
            screen.say(
                f"{len(specs)} runs: {stored} stored, {len(to_do)} to do"
                + (f", {len(earlier)} failed earlier" if earlier else "")
                + ("" if options.retry_failed or not earlier else f": {TRY_AGAIN}")
            )
            screen.begin(to_do)
            context = RunContext(dataset, options.cache, weights_dir=options.weights_dir)
            pool, task = choose_pool(RunTask(context, results, options.timeout, earlier), to_do, screen)
            try:
                with closing(execute(to_do, task, pool, screen.say)) as ends:
                    for finished in ends:
                        screen.finished(finished)
            except KeyboardInterrupt:
                kept = sum(store.has(spec.id) for spec in specs)
                raise KeyboardInterrupt(f"{kept} finished runs are kept") from None

    return do_runs

"""``run``: train and score a selection, then report."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from benchmark.commands.options import add_data, add_profile, add_results
from benchmark.commands.selection import add_selection, chosen_profile, chosen_runs
from benchmark.commands.workers import add_workers, chosen_workers
from benchmark.data.cache_folder import DEFAULT_LIMIT, read_size
from benchmark.data.datasets import open_dataset
from benchmark.execute import execute
from benchmark.prepare import find_runs, prepare
from benchmark.progress import display
from benchmark.runs import RunSpec
from benchmark.store import ResultStore, load_results
from benchmark.work import Work, Workplace, error_of, read_failures
from reports.collect import result_sets
from reports.formats import as_text
from reports.html import write_report
from reports.tables import build_table

TRY_AGAIN = "add --retry-failed to try them again"


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser("run", help="train and score, then report; what is stored already is not run again")
    add_selection(parser)
    add_profile(parser)
    add_data(parser)
    add_results(parser)
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
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Run what is not stored yet; 1 if a run failed, now or earlier."""
    profile = chosen_profile(options)
    cache_limit = read_size("--cache-limit", options.cache_limit)
    choose_pool = chosen_workers(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    specs = find_runs(dataset, profile, chosen_runs(options, profile, dataset).values())
    store = ResultStore(options.results)
    store.check(spec.id for spec in specs)
    with display() as screen:
        prepare(specs, dataset, profile, options.cache, cache_limit, options.weights_dir, screen.decoding, screen.say)
        to_do = [spec for spec in specs if not store.has(spec.id)]
        earlier = read_failures(store, to_do)
        stored = len(specs) - len(to_do)
        if not options.retry_failed:
            to_do = [spec for spec in to_do if spec.id not in earlier]
        screen.say(
            f"{len(specs)} runs: {stored} stored, {len(to_do)} to do"
            + (f", {len(earlier)} failed earlier" if earlier else "")
            + ("" if options.retry_failed or not earlier else f": {TRY_AGAIN}")
        )
        screen.begin(to_do)
        place = Workplace(dataset, options.cache, options.results, weights_dir=options.weights_dir)
        pool, work = choose_pool(Work(place, options.timeout, earlier), to_do, screen)
        try:
            with closing(execute(to_do, work, pool, screen.say)) as ends:
                for finished in ends:
                    screen.finished(finished)
        except KeyboardInterrupt:
            kept = sum(store.has(spec.id) for spec in specs)
            raise KeyboardInterrupt(f"{kept} finished runs are kept") from None
    show(options.results, specs)
    print(f"report: {write_report(options.results, options.command)}")
    return summarise_failures(store, specs)


def summarise_failures(store: ResultStore, specs: list[RunSpec]) -> int:
    """Say which of the runs failed and why, a line each; return the exit code."""
    failures = read_failures(store, specs)
    if not failures:
        return 0
    print(f"{len(failures)} runs failed: {TRY_AGAIN}", file=sys.stderr)
    for spec in specs:
        if spec.id in failures:
            print(f"  {spec.title}: {' '.join(error_of(failures[spec.id]).split())}", file=sys.stderr)
    return 1


def show(root: Path, specs: list[RunSpec]) -> None:
    """Print the IOU and DC of the selected runs."""
    results = load_results(root)
    for chosen in result_sets(results[results["id"].isin([spec.id for spec in specs])]):
        for number in ("II", "III"):
            print(as_text(build_table(number, chosen), chosen.title))

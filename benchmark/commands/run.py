"""``run``: train and score a selection, then report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmark.commands.options import add_data, add_jobs, add_profile, add_results, chosen_jobs
from benchmark.commands.selection import add_selection, chosen_profile, chosen_runs
from benchmark.data.datasets import open_dataset
from benchmark.environment import choose_device
from benchmark.execute import execute
from benchmark.prepare import find_runs, prepare
from benchmark.progress import display
from benchmark.runs import RunSpec
from benchmark.store import ResultStore, load_results
from benchmark.work import Workplace
from reports.collect import result_sets
from reports.formats import as_text
from reports.html import write_report
from reports.tables import build_table


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser("run", help="train and score, then report; what is stored already is not run again")
    add_selection(parser)
    add_profile(parser)
    add_data(parser)
    add_results(parser)
    add_jobs(parser)
    parser.add_argument(
        "--weights-dir",
        type=Path,
        metavar="DIR",
        help="folder of torchvision's weights files; default: torch's cache, downloaded into if need be",
    )
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Run what is not stored yet; 1 if a run failed."""
    profile = chosen_profile(options)
    device = choose_device(options.device)
    jobs = chosen_jobs(options, profile, device)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    specs = find_runs(dataset, profile, chosen_runs(options, profile, dataset).values())
    with display() as screen:
        prepare(specs, dataset, profile, options.cache, options.weights_dir, screen.decoding, screen.say)
        store = ResultStore(options.results)
        store.check(spec.id for spec in specs)
        to_do = [spec for spec in specs if not store.has(spec.id)]
        screen.say(f"{len(specs)} runs: {len(specs) - len(to_do)} stored, {len(to_do)} to do")
        screen.begin(to_do)
        place = Workplace(dataset, options.cache, options.results, device, options.weights_dir)
        failed = 0
        for finished in execute(to_do, place, jobs, screen.step):
            screen.finished(finished)
            failed += finished.status == "failed"
    show(options.results, specs)
    print(f"report: {write_report(options.results, options.command)}")
    if failed:
        print(
            f"{failed} runs failed; they are listed in the report, and tried again by the same command", file=sys.stderr
        )
    return 1 if failed else 0


def show(root: Path, specs: list[RunSpec]) -> None:
    """Print the IOU and DC of the selected runs."""
    results = load_results(root)
    for chosen in result_sets(results[results["id"].isin([spec.id for spec in specs])]):
        for number in ("II", "III"):
            print(as_text(build_table(number, chosen), chosen.title))

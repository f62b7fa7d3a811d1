"""``run``: train and score a selection, then report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmark.commands.options import add_data, add_profile, add_results
from benchmark.commands.selection import add_selection, chosen_profile, chosen_request
from benchmark.commands.training import TRY_AGAIN, add_training, chosen_training
from benchmark.data.datasets import open_dataset
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import choose_selections, select_runs
from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
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
    add_training(parser)
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Run what is not stored yet; 1 if a run failed, now or earlier."""
    request, profile = chosen_request(options), chosen_profile(options)
    do_runs = chosen_training(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    specs = select_runs(dataset, profile, choose_selections(request, profile, dataset).values())
    do_runs(specs, dataset, options.results)
    show(options.results, specs)
    print(f"report: {write_report(options.results, options.command)}")
    return summarise_failures(ResultStore(options.results), specs)


def summarise_failures(store: ResultStore, specs: list[RunSpec]) -> int:
    """Say which of the runs failed and why, a line each; return the exit code."""
    failures = store.read_failures(specs)
    if not failures:
        return 0
    print(f"{len(failures)} runs failed: {TRY_AGAIN}", file=sys.stderr)
    for spec in specs:
        if spec.id in failures:
            print(f"  {spec.title}: {failures[spec.id].error}", file=sys.stderr)
    return 1


def show(root: Path, specs: list[RunSpec]) -> None:
    """Print the IOU and DC of the selected runs."""
    results = load_results(root)
    for chosen in result_sets(results[results["id"].isin([spec.id for spec in specs])]):
        for number in ("II", "III"):
            print(as_text(build_table(number, chosen), chosen.title))

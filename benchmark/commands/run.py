"""``run``: train and score a selection, then report."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from benchmark.commands.selection import chosen_profile, chosen_request
from benchmark.commands.training import chosen_training
from benchmark.data.datasets import open_dataset
from benchmark.execution.study import RETRY_ADVICE
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import choose_selections, select_runs
from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
from reports.collect import result_sets
from reports.html import write_report
from reports.ranking import as_text

logger = logging.getLogger(__name__)


def do(options: argparse.Namespace) -> int:
    """Do the runs that are not stored yet; return 1 if one failed, now or earlier."""
    request, profile = chosen_request(options), chosen_profile(options)
    do_runs = chosen_training(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, do_runs.cache)
    specs = select_runs(dataset, profile, choose_selections(request, profile, dataset).values())
    do_runs(specs, dataset, options.results)
    print_rankings(options.results, specs)
    print(f"report: {write_report(options.results, options.command)}")
    return 1 if log_failures(options.results, specs) else 0


def print_rankings(results: Path, specs: Sequence[RunSpec]) -> None:
    """Print which of the selected methods is best for each K."""
    table = load_results(results)
    for chosen in result_sets(table[table["id"].isin([spec.id for spec in specs])]):
        print(as_text(chosen))


def log_failures(results: Path, specs: Sequence[RunSpec]) -> int:
    """Log why runs failed, one line each; return their number."""
    failures = ResultStore(results).read_failures(specs)
    if failures:
        logger.info(f"{len(failures)} runs failed: {RETRY_ADVICE}")
    for spec in specs:
        if spec.id in failures:
            logger.info(f"  {spec.title}: {failures[spec.id].error}")
    return len(failures)

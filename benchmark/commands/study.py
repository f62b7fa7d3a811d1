"""A study from its runs to its report; apart from ``run``, because importing this takes seconds."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.commands.options import chosen_budget
from benchmark.commands.training import chosen_training
from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import ImageCache
from benchmark.execution.study import RETRY_ADVICE
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
from reports import effects, ranking, variance, variance_views
from reports.collect import result_sets
from reports.html import write_report

logger = logging.getLogger(__name__)


def do_study(
    options: argparse.Namespace, profile: Profile, cache: ImageCache, dataset: DataSet, specs: Sequence[RunSpec]
) -> int:
    """Do the runs that are not stored yet and report; return 1 if one failed, now or earlier."""
    training = chosen_training(options, profile, cache)
    do_runs = replace(training, keep_models=options.keep_models, budget=chosen_budget(options))
    do_runs(specs, dataset, options.results)
    families = [effects.FAMILIES[name] for name in dict.fromkeys(options.study) if name in effects.FAMILIES]
    crossed = "variance" in options.study
    print_results(options.results, specs, families, profile.draws if crossed else None)
    if crossed:
        print_spreads(options.results, specs)
    print(f"report: {write_report(options.results, options.command)}")
    return 1 if log_failures(ResultStore(options.results, options.keep_models), specs) else 0


def print_results(
    results: Path, specs: Sequence[RunSpec], families: Sequence[effects.Family], draws: str | int | None = None
) -> None:
    """Print which of the selected methods is best for each K, and the effects of some families.

    With ``draws``, only runs with that setting are ranked: the others of a crossed study are no further seeds.
    """
    table = load_results(results)
    for chosen in result_sets(table[table["id"].isin([spec.id for spec in specs])]):
        if draws not in (None, chosen.draws):
            continue
        print(ranking.as_text(chosen))
        for family in families:
            print(effects.as_text(chosen, family))


def print_spreads(results: Path, specs: Sequence[RunSpec]) -> None:
    """Print what the spread of the selected runs comes from."""
    table = load_results(results)
    for crossed in variance.crossed_runs(result_sets(table[table["id"].isin([spec.id for spec in specs])])):
        print(variance_views.as_text(crossed))


def log_failures(store: ResultStore, specs: Sequence[RunSpec]) -> int:
    """Log why runs failed, one line each; return their number."""
    failures = store.read_failures(specs)
    if failures:
        logger.info(f"{len(failures)} runs failed: {RETRY_ADVICE}")
    for spec in specs:
        if spec.id in failures:
            logger.info(f"  {spec.title}: {failures[spec.id].error}")
    return len(failures)

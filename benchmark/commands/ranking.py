"""``ranking``: methods by mean rank over categories."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from baselines.errors import InputError, unknown_name
from benchmark.commands.tables import chosen_sets
from benchmark.results.table import warn_unreadable
from benchmark.score import METRICS
from reports.collect import PAPER_CATEGORIES, ResultSet, finished_ids, in_order
from reports.metrics import By, measure_runs
from reports.paper import CATEGORY_TABLES
from reports.published import Published
from reports.rank_views import (
    SCORES,
    RankView,
    as_records,
    as_text,
    choose_names,
    measured_scores,
    published_scores,
    stored_defects,
    stored_scores,
    view_ranks,
)
from reports.run_numbers import read_numbers, stored_runs

Source = ResultSet | Published
Scores = Callable[[int], pd.DataFrame]


def do(options: argparse.Namespace) -> int:
    """Print the rankings of each set of comparable runs, or of the paper."""
    if options.metric not in SCORES:
        raise unknown_name("metric", options.metric, SCORES)
    sources = [_published(options)] if options.published else _stored(options)
    known = {
        "category": in_order({name for source, _ in sources for name in source.categories}, PAPER_CATEGORIES),
        "method": list(dict.fromkeys(name for source, _ in sources for name in source.methods)),
    }
    categories, methods = (choose_names(getattr(options, noun), names, noun) for noun, names in known.items())
    shots = sorted({count for source, _ in sources for count in source.shots})
    if missing := sorted(set(options.shots) - set(shots)):
        raise InputError(f"no numbers for K = {missing[0]}: there are some for {', '.join(map(str, shots))}")
    what = [*options.category, *options.method]
    ranked = [
        (
            source.title,
            [
                view_ranks(scores(count), options.metric, count, source, categories, methods, what, options.defect)
                for count in source.shots
                if count in (options.shots or shots)
            ],
        )
        for source, scores in sources
    ]
    if not any(view.statistics for _, views in ranked for view in views):
        raise InputError("nothing to rank: it takes two methods with all seeds in the same two categories")
    _print(ranked, options.json)
    return 0


def _print(ranked: Sequence[tuple[str, Sequence[RankView]]], as_json: bool) -> None:
    if as_json:
        records = [record for title, views in ranked for record in as_records(views, title)]
        print(json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(as_text(views, title) for title, views in ranked), end="")


def _published(options: argparse.Namespace) -> tuple[Source, Scores]:
    for name in ("defect", "dataset", "profile"):
        if getattr(options, name):
            raise InputError(f"--published shows the paper alone: leave out --{name}, or --published")
    if options.metric not in CATEGORY_TABLES:
        printed = " or ".join(CATEGORY_TABLES)
        raise InputError(f"the paper prints no {options.metric} of single categories: rank it by {printed}")
    return Published(), partial(published_scores, options.metric)


def _stored(options: argparse.Namespace) -> list[tuple[Source, Scores]]:
    """Return each set of stored runs with its scores; their files are read only if the table of runs lacks them."""
    sets = chosen_sets(options)
    if options.metric in METRICS and not options.defect:
        return [(item, partial(stored_scores, item, options.metric)) for item in sets]
    metric = {"auc": "image_auroc_area"}.get(options.metric, options.metric)
    if metric == "acc":
        raise InputError("--defect does not fit --metric acc: it is not measured by defect type")
    problems: list[str] = []
    splits: list[By | None] = ["defect" if options.defect else None]
    numbers = read_numbers(stored_runs(options.results, finished_ids(sets)), problems, splits=splits)
    measured = [found for item in sets for found in measure_runs(item, numbers, splits)]
    warn_unreadable(problems, options.results)
    if options.defect:
        choose_names(options.defect, stored_defects(measured), "defect type")
    return [(item.results, partial(measured_scores, item, metric, defects=options.defect)) for item in measured]

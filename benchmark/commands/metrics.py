"""``metrics``: metrics beside the paper's, from what is stored."""

from __future__ import annotations

import argparse

from baselines.errors import InputError
from benchmark.commands.tables import stored_sets
from benchmark.results.table import warn_unreadable
from reports.collect import finished_ids
from reports.formats import as_one
from reports.metrics import measure_runs, metrics_table
from reports.run_numbers import read_numbers, stored_runs


def do(options: argparse.Namespace) -> int:
    """Print the metrics of each set of comparable runs."""
    problems: list[str] = []
    tables = []
    sets = stored_sets(options)
    numbers = read_numbers(stored_runs(options.results, finished_ids(sets)), problems, splits=[options.by])
    for results in sets:
        (measured,) = measure_runs(results, numbers, [options.by])
        if measured.groups:
            tables.append((metrics_table(measured), results.title))
    warn_unreadable(problems, options.results)
    if not tables:
        raise InputError(f"no finished run in {options.results} can be measured")
    print(as_one(tables, options.format), end="")
    return 0

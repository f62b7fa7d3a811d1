"""``metrics``: metrics beside the paper's, from what is stored."""

from __future__ import annotations

import argparse

from baselines.errors import InputError
from benchmark.commands.tables import stored_sets
from benchmark.results.table import warn_unreadable
from reports.formats import as_one
from reports.metrics import measure_runs, metrics_table


def do(options: argparse.Namespace) -> int:
    """Print the metrics of each set of comparable runs."""
    problems: list[str] = []
    tables = []
    for results in stored_sets(options):
        (measured,) = measure_runs(results, options.results, [options.by], problems)
        if measured.groups:
            tables.append((metrics_table(measured), results.title))
    warn_unreadable(problems, options.results)
    if not tables:
        raise InputError(f"no finished run in {options.results} can be measured")
    print(as_one(tables, options.format), end="")
    return 0

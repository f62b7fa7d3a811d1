"""``variance``: what the spread over seeds comes from."""

from __future__ import annotations

import argparse
import json

from baselines.errors import InputError
from benchmark.commands.tables import chosen_sets
from reports.variance import crossed_runs
from reports.variance_views import as_records, as_text


def do(options: argparse.Namespace) -> int:
    """Print the spreads of each set of crossed runs."""
    found = crossed_runs(chosen_sets(options))
    if not any(crossed.spreads(options.metric, shots) for crossed in found for shots in crossed.shots):
        raise InputError(
            f"no runs in {options.results} cross draws and training seeds: train some with run --study variance"
        )
    if options.json:
        records = [record for crossed in found for record in as_records(crossed, options.metric)]
        print(json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(as_text(crossed, options.metric) for crossed in found), end="")
    return 0

"""``run``: train and score a selection, then report."""

from __future__ import annotations

import argparse

from benchmark.commands.images import chosen_dataset
from benchmark.commands.options import check_training, chosen_budget, chosen_cache
from benchmark.commands.selection import chosen_profile, chosen_request
from benchmark.protocol.selection import choose_selections, select_runs


def do(options: argparse.Namespace) -> int:
    """Do the runs that are not stored yet; return 1 if one failed, now or earlier."""
    request, profile = chosen_request(options), chosen_profile(options)
    check_training(options)
    chosen_budget(options)
    cache = chosen_cache(options)
    dataset = chosen_dataset(options, cache)
    specs = select_runs(dataset, profile, choose_selections(request, profile, dataset).values())

    from benchmark.commands.study import do_study  # torch, for which a refusal should not wait

    return do_study(options, profile, cache, dataset, specs)

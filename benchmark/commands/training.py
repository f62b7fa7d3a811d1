"""Options of the verbs that train: ``run`` and ``check``."""

from __future__ import annotations

import argparse

from benchmark.commands.workers import chosen_workers
from benchmark.execution.study import StudyRunner
from benchmark.protocol.profile import Profile
from benchmark.units import parse_size


def chosen_training(options: argparse.Namespace, profile: Profile) -> StudyRunner:
    """Return what does the runs of a study; InputError if the options cannot be used."""
    return StudyRunner(
        profile,
        cache_limit=parse_size("--cache-limit", options.cache_limit),
        workers=chosen_workers(options, profile),
        cache=options.cache if options.backend == "dask" else options.cache.or_temporary(),
        weights_dir=options.weights_dir,
        timeout=options.timeout,
        retry_failed=options.retry_failed,
    )

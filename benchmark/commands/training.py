"""Training for the verbs that train: ``run`` and ``check``."""

from __future__ import annotations

import argparse

from benchmark.commands.workers import chosen_workers
from benchmark.data.image_cache import ImageCache
from benchmark.execution.study import StudyRunner
from benchmark.protocol.profile import Profile
from benchmark.units import parse_size


def chosen_training(options: argparse.Namespace, profile: Profile, cache: ImageCache) -> StudyRunner:
    """Return what does the runs of a study, from options that ``check_training`` has passed.

    Raises
    ------
    InputError
        As ``chosen_workers``.
    """
    return StudyRunner(
        profile,
        cache_limit=parse_size("--cache-limit", options.cache_limit),
        workers=chosen_workers(options, profile),
        cache=cache,
        weights_dir=options.weights_dir,
        timeout=options.timeout,
        retry_failed=options.retry_failed,
    )

"""Values that several verbs take from their options; torch is not imported, so that refusals come at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from baselines.errors import InputError
from benchmark.data.image_cache import ImageCache
from benchmark.devices import check_names
from benchmark.execution.capacity import choose_jobs
from benchmark.protocol.profile import Profile
from benchmark.units import parse_duration, parse_size

if TYPE_CHECKING:
    import torch


def check_training(options: argparse.Namespace) -> None:
    """Check the options of ``add_training`` before anything is imported or read for them.

    Raises
    ------
    InputError
        If one cannot be used, alone or together with others.
    """
    parse_size("--cache-limit", options.cache_limit)
    check_jobs(options)
    if options.timeout is not None and not options.timeout > 0:
        raise InputError(f"--timeout must be more than 0 seconds, got {options.timeout:g}")
    if (options.backend == "dask") != (options.scheduler is not None):
        raise InputError("--backend dask and --scheduler ADDRESS go together (docs/scaling-out.md)")
    if options.backend == "dask" and "," in options.device:
        raise InputError(
            f"--device {options.device} does not fit --backend dask, where a worker uses one device "
            "(docs/scaling-out.md)"
        )


def check_jobs(options: argparse.Namespace) -> None:
    """Check ``--device`` and ``--jobs`` as far as this machine's devices need not be known for it."""
    check_names(options.device)
    if options.jobs is not None and options.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {options.jobs}")


def chosen_jobs(options: argparse.Namespace, profile: Profile, devices: Sequence[torch.device]) -> int:
    """Return how many runs to execute at a time; InputError if ``--jobs`` is below the number of devices."""
    jobs: int | None = options.jobs
    if jobs is None:
        return choose_jobs(profile, devices)
    if jobs < len(devices):
        raise InputError(f"--jobs {jobs} leaves some of {len(devices)} devices idle: use at least {len(devices)}")
    return jobs


def chosen_budget(options: argparse.Namespace) -> float | None:
    """Return ``--budget`` in seconds; None without it."""
    return None if options.budget is None else parse_duration("--budget", options.budget)


def chosen_cache(options: argparse.Namespace) -> ImageCache:
    """Return the image cache, a temporary one where the user's cannot be written and no other machine reads it."""
    cache: ImageCache = options.cache
    return cache if options.backend == "dask" else cache.or_temporary()

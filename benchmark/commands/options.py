"""Values that several verbs take from their options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch

from baselines.errors import InputError
from benchmark.execution.capacity import choose_jobs
from benchmark.protocol.profile import Profile


def chosen_jobs(options: argparse.Namespace, profile: Profile, devices: Sequence[torch.device]) -> int:
    """Return how many runs to do at a time; InputError if ``--jobs`` is below 1 or the number of devices."""
    jobs: int | None = options.jobs
    if jobs is None:
        return choose_jobs(profile, devices)
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {jobs}")
    if jobs < len(devices):
        raise InputError(f"--jobs {jobs} leaves some of {len(devices)} devices idle: use at least {len(devices)}")
    return jobs

"""Options of ``run`` and ``plan`` that select runs."""

from __future__ import annotations

import argparse

from baselines.errors import InputError
from benchmark.protocol.profile import Profile, load_profile
from benchmark.protocol.selection import Request


def chosen_request(options: argparse.Namespace) -> Request:
    """Return what the options ask for; InputError if they select nothing."""
    request = Request(
        options.all, options.table, options.figure, options.method, options.category, options.shots, options.seed
    )
    if request.is_empty:
        raise InputError("say what to run: --all, or any of --table, --figure, --method, --category, --shots, --seed")
    return request


def chosen_profile(options: argparse.Namespace) -> Profile:
    """Return the profile with ``--set``, ``--shots`` and ``--seed`` applied."""
    settings = list(options.set)
    if options.shots:
        settings.append(f"shots={options.shots}")
    if options.seed:
        settings.append(f"seeds={options.seed}")
    return load_profile(options.profile, settings)

"""Options of ``run`` and ``plan`` that select runs."""

from __future__ import annotations

import argparse

from baselines.errors import InputError
from baselines.registry import select_methods
from benchmark.protocol.profile import Profile, load_profile, with_settings
from benchmark.protocol.selection import Request


def chosen_request(options: argparse.Namespace) -> Request:
    """Return what the options ask for; InputError if they select nothing."""
    request = Request(
        options.all,
        options.table,
        options.figure,
        options.study,
        [name for text in options.method for name in select_methods(text)],
        options.category,
        options.shots,
        options.seed,
    )
    if request.is_empty:
        raise InputError(
            "nothing is selected: give --all, or any of --table, --figure, --study, --method, --category, --shots and "
            "--seed"
        )
    return request


def chosen_profile(options: argparse.Namespace) -> Profile:
    """Return the profile with ``--set``, ``--shots`` and ``--seed`` applied."""
    asked = {"shots": options.shots, "seeds": options.seed}
    profile = load_profile(options.profile, options.set)
    return with_settings(profile, {field: value for field, value in asked.items() if value})

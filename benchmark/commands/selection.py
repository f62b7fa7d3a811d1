"""Options of ``run`` and ``plan`` that select runs."""

from __future__ import annotations

import argparse

from baselines.errors import InputError
from benchmark.protocol.profile import Profile, load_profile
from benchmark.protocol.selection import Request
from benchmark.protocol.studies import FIGURE_STUDIES, TABLE_STUDIES


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add ``--all``, ``--table``, ``--figure``, ``--method``, ``--category``, ``--shots`` and ``--seed``."""
    what = parser.add_argument_group(
        "what to run",
        "Defaults come from the profile; --method, --category, --shots and --seed also narrow tables and figures.",
    )
    what.add_argument("--all", action="store_true", help="everything the profile names")
    what.add_argument("--table", action="extend", nargs="+", default=[], metavar="|".join(TABLE_STUDIES))
    what.add_argument("--figure", action="extend", nargs="+", default=[], metavar="|".join(FIGURE_STUDIES))
    what.add_argument("--method", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--category", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--shots", action="extend", nargs="+", type=int, default=[], metavar="K")
    what.add_argument("--seed", action="extend", nargs="+", type=int, default=[], metavar="N")


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

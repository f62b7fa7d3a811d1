"""What to run, as ``run`` and ``plan`` take it: products of lists, and the tables and figures of the paper."""

from __future__ import annotations

import argparse

from baselines import InputError
from baselines.errors import unknown_name
from benchmark.data.datasets import DataSet
from benchmark.profile import Profile, load_profile
from benchmark.runs import Selection
from benchmark.studies import FIGURE_STUDIES, TABLE_STUDIES, Study, find_studies


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add what says which runs."""
    what = parser.add_argument_group(
        "what to run",
        "What is left out is the profile's; --method, --category, --shots and --seed also narrow tables and figures.",
    )
    what.add_argument("--all", action="store_true", help="everything the profile names")
    what.add_argument("--table", action="extend", nargs="+", default=[], metavar="|".join(TABLE_STUDIES))
    what.add_argument("--figure", action="extend", nargs="+", default=[], metavar="|".join(FIGURE_STUDIES))
    what.add_argument("--method", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--category", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--shots", action="extend", nargs="+", type=int, default=[], metavar="K")
    what.add_argument("--seed", action="extend", nargs="+", type=int, default=[], metavar="N")


def chosen_profile(options: argparse.Namespace) -> Profile:
    """Return the profile with ``--set``, ``--shots`` and ``--seed`` applied; InputError if nothing was selected."""
    asked = (options.table, options.figure, options.method, options.category, options.shots, options.seed)
    if not (options.all or any(asked)):
        raise InputError("say what to run: --all, or any of --table, --figure, --method, --category, --shots, --seed")
    settings = list(options.set)
    if options.shots:
        settings.append(f"shots={options.shots}")
    if options.seed:
        settings.append(f"seeds={options.seed}")
    return load_profile(options.profile, settings)


def chosen_runs(options: argparse.Namespace, profile: Profile, dataset: DataSet) -> dict[str, Selection]:
    """Return what each table and figure that was asked for needs, or the product of the lists under ``""``.

    With ``--all`` both.

    Raises
    ------
    InputError
        If a name is unknown, or the data set has none of the categories.
    """
    studies = find_studies(options.table, options.figure)
    chosen = {study.name: _of_study(study, options, profile, dataset) for study in studies}
    if options.all or not studies:
        methods = list(dict.fromkeys(options.method)) or profile.methods
        if not methods:
            raise InputError(f"profile {profile.name} names no methods: add --method NAME")
        categories = choose_categories(dataset, options.category, profile.categories)
        chosen[""] = Selection(methods, categories, profile.shots, profile.seeds)
    return chosen


def _of_study(study: Study, options: argparse.Namespace, profile: Profile, dataset: DataSet) -> Selection:
    categories = choose_categories(dataset, options.category, study.categories or profile.categories)
    if study.categories and not options.category and not set(study.categories) <= set(categories):
        missing = [name for name in study.categories if name not in categories]
        raise InputError(f"{study.name} shows {', '.join(missing)}, not in this data set: name others with --category")
    shots = profile.shots if options.shots or not study.shots else study.shots
    seeds = profile.seeds[:1] if study.one_seed else profile.seeds
    return Selection(tuple(dict.fromkeys(options.method)) or study.methods, categories, shots, seeds)


def choose_categories(dataset: DataSet, asked: list[str], preferred: tuple[str, ...]) -> list[str]:
    """Return the categories to run: those asked for, else the preferred ones that are there, else all.

    Raises
    ------
    InputError
        If one that was asked for is not there.
    """
    there = dataset.categories()
    for category in asked:
        if category not in there:
            raise unknown_name("category", category, there)
    return list(dict.fromkeys(asked)) or [name for name in preferred if name in there] or list(there)

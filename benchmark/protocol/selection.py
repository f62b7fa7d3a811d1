"""Which runs a request consists of: products of lists, and what tables and figures of the paper need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.errors import InputError, unknown_name
from benchmark.data.datasets import DataSet
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import Selection
from benchmark.protocol.studies import Study, find_studies


@dataclass(frozen=True)
class Request:
    """What a user asked for; what is left empty is the profile's or the study's.

    Attributes
    ----------
    everything : bool
        Everything the profile names, beside any tables and figures.
    tables, figures : sequence of str
        Roman and arabic numbers.
    methods, categories : sequence of str
        Also narrow tables and figures, as ``shots`` and ``seeds`` do.
    shots, seeds : sequence of int

    Examples
    --------
    >>> Request(tables=["II"], methods=["unet"]).is_empty
    False
    """

    everything: bool = False
    tables: Sequence[str] = ()
    figures: Sequence[str] = ()
    methods: Sequence[str] = ()
    categories: Sequence[str] = ()
    shots: Sequence[int] = ()
    seeds: Sequence[int] = ()

    @property
    def is_empty(self) -> bool:
        narrowed = (self.tables, self.figures, self.methods, self.categories, self.shots, self.seeds)
        return not (self.everything or any(narrowed))


def choose_selections(request: Request, profile: Profile, dataset: DataSet) -> dict[str, Selection]:
    """Return what each requested table and figure needs, by its name, and the product of the lists under ``""``.

    Parameters
    ----------
    request : Request
    profile : Profile
        With the requested K and seeds applied.
    dataset : DataSet

    Raises
    ------
    InputError
        If a name is unknown, or the data set has none of the categories.
    """
    studies = find_studies(request.tables, request.figures)
    chosen = {study.name: _select(study, request, profile, dataset) for study in studies}
    if request.everything or not studies:
        methods = choose_methods(request.methods, profile)
        categories = choose_categories(dataset, request.categories, profile.categories)
        chosen[""] = Selection(methods, categories, profile.shots, profile.seeds)
    return chosen


def choose_methods(asked: Sequence[str], profile: Profile) -> list[str]:
    """Return the methods to run: those asked for, else the profile's; InputError if it names none."""
    methods = list(dict.fromkeys(asked)) or list(profile.methods)
    if not methods:
        raise InputError(f"profile {profile.name} names no methods: add --method NAME")
    return methods


def choose_categories(dataset: DataSet, asked: Sequence[str], preferred: Sequence[str]) -> list[str]:
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


def _select(study: Study, request: Request, profile: Profile, dataset: DataSet) -> Selection:
    categories = choose_categories(dataset, request.categories, study.categories or profile.categories)
    if study.categories and not request.categories and not set(study.categories) <= set(categories):
        missing = [name for name in study.categories if name not in categories]
        raise InputError(f"{study.name} shows {', '.join(missing)}, not in this data set: name others with --category")
    shots = profile.shots if request.shots or not study.shots else study.shots
    seeds = profile.seeds[:1] if study.one_seed else profile.seeds
    return Selection(tuple(dict.fromkeys(request.methods)) or study.methods, categories, shots, seeds)

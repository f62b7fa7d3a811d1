"""From a request to runs: the selections of tables, figures and lists on the command line, and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from msgspec.structs import replace

from baselines import get_method
from baselines.errors import InputError, unknown_name
from baselines.networks import check_network_name, check_start, check_weights_file, size_multiple
from baselines.weights_files import WeightsFile, identify_weights_file
from benchmark.data.datasets import ImageList
from benchmark.data.manifest import CategoryManifest
from benchmark.data.names import check_path
from benchmark.protocol.draws import draw_shots, draws_of
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.studies import Study, find_studies


@dataclass(frozen=True)
class Request:
    """The request of a user; empty fields are filled in by the profile or the study.

    Attributes
    ----------
    everything : bool
        Everything the profile names, in addition to any tables, figures and studies.
    tables, figures, studies : sequence of str
        Roman and Arabic numerals, and names.
    methods, categories : sequence of str
        They also narrow tables, figures and studies, as ``shots`` and ``seeds`` do.
    shots, seeds : sequence of int

    Examples
    --------
    >>> Request(tables=["II"], methods=["unet"]).is_empty
    False
    """

    everything: bool = False
    tables: Sequence[str] = ()
    figures: Sequence[str] = ()
    studies: Sequence[str] = ()
    methods: Sequence[str] = ()
    categories: Sequence[str] = ()
    shots: Sequence[int] = ()
    seeds: Sequence[int] = ()

    @property
    def is_empty(self) -> bool:
        narrowed = (self.tables, self.figures, self.studies, self.methods, self.categories, self.shots, self.seeds)
        return not (self.everything or any(narrowed))


@dataclass(frozen=True)
class Selection:
    """One run for each combination of a method, a category, a K and a seed.

    Attributes
    ----------
    methods, categories : sequence of str
    shots, seeds : sequence of int
    categories_at : mapping of int to sequence of str
        For each K that is studied on other categories, their names.
    crossed : bool
        Whether each seed is trained on the draw of each, instead of as the profile's ``draws`` says.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> selection = Selection(methods=["unet", "unet+nbr"], categories=["hazelnut"], shots=[1, 5], seeds=[0])
    >>> len(select_runs(SyntheticDataSet(), load_profile("ci"), [selection]))
    4
    """

    methods: Sequence[str]
    categories: Sequence[str]
    shots: Sequence[int]
    seeds: Sequence[int]
    categories_at: Mapping[int, Sequence[str]] = field(default_factory=dict)
    crossed: bool = False

    def cells(self) -> list[tuple[str, int]]:
        """Return every pair of a category and a K, K by K.

        Examples
        --------
        >>> Selection(["unet"], ["carpet", "tile"], [1, 5], [0], {5: ["tile"]}).cells()
        [('carpet', 1), ('tile', 1), ('tile', 5)]
        """
        return [
            (category, shots) for shots in self.shots for category in self.categories_at.get(shots, self.categories)
        ]


def choose_selections(request: Request, profile: Profile, dataset: ImageList) -> dict[str, Selection]:
    """Return the selection of each requested table, figure and study by its name, and that of the lists under ``""``.

    Parameters
    ----------
    request : Request
    profile : Profile
        With the requested K and seeds applied.
    dataset : ImageList

    Raises
    ------
    InputError
        If a name is unknown, or the data set has none of the categories.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> list(choose_selections(Request(tables=["II"], everything=True), load_profile("ci"), SyntheticDataSet()))
    ['table II', '']
    """
    studies = find_studies(request.tables, request.figures, request.studies)
    chosen = {study.name: _select(study, request, profile, dataset) for study in studies}
    if request.everything or not studies:
        methods = choose_methods(request.methods, profile)
        categories = choose_categories(dataset, request.categories, profile.categories)
        fewer = choose_categories_at(dataset, request.categories, profile)
        chosen[""] = Selection(methods, categories, profile.shots, profile.seeds, fewer)
    return chosen


def choose_methods(requested: Sequence[str], profile: Profile) -> list[str]:
    """Return the requested methods, or else the profile's; InputError if it names none.

    Examples
    --------
    >>> from benchmark.protocol.profile import load_profile
    >>> choose_methods(["unet+nbr", "unet", "unet"], load_profile("ci"))
    ['unet+nbr', 'unet']
    """
    methods = list(dict.fromkeys(requested or profile.methods))
    if not methods:
        raise InputError(f"profile {profile.name} names no methods: add --method NAME")
    return methods


def choose_categories(dataset: ImageList, requested: Sequence[str], preferred: Sequence[str]) -> list[str]:
    """Return the requested categories, or else the preferred ones that the data set has, or else all of them.

    Raises
    ------
    InputError
        If the data set lacks a requested category.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> choose_categories(SyntheticDataSet(), requested=[], preferred=["hazelnut", "washer"])
    ['hazelnut']
    """
    known = dataset.categories()
    for category in requested:
        if category not in known:
            raise unknown_name("category", category, known)
    return list(dict.fromkeys(requested)) or [name for name in preferred if name in known] or list(known)


def choose_categories_at(dataset: ImageList, requested: Sequence[str], profile: Profile) -> dict[int, list[str]]:
    """Return the profile's categories for each K that has its own; none if the user asks for some.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> profile = load_profile("ci", ["categories_at.5=tile"])
    >>> [choose_categories_at(SyntheticDataSet(), names, profile) for names in ([], ["wood"])]
    [{5: ['tile']}, {}]
    """
    if requested:
        return {}
    return {int(shots): choose_categories(dataset, [], names) for shots, names in profile.categories_at.items()}


def _select(study: Study, request: Request, profile: Profile, dataset: ImageList) -> Selection:
    categories = choose_categories(dataset, request.categories, study.categories or profile.categories)
    if not request.categories and (missing := [name for name in study.categories if name not in categories]):
        raise InputError(f"{study.name} shows {', '.join(missing)}, not in this data set: name others with --category")
    methods = tuple(dict.fromkeys(request.methods)) or study.methods
    shots = profile.shots if request.shots or not study.shots else study.shots
    seeds = profile.seeds if request.seeds or not study.seeds else study.seeds
    seeds = seeds[:1] if study.one_seed else seeds
    fewer = {} if study.categories else choose_categories_at(dataset, request.categories, profile)
    return Selection(methods, categories, shots, seeds, fewer, study.crossed)


def select_runs(dataset: ImageList, profile: Profile, selections: Iterable[Selection]) -> list[RunSpec]:
    """Return the runs of some selections, each once, in the order category, K, seed, method; decodes no image.

    Raises
    ------
    InputError
        If a method or a category is unknown, a draw is impossible, or the profile does not fit a method.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> selection = Selection(methods=["unet"], categories=["tile"], shots=[1], seeds=[0, 1])
    >>> [spec.title for spec in select_runs(SyntheticDataSet(), load_profile("ci"), [selection])]
    ['tile unet 1-shot seed 0', 'tile unet 1-shot seed 1']
    """
    selections = list(selections)
    check_methods([name for selection in selections for name in selection.methods], profile)
    manifests = {
        category: dataset.manifest(category)
        for category in dict.fromkeys(name for selection in selections for name, _ in selection.cells())
    }
    specs = {spec.id: spec for selection in selections for spec in _expand(selection, manifests, profile)}.values()
    categories, methods = list(manifests), list(dict.fromkeys(spec.method for spec in specs))
    return sorted(
        specs, key=lambda spec: (categories.index(spec.category), spec.shots, spec.seed, methods.index(spec.method))
    )


def _expand(selection: Selection, manifests: Mapping[str, CategoryManifest], profile: Profile) -> Iterator[RunSpec]:
    methods = dict.fromkeys(get_method(name) for name in selection.methods)  # unet+cap+nbr is unet+nbr+cap
    weights_files = {method.network: _weights_file(method.network, profile) for method in methods}
    for category, shots in selection.cells():
        manifest, protocol = manifests[category], profile.protocol(shots)
        for seed, draws in _seeds_and_draws(selection, profile):
            draw = draw_shots(manifest, shots, seed, profile.shots_per, draws)
            for method in methods:
                yield RunSpec(
                    dataset=manifest.dataset,
                    profile=profile.name,
                    category=category,
                    method=method,
                    shots=shots,
                    seed=seed,
                    protocol=replace(protocol, draws=draws),
                    data_digest=manifest.digest,
                    draw=draw,
                    weights_file=weights_files[method.network],
                )


def _seeds_and_draws(selection: Selection, profile: Profile) -> list[tuple[int, str | int]]:
    """Return each training seed with the value of ``draws`` for it.

    In a crossed selection a seed's own draw is ``per_seed``: these are the ordinary runs, trained once for both.
    """
    if not selection.crossed:
        return [(seed, profile.draws) for seed in selection.seeds]
    return [
        (seed, "per_seed" if of == seed else draws_of(of)) for seed, of in product(selection.seeds, selection.seeds)
    ]


def check_methods(names: Iterable[str], profile: Profile) -> None:
    """Check before any training that the methods can be built under a profile.

    Raises
    ------
    InputError
        If a method is unknown, its network does not support the image size, the width or the weights, or a user's
        file of weights does not fit it.

    Examples
    --------
    >>> from benchmark.protocol.profile import load_profile
    >>> check_methods(["unett"], load_profile("ci"))
    Traceback (most recent call last):
    baselines.errors.InputError: unknown method 'unett': did you mean 'unet'?
    """
    for network in profile.weights_files:
        try:
            check_network_name(network)
        except InputError as error:
            raise InputError(f"profile field weights_files: {error}") from error
    for name in dict.fromkeys(names):
        network = get_method(name).network
        weights_file = _weights_file(network, profile)
        check_start(network, None if weights_file or profile.weights == "none" else profile.weights, profile.width)
        multiple = size_multiple(network)
        if profile.image_size % multiple:
            raise InputError(
                f"image_size {profile.image_size} does not fit method {name}: it must be a multiple of {multiple}, "
                f"e.g. --set image_size={max(1, round(profile.image_size / multiple)) * multiple}"
            )
        if weights_file:
            check_weights_file(network, weights_file, profile.width)


def _weights_file(network: str, profile: Profile) -> WeightsFile | None:
    """Return the user's file from which a network's encoder starts; InputError if it cannot be read."""
    if network not in profile.weights_files:
        return None
    path = Path(profile.weights_files[network])
    check_path(path)  # its name is stored
    return identify_weights_file(path)

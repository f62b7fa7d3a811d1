"""From what the user asked for to runs that can start: every unusable input is found here, before any training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from baselines import InputError, get_method
from baselines.networks import check_pretrained, check_start, network_class
from benchmark.data.cache import keep_below, load_arrays
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import notes
from benchmark.profile import Profile
from benchmark.runs import RunSpec, Selection, expand
from benchmark.work import vanished_notes


def find_runs(dataset: DataSet, profile: Profile, selections: Iterable[Selection]) -> list[RunSpec]:
    """Return the runs of some selections, each once: by category, K, seed, then method. Nothing is decoded.

    Raises
    ------
    InputError
        If a method, a category or a draw cannot be had, or the profile does not fit a method.
    """
    selections = list(selections)
    check_methods([name for selection in selections for name in selection.methods], profile)
    manifests = {
        category: dataset.manifest(category)
        for category in dict.fromkeys(name for selection in selections for name in selection.categories)
    }
    found = {spec.id: spec for selection in selections for spec in expand(selection, manifests, profile)}
    if len(selections) < 2:
        return list(found.values())
    methods = list(dict.fromkeys(spec.method.name for spec in found.values()))
    categories = list(manifests)
    return sorted(
        found.values(),
        key=lambda spec: (categories.index(spec.category), spec.shots, spec.seed, methods.index(spec.method.name)),
    )


def prepare(
    specs: Sequence[RunSpec],
    dataset: DataSet,
    profile: Profile,
    cache: Path | None,
    cache_limit: int,
    weights_dir: Path | None,
    on_image: Callable[[str, int, int], None],
    say: Callable[[str], None],
) -> None:
    """Have everything the runs need before the first one starts: pretrained weights and decoded images.

    Parameters
    ----------
    cache_limit : int
        Bytes below which the cache is kept, see ``keep_below``.
    on_image : callable
        Called with (category, images decoded, images in all).
    say : callable
        Called with a line for everything about the data that a reader of the results should know.

    Raises
    ------
    InputError
        If weights or images cannot be had.
    """
    if profile.weights != "none":
        for network in dict.fromkeys(spec.method.network for spec in specs):
            check_pretrained(network, weights_dir)
    categories = list(dict.fromkeys(spec.category for spec in specs))
    if said_of_cache := keep_below(dataset, categories, profile.image_size, cache, cache_limit):
        say(said_of_cache)
    for category in categories:
        arrays = load_arrays(
            dataset,
            category,
            profile.image_size,
            cache,
            lambda done, count, category=category: on_image(category, done, count),  # type: ignore[misc]
        )
        for note in notes(arrays.manifest):
            say(f"{category}: {note}")
        said = {}
        for spec in specs:
            if spec.category == category and (spec.shots, spec.seed) not in said:
                said[spec.shots, spec.seed] = vanished_notes(arrays, spec)
        for (shots, seed), lines in said.items():
            for line in lines:
                say(f"{category}, {shots}-shot, seed {seed}: {line}")


def check_methods(names: Iterable[str], profile: Profile) -> None:
    """Find out before any training whether the methods can be built under a profile.

    Raises
    ------
    InputError
        If a method is unknown, or the image size, the width or the kind of weights do not fit its network.
    """
    for name in dict.fromkeys(names):
        network = get_method(name).network
        check_start(network, None if profile.weights == "none" else profile.weights, profile.width)
        multiple = network_class(network).size_multiple
        if profile.image_size % multiple:
            raise InputError(
                f"image_size {profile.image_size} does not fit method {name}: it must be a multiple of {multiple}, "
                f"e.g. --set image_size={max(1, round(profile.image_size / multiple)) * multiple}"
            )

"""From what the user asked for to runs that can start: every unusable input is found here, before any training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from baselines import InputError, get_method
from baselines.errors import unknown_name
from baselines.networks import check_pretrained, network_class
from benchmark.data.cache import load_arrays
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import CategoryManifest, notes
from benchmark.profile import Profile
from benchmark.runs import RunSpec, Selection, expand
from benchmark.work import vanished_notes


def choose_categories(dataset: DataSet, asked: Sequence[str], profile: Profile) -> list[str]:
    """Return the categories to run: those asked for, else the profile's that the data set has, else all.

    Raises
    ------
    InputError
        If one that was asked for is not there.
    """
    there = dataset.categories()
    for category in asked:
        if category not in there:
            raise unknown_name("category", category, there)
    return list(dict.fromkeys(asked)) or [name for name in profile.categories if name in there] or list(there)


def prepare(
    dataset: DataSet,
    profile: Profile,
    selection: Selection,
    cache: Path,
    weights_dir: Path | None,
    on_image: Callable[[str, int, int], None],
    say: Callable[[str], None],
) -> list[RunSpec]:
    """Check a selection, decode its images, and return its runs.

    Parameters
    ----------
    on_image : callable
        Called with (category, images decoded, images in all).
    say : callable
        Called with a line for everything about the data that a reader of the results should know.

    Raises
    ------
    InputError
        If any of it cannot be used.
    """
    check_methods(selection.methods, profile, weights_dir)
    manifests: dict[str, CategoryManifest] = {category: dataset.manifest(category) for category in selection.categories}
    specs = expand(selection, manifests, profile)
    for category in selection.categories:
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
    return specs


def check_methods(names: Sequence[str], profile: Profile, weights_dir: Path | None) -> None:
    """Find out before any training whether the methods can be built under a profile; fetch pretrained weights.

    Raises
    ------
    InputError
        If a method is unknown, the image size, the width or the weights do not fit its network, or pretrained
        weights cannot be had.
    """
    for name in names:
        network = get_method(name).network
        multiple = network_class(network).size_multiple
        weights = None if profile.weights == "none" else profile.weights
        network_class(network).check_settings(weights, profile.width)
        if profile.image_size % multiple:
            raise InputError(
                f"image_size {profile.image_size} does not fit method {name}: it must be a multiple of {multiple}, "
                f"e.g. --set image_size={max(1, round(profile.image_size / multiple)) * multiple}"
            )
        if weights:
            check_pretrained(network, profile.width, weights_dir)

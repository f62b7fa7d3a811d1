"""Preparing runs: pretrained weights and decoded images are there before the first one starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from baselines.networks import check_pretrained
from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import notes
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.training.one_run import resized_mask_notes


def prepare(
    specs: Sequence[RunSpec],
    dataset: DataSet,
    profile: Profile,
    cache: ImageCache,
    cache_limit: int,
    weights_dir: Path | None,
    on_image: Callable[[str, int, int], None],
    say: Callable[[str], None],
) -> None:
    """Have everything the runs need before the first one starts: pretrained weights and decoded images.

    Parameters
    ----------
    cache_limit : int
        Bytes below which the cache is kept, see ``ImageCache.keep_below``.
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
    if message := cache.keep_below(cache_limit, dataset, categories, profile.image_size):
        say(message)
    for category in categories:
        arrays = cache.arrays(
            dataset,
            category,
            profile.image_size,
            lambda done, count, category=category: on_image(category, done, count),  # type: ignore[misc]
        )
        for note in notes(arrays.manifest):
            say(f"{category}: {note}")
        said = {}
        for spec in specs:
            if spec.category == category and (spec.shots, spec.seed) not in said:
                said[spec.shots, spec.seed] = resized_mask_notes(arrays, spec.draw)
        for (shots, seed), lines in said.items():
            for line in lines:
                say(f"{category}, {shots}-shot, seed {seed}: {line}")

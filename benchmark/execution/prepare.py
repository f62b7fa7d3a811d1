"""Preparing runs: pretrained weights are available and images are decoded before the first run starts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from baselines.networks import check_pretrained
from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.notes import notes
from benchmark.protocol.draws import draw_seed
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.training.one_run import resized_mask_notes

logger = logging.getLogger(__name__)


def prepare(
    specs: Sequence[RunSpec],
    dataset: DataSet,
    profile: Profile,
    cache: ImageCache,
    cache_limit: int,
    weights_dir: Path | None,
    on_image: Callable[[str, int, int], None],
) -> None:
    """Check pretrained weights and decode images; logs what a reader of the results should know about the data.

    Parameters
    ----------
    cache_limit : int
        In bytes, see ``ImageCache.keep_below``.
    on_image : callable
        Called with (category, images decoded, images in total).

    Raises
    ------
    InputError
        If weights or images are not available.
    """
    networks = dict.fromkeys(spec.method.network for spec in specs)
    for network in networks:
        if profile.weights != "none" and network not in profile.weights_files:
            check_pretrained(network, weights_dir)
    if unused := [network for network in profile.weights_files if network not in networks]:
        logger.info(f"weights_files of {', '.join(unused)} are not used: no run has that network")
    categories = list(dict.fromkeys(spec.category for spec in specs))
    if message := cache.keep_below(cache_limit, dataset, categories, profile.image_size):
        logger.info(message)
    for category in categories:
        arrays = cache.arrays(dataset, category, profile.image_size, partial(on_image, category))
        for note in notes(arrays.manifest):
            logger.info(f"{category}: {note}")
        draws = {
            (spec.shots, draw_seed(spec.protocol.draws, spec.seed)): spec.draw
            for spec in specs
            if spec.category == category
        }
        for (shots, seed), draw in draws.items():
            for note in resized_mask_notes(arrays, draw):
                logger.info(f"{category}, {shots}-shot, seed {seed}: {note}")

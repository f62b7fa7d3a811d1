"""The images that the options name."""

from __future__ import annotations

import argparse

from benchmark.data.datasets import DataSet, ImageList, open_dataset, open_list
from benchmark.data.image_cache import ImageCache


def chosen_dataset(options: argparse.Namespace, cache: ImageCache) -> DataSet:
    """Return the images that the options name, read as they say; InputError if they cannot be used."""
    return open_dataset(options.dataset, options.data_root, cache, options.masks_hold, options.strict)


def chosen_list(options: argparse.Namespace) -> ImageList:
    """Return the list of these images; MVTec AD's without a root."""
    return open_list(options.dataset, options.data_root, options.cache, options.masks_hold, options.strict)

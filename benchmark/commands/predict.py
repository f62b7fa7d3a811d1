"""``predict``: mark the defects in images with a kept model."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from baselines.errors import InputError
from benchmark.data.progress import show_progress
from benchmark.devices import check_names
from benchmark.models.find import Photo, find_model, find_photos
from benchmark.results.model_file import ModelDescription, read_description
from reports.predictions import TABLE, check_out, open_predictions

DEFAULT_OVERLAP = 0.25
MOST_THREADS = 1024

logger = logging.getLogger(__name__)


def do(options: argparse.Namespace) -> int:
    """Write the predictions; return 1 if an image could not be read."""
    check_names(options.device)
    check_numbers(options)
    path = find_model(options.model, options.results)
    description = read_description(path)
    threshold = chosen_threshold(options.threshold, description)
    check_out(options.out, options.overwrite)
    photos, unusable = find_photos(options.images, options.out)
    try:
        without = [*unusable, *write(options, path, photos, threshold)]
    except KeyboardInterrupt:
        raise KeyboardInterrupt("nothing was written") from None
    for line in without:
        logger.warning(line)
    if without:
        logger.warning(f"{len(without)} of {len(photos) + len(unusable)} images have no prediction")
    return 1 if without else 0


def check_numbers(options: argparse.Namespace) -> None:
    """Check ``--threads``, ``--tile`` and ``--overlap``; InputError if they cannot be used."""
    if options.threads is not None and not 1 <= options.threads <= MOST_THREADS:
        raise InputError(f"--threads must be from 1 to {MOST_THREADS}, got {options.threads}")
    if options.tile is None and options.overlap is not None:
        raise InputError("--overlap is that of tiles: add --tile PX")
    if options.tile is not None and options.tile < 16:
        raise InputError(f"--tile must be at least 16 px, got {options.tile}")
    if options.overlap is not None and not 0 <= options.overlap <= 0.9:
        raise InputError(f"--overlap must be from 0 to 0.9, got {options.overlap:g}")


def chosen_threshold(asked: str, description: ModelDescription) -> float:
    """Return the threshold that is asked for; InputError if it is not a probability."""
    known = {"protocol": description.protocol.threshold, "training": description.training_threshold}
    if asked in known:
        return known[asked]
    try:
        value = float(asked)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise InputError(f"--threshold must be protocol, training or a number between 0 and 1, got '{asked}'")
    return value


def write(options: argparse.Namespace, path: Path, photos: Sequence[Photo], threshold: float) -> list[str]:
    """Predict the images and return a line for each that could not be read; InputError if none could."""
    from benchmark.devices import choose_device  # torch, for which a refusal should not wait
    from benchmark.models.predict import Tiling, predict
    from benchmark.models.trained import load_model

    model = load_model(path, choose_device(options.device), options.threads)
    overlap = DEFAULT_OVERLAP if options.overlap is None else options.overlap
    tiling = None if options.tile is None else Tiling(options.tile, overlap)
    errors = []
    with open_predictions(options.out) as folder, show_progress("predicting", len(photos), "images") as advance:
        for photo, found in predict(model, photos, tiling):
            if isinstance(found, InputError):
                errors.append(str(found))
            else:
                folder.add(photo.path, photo.name, found.image, found.probability, found.seen, threshold)
                advance(1)
        if not folder.rows:
            raise InputError(f"{errors[0]}; none of {len(photos)} images could be read" if errors[1:] else errors[0])
    anomalous = sum(row.anomalous for row in folder.rows)
    print(f"{len(folder.rows)} images, {anomalous} of them anomalous at threshold {threshold:g}")
    print(f"predictions: {options.out / TABLE}")
    return errors

"""Readings: what the paper leaves open in scoring a finished run, and the run's scores under each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, get_args, get_type_hints

import numpy as np
import pandas as pd
from msgspec import Struct
from msgspec.structs import replace

from baselines.errors import InputError, unknown_name
from benchmark.data.manifest import GOOD
from benchmark.results.metrics import best_edge, rank
from benchmark.results.predictions import Predictions
from benchmark.score import METRICS, dice, iou, scored

Threshold = Literal["fixed", "training", "test"]
Reduction = Literal["per_image", "pooled"]
Images = Literal["defective", "all"]
EmptyPrediction = Literal["zero", "left_out"]
EmptyMask = Literal["one", "zero", "left_out"]
Runs = Literal["all", "converged"]


class Reading(Struct, frozen=True):
    """How finished runs are scored; the defaults are how tables are made.

    Attributes
    ----------
    threshold : {"fixed", "training", "test"}
        From which probability on a pixel is predicted defective: the profile's ``threshold``, or each run's own, with
        the best mean IOU over its annotated training images, or over its defective test images.
    reduction : {"per_image", "pooled"}
        IOU and DC are means over images, or those of the summed TP, FP and FN of the images.
    images : {"defective", "all"}
        Which test images count for IOU and DC. A defective image whose mask resizing has emptied never does.
    empty_prediction : {"zero", "left_out"}
        A defective image without a predicted pixel; Eq. (8) gives 0.
    empty_mask : {"one", "zero", "left_out"}
        A normal image without a predicted pixel, for which Eq. (8) gives 0 / 0; with one it is 0.
    runs : {"all", "converged"}
        Which runs count in means.

    Examples
    --------
    >>> Reading() == parse_reading([]), str(parse_reading(["images=all", "empty_mask=zero"]))
    (True, 'images=all empty_mask=zero')
    """

    threshold: Threshold = "fixed"
    reduction: Reduction = "per_image"
    images: Images = "defective"
    empty_prediction: EmptyPrediction = "zero"
    empty_mask: EmptyMask = "one"
    runs: Runs = "all"

    def __str__(self) -> str:
        """The fields that differ from the defaults, as ``parse_reading`` takes them; "" if none does."""
        changed = ((name, getattr(self, name)) for name in CHOICES)
        return " ".join(f"{name}={value}" for name, value in changed if value != getattr(DEFAULT, name))

    @property
    def without_effect(self) -> dict[str, str]:
        """The fields that change nothing, each with the field and value that is the reason."""
        if self.reduction == "pooled":
            return dict.fromkeys(("empty_prediction", "empty_mask"), "reduction=pooled")
        return {"empty_mask": "images=defective"} if self.images == "defective" else {}

    def describe(self, threshold: float, of_images: bool = False) -> str:
        """Return the reading in a sentence.

        Parameters
        ----------
        threshold : float
            The profile's.
        of_images : bool
            Of ACC and AUC rather than of IOU and DC.
        """
        at = {
            "fixed": f"at the threshold {threshold:g}",
            "training": "at each run's own threshold, that with the best mean IOU on its training images",
            "test": "at each run's own threshold, that with the best mean IOU on its defective test images (chosen on "
            "the images that it is tested on)",
        }[self.threshold]
        runs = {"all": "all finished runs", "converged": "converged runs only"}[self.runs]
        if of_images:
            return f"ACC and AUC {at}; {runs}."
        over = {
            ("per_image", "defective"): "mean over the defective test images",
            ("per_image", "all"): "mean over all test images",
            ("pooled", "defective"): "of all pixels of the defective test images together",
            ("pooled", "all"): "of all pixels of all test images together",
        }[self.reduction, self.images]
        parts = [f"IOU and DC {at}, {over}"]
        if "empty_prediction" not in self.without_effect:
            counts = {"zero": "counts 0", "left_out": "is left out"}[self.empty_prediction]
            parts.append(f"a defective image without a predicted pixel {counts}")
        if "empty_mask" not in self.without_effect:
            counts = {
                "one": "counts 1 without a predicted pixel and 0 with one",
                "zero": "counts 0",
                "left_out": "is left out without a predicted pixel and counts 0 with one",
            }[self.empty_mask]
            parts.append(f"a normal image {counts}")
        return "; ".join([*parts, runs]) + "."


# The values of each field, the default first.
CHOICES: dict[str, tuple[str, ...]] = {name: get_args(kind) for name, kind in get_type_hints(Reading).items()}
DEFAULT = Reading()


def parse_reading(assignments: Sequence[str]) -> Reading:
    """Return a reading from ``FIELD=VALUE``; fields that are not named have their defaults.

    Raises
    ------
    InputError
        If a field or value is unknown, named twice, or has no effect beside the others.
    """
    given: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if name not in CHOICES:
            raise unknown_name("field of --reading", name, CHOICES)
        if not equals or value not in CHOICES[name]:
            raise InputError(f"--reading {name} must be one of {', '.join(CHOICES[name])}, got {value or 'nothing'!r}")
        if name in given:
            raise InputError(f"--reading names {name} twice")
        given[name] = value
    reading = Reading(**given)  # type: ignore[arg-type]  # they were checked above
    for name, reason in reading.without_effect.items():
        if name in given:
            raise InputError(f"--reading {name} has no effect with {reason}: leave {name} out")
    return reading


def _all_readings() -> tuple[Reading, ...]:
    combined = (Reading(*values) for values in product(*CHOICES.values()))  # type: ignore[arg-type]
    return tuple(
        reading
        for reading in combined
        if all(getattr(reading, name) == getattr(DEFAULT, name) for name in reading.without_effect)
    )


# Every reading once: fields without effect have their defaults. The default comes first.
READINGS = _all_readings()
# Those that differ in the scores of one run.
RUN_READINGS = tuple(reading for reading in READINGS if reading.runs == "all")


def for_one_run(reading: Reading) -> Reading:
    """Return the one of ``RUN_READINGS`` that scores a run as this reading does."""
    return replace(reading, runs="all")


def score_readings(
    images: pd.DataFrame,
    predictions: Predictions | None,
    threshold: float,
    readings: Sequence[Reading] = RUN_READINGS,
) -> np.ndarray:
    """Score one run under some readings; which runs count has no effect on it.

    Parameters
    ----------
    images : pd.DataFrame
        Rows with ``score.IMAGE_COLUMNS``.
    predictions : Predictions or None
        None for a run stored before format 3, which has no scores at other thresholds than its own.
    threshold : float
        That ``images`` were counted at.
    readings : sequence of Reading

    Returns
    -------
    np.ndarray, float64, shape (readings, 4)
        ``score.METRICS`` in [0, 1]; NaN where undefined.
    """
    normal: np.ndarray = images["label"].to_numpy() == GOOD
    marked: np.ndarray = scored(images).to_numpy()
    needed = dict.fromkeys(reading.threshold for reading in readings)
    counts = {name: _counts(images, predictions, threshold, name) for name in needed}
    of_images = {name: [np.nan] * 2 if found is None else _of_images(found, ~normal) for name, found in counts.items()}
    values = np.full((len(readings), len(METRICS)), np.nan)
    by_image = {name: (iou(*found), dice(*found)) for name, found in counts.items() if found is not None}
    for row, reading in zip(values, readings, strict=True):
        found = counts[reading.threshold]
        if found is not None:
            rows = marked if reading.images == "defective" else marked | normal
            overlap = _overlap(found[:, rows], [each[rows] for each in by_image[reading.threshold]], reading)
            row[:] = [*overlap, *of_images[reading.threshold]]
    return values


def _counts(
    images: pd.DataFrame, predictions: Predictions | None, threshold: float, chosen: Threshold
) -> np.ndarray | None:
    """Return TP, FP and FN of every image, int64 (3, images); None where no threshold can be chosen."""
    if chosen == "fixed":
        stored: np.ndarray = images[["tp", "fp", "fn"]].to_numpy().T
        return stored
    if predictions is None:
        return None
    test = predictions.test
    edge = best_edge(predictions.training if chosen == "training" else test, threshold)
    if edge is None:
        return None
    fp, tp = (pixels[:, edge + 1 :].sum(axis=1) for pixels in (test.normal, test.defective))
    return np.stack([tp, fp, test.defective.sum(axis=1) - tp])


def _overlap(counts: np.ndarray, by_image: Sequence[np.ndarray], reading: Reading) -> list[float]:
    """Return IOU and DC from TP, FP and FN of the images that count and their own IOU and DC; NaN without any."""
    if not counts.shape[1]:
        return [np.nan, np.nan]
    if reading.reduction == "pooled":
        pooled = counts.sum(axis=1)
        return [iou(*pooled), dice(*pooled)]
    tp, fp, fn = counts
    empty = tp + fp == 0
    replaced = {"zero": 0.0, "one": 1.0, "left_out": np.nan}
    found = []
    for values in by_image:  # copies: they were taken by a mask
        values[empty & (fn > 0)] = replaced[reading.empty_prediction]
        values[empty & (fn == 0)] = replaced[reading.empty_mask]
        known = values[~np.isnan(values)]
        found.append(float(known.mean()) if len(known) else np.nan)
    return found


def _of_images(counts: np.ndarray, defective: np.ndarray) -> list[float]:
    """Return AUC and ACC of images scored by their predicted area, in the order of ``METRICS``."""
    if defective.all() or not defective.any():
        return [np.nan, np.nan]
    area = counts[0] + counts[1]
    scores, place = np.unique(area, return_inverse=True)
    ranked = rank(*(np.bincount(place[kind], minlength=len(scores)) for kind in (~defective, defective)))
    return [ranked.auroc, float(((area >= 1) == defective).mean())]

"""One run, from images to a result: build the network, train it, score it. Stores nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from baselines import create_network
from baselines.errors import InputError
from baselines.networks import SegmentationNetwork
from baselines.pasting import get_pasting
from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.data.notes import notes
from benchmark.devices import choose_device
from benchmark.environment import describe_environment, prepare_torch
from benchmark.histograms import Histograms, image_histogram, stack
from benchmark.protocol.draws import Draw
from benchmark.protocol.runs import RunSpec
from benchmark.random_streams import stream
from benchmark.results.metrics import best_threshold
from benchmark.results.model_file import KeptModel, digest_pixels
from benchmark.results.predictions import Predictions
from benchmark.results.records import Convergence, Status, Timings
from benchmark.results.run_result import RunResult
from benchmark.score import IMAGE_COLUMNS, boundary_counts, count_image, roc_points, summarise
from benchmark.training.liveness import measure_liveness
from benchmark.training.log import mean_iou
from benchmark.training.predict import BATCH_SIZE, NORMALISATIONS, Predictor
from benchmark.training.samples import choose_samples, pasted_samples
from benchmark.training.train import train

# The smallest share of defect pixels that an output prior assumes: an empty mask still gives a finite bias.
_SMALLEST_PRIOR = 1e-4
# A network that finds less than this share of the defect pixels of its own training images has not converged.
CONVERGED_SHARE = 0.01


@dataclass(frozen=True)
class RunContext:
    """The data and the machine of a run; nothing here changes a result. It can be pickled.

    Attributes
    ----------
    dataset : DataSet
    cache : ImageCache
    device : torch.device or None
        None to choose one in each process.
    weights_dir : Path or None
        Folder of pretrained weights; None for torch's cache, to which missing files are downloaded.
    keep_model : bool
        Whether the result includes the trained network.
    """

    dataset: DataSet
    cache: ImageCache = field(default_factory=ImageCache)
    device: torch.device | None = None
    weights_dir: Path | None = None
    keep_model: bool = False

    def choose_device(self) -> torch.device:
        """Return the device of this process; InputError if it has none of that name."""
        return choose_device(str(self.device or "auto"))


def train_and_score(spec: RunSpec, context: RunContext, on_step: Callable[[int], None] = lambda _: None) -> RunResult:
    """Train and score one run; bit-for-bit reproducible on machines of one kind.

    Parameters
    ----------
    on_step : callable
        Called with the number of finished iterations, and with all of them after each image that is scored.

    Raises
    ------
    InputError
        If the data or the pretrained weights cannot be used; ``WeightsFileError`` if it is a user's file.
    TrainingDivergedError
        If the loss is not finite.
    """
    device = context.choose_device()
    prepare_torch(spec.protocol.threads, spec.protocol.precision)
    arrays = context.cache.arrays(context.dataset, spec.category, spec.protocol.image_size)
    if arrays.manifest.digest != spec.data_digest:
        raise InputError(f"the images of category {spec.category} changed since the run was planned: run again")

    started = time.perf_counter()
    network = build_network(spec, context, arrays)
    log = train(network, spec, arrays, device, on_step)
    trained = time.perf_counter()
    predictor = Predictor(network, spec.protocol, device)
    scores = score_images(predictor, arrays, spec.draw.test, lambda: on_step(spec.protocol.iterations))
    metrics = summarise(scores.images)
    log = log.with_final_iou(metrics.iou, spec.protocol.curve_every)
    training = score_images(predictor, arrays, spec.draw.shots)
    convergence = measure_convergence(training.images)
    liveness = measure_liveness(predictor, arrays, spec.draw.test)
    scored = time.perf_counter()

    samples = [*choose_samples(arrays, spec.draw, scores.images, scores.pictures)]
    if spec.method.recipe.paste_weight == "realism":
        pasting = get_pasting(spec.method.recipe.pasting)
        samples += pasted_samples(arrays, spec.draw, spec.seed, pasting, predictor.realism)
    return RunResult(
        status=Status.DONE if convergence.share >= CONVERGED_SHARE else Status.NOT_CONVERGED,
        metrics=metrics,
        images=scores.images,
        curve=log.curve,
        gradients=log.gradients,
        roc=roc_points(scores.images),
        predictions=Predictions(scores.histograms, training.histograms, scores.max_logit, scores.boundary),
        samples=tuple(samples),
        convergence=convergence,
        liveness=liveness,
        terms=log.terms,
        timings=Timings(round(trained - started, 3), round(scored - trained, 3)),
        environment=describe_environment(device),
        notes=(*notes(arrays.manifest), *resized_mask_notes(arrays, spec.draw)),
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        pretrained=asdict(network.pretrained) if network.pretrained else None,
        model=keep_model(predictor, arrays, spec.draw, training.histograms) if context.keep_model else None,
    )


def build_network(spec: RunSpec, context: RunContext, arrays: CategoryArrays) -> SegmentationNetwork:
    """Build the run's network on its device; methods that share a network start from the same weights."""
    protocol = spec.protocol
    seed = int(stream("initial weights", spec.category, spec.shots, spec.seed).integers(2**63))
    torch.manual_seed(seed)
    weights = None if protocol.weights == "none" else protocol.weights
    network = create_network(
        spec.method.network, weights, protocol.width, context.weights_dir, weights_file=spec.weights_file
    )
    if protocol.output_prior == "masks":
        share = float(arrays.masks[list(spec.draw.shots)].mean())
        network.set_output_prior(min(max(share, _SMALLEST_PRIOR), 0.5))
    # The memory layout that convolutions of CPUs and tensor cores work on; it changes no value.
    network.to(context.choose_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


@dataclass(frozen=True)
class Scores:
    """The scored images of a run, in the order they were given.

    Attributes
    ----------
    images : pd.DataFrame
        ``IMAGE_COLUMNS``, one row per image.
    histograms : Histograms
    max_logit : np.ndarray, float32, shape (images,)
    boundary : np.ndarray, int64, shape (images, 3)
        As ``boundary_counts`` returns them.
    pictures : dict
        Index in the manifest to probability times 255, uint8 (H, W).
    """

    images: pd.DataFrame
    histograms: Histograms
    max_logit: np.ndarray
    boundary: np.ndarray
    pictures: dict[int, np.ndarray]


def score_images(
    predictor: Predictor, arrays: CategoryArrays, indices: Sequence[int], on_image: Callable[[], None] = lambda: None
) -> Scores:
    """Predict and score images.

    Parameters
    ----------
    on_image : callable
        Called after each image.
    """
    rows, histograms, largest, boundary, pictures = [], [], [], [], {}
    threshold = predictor.protocol.threshold
    for index, logit, probability in predictor.predict(arrays, indices):
        record, truth = arrays.manifest.records[index], arrays.masks[index]
        rows.append({"name": record.name, "label": record.label, **count_image(probability, truth, threshold)})
        histograms.append(image_histogram(logit, truth))
        largest.append(logit.max())
        boundary.append(boundary_counts(probability >= threshold, truth))
        pictures[index] = np.rint(probability * 255).astype(np.uint8)
        on_image()
    return Scores(
        pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)),
        stack(histograms),
        np.array(largest, dtype=np.float32),
        np.array(boundary, dtype=np.int64),
        pictures,
    )


def measure_convergence(images: pd.DataFrame) -> Convergence:
    """Return how much of its own training defects a network finds, from the pixel counts of its training images."""
    train_iou = mean_iou(images.to_dict("records"))
    found, annotated = int(images["tp"].sum()), int((images["tp"] + images["fn"]).sum())
    return Convergence(found / max(1, annotated), 0.0 if math.isnan(train_iou) else train_iou)


def keep_model(predictor: Predictor, arrays: CategoryArrays, draw: Draw, training: Histograms) -> KeptModel:
    """Return a trained network as it is kept; ``training`` are the histograms of its training images."""
    alone = len(draw.test) % BATCH_SIZE == 1
    return KeptModel(
        weights=predictor.network.state_dict(),
        normalisation=NORMALISATIONS[predictor.protocol.image_normalisation],
        training_threshold=best_threshold(training, predictor.protocol.threshold),
        scored_alone=digest_pixels(arrays.images[draw.test[-1]]) if alone else "",
    )


def resized_mask_notes(arrays: CategoryArrays, draw: Draw) -> list[str]:
    """Return a sentence on the test images, and one on the training images, whose masks resizing has emptied."""
    records, lost = arrays.manifest.records, arrays.masks_lost_by_resizing
    found = []
    for role, indices, effect in (
        ("test", draw.test, "they count for AUC and ACC, not for IOU and DC"),
        ("training", draw.shots, "nothing can be learned from them; use a larger image_size"),
    ):
        if count := sum(records[index].name in lost for index in indices):
            found.append(f"{count} defective {role} images have no mask pixel left at {arrays.size} px: {effect}")
    return found

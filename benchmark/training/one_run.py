"""One run, from images to a result: build the network, train it, score it. Stores nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from baselines import create_network
from baselines.errors import InputError
from baselines.networks import SegmentationNetwork
from benchmark.data.datasets import DataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.data.manifest import notes
from benchmark.devices import choose_device
from benchmark.environment import describe_environment, prepare_torch
from benchmark.protocol.draws import Draw
from benchmark.protocol.runs import RunSpec
from benchmark.random_streams import stream
from benchmark.results.records import Convergence, Status, Timings
from benchmark.results.run_result import RunResult, Sample
from benchmark.score import IMAGE_COLUMNS, count_image, histogram, iou, roc_points, summarise
from benchmark.training.predict import Predictor
from benchmark.training.samples import choose_samples, paste_samples
from benchmark.training.train import train

# Of a masks' share of its image: an empty mask still gives a finite start.
_SMALLEST_PRIOR = 1e-4
# A method whose predictions cover less than this share of its own training defects has not learned them.
CONVERGED_AREA = 0.01


@dataclass(frozen=True)
class RunContext:
    """Where a run finds what it needs; nothing here changes a result. It can be sent to other processes.

    Attributes
    ----------
    dataset : DataSet
    cache : ImageCache
    device : torch.device or None
        None for what each process has.
    weights_dir : Path or None
        Where pretrained files lie; torch's own cache, downloaded into if need be, if None.
    """

    dataset: DataSet
    cache: ImageCache = field(default_factory=ImageCache)
    device: torch.device | None = None
    weights_dir: Path | None = None

    def choose_device(self) -> torch.device:
        """Return the device of this process; InputError if it is not there."""
        return choose_device(str(self.device or "auto"))


def train_and_score(spec: RunSpec, context: RunContext, on_step: Callable[[int], None] = lambda _: None) -> RunResult:
    """Train and score one run; repeatable to the bit on one kind of machine.

    Parameters
    ----------
    on_step : callable
        Called with the number of iterations done; while scoring again and again with all of them.

    Raises
    ------
    InputError
        If the data or the pretrained weights cannot be used.
    TrainingDivergedError
        If the loss is not finite.
    """
    protocol, device = spec.protocol, context.choose_device()
    prepare_torch(protocol.threads)
    arrays = context.cache.arrays(context.dataset, spec.category, protocol.image_size)
    if arrays.manifest.digest != spec.data_digest:
        raise InputError(f"the images of category {spec.category} changed since the run was planned: run again")

    began = time.perf_counter()
    network = build_network(spec, context, arrays)
    curve = train(network, spec.method.recipe, arrays, spec.draw, protocol, spec.seed, device, on_step)
    trained = time.perf_counter()
    predictor = Predictor.under(protocol, network, device)
    images, histograms, predictions = score_images(
        predictor, arrays, spec.draw, protocol.threshold, lambda: on_step(protocol.iterations)
    )
    convergence = measure_convergence(predictor, arrays, spec.draw, protocol.threshold)
    scored = time.perf_counter()
    return RunResult(
        status=Status.DONE if convergence.share >= CONVERGED_AREA else Status.NOT_CONVERGED,
        metrics=summarise(images),
        images=images,
        curve=curve,
        roc=roc_points(images),
        histograms=histograms,
        samples=(
            *choose_samples(arrays, spec.draw, images, predictions),
            *_pasted_samples(predictor, arrays, spec),
        ),
        convergence=convergence,
        timings=Timings(round(trained - began, 3), round(scored - trained, 3)),
        environment=describe_environment(device),
        notes=(*notes(arrays.manifest), *resized_mask_notes(arrays, spec.draw)),
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        pretrained=network.pretrained,
    )


def build_network(spec: RunSpec, context: RunContext, arrays: CategoryArrays) -> SegmentationNetwork:
    """Return the run's network on its device; methods that share a network start from the same weights."""
    protocol = spec.protocol
    seed = int(stream("initial weights", spec.category, spec.shots, spec.seed).integers(2**63))
    torch.manual_seed(seed)
    weights = None if protocol.weights == "none" else protocol.weights
    network = create_network(spec.method.network, weights, protocol.width, context.weights_dir)
    if protocol.output_prior == "masks":
        share = float(arrays.masks[list(spec.draw.shots)].mean())
        network.set_output_prior(min(max(share, _SMALLEST_PRIOR), 0.5))
    # Channels last is what convolutions of CPUs and tensor cores work on; it changes the order in memory only.
    return network.to(context.choose_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]


def score_images(
    predictor: Predictor,
    arrays: CategoryArrays,
    draw: Draw,
    threshold: float,
    on_image: Callable[[], None] = lambda: None,
) -> tuple[pd.DataFrame, np.ndarray, dict[int, np.ndarray]]:
    """Predict every test image.

    Parameters
    ----------
    on_image : callable
        Called after each image.

    Returns
    -------
    images : pd.DataFrame
        ``IMAGE_COLUMNS``, in the order of ``draw.test``.
    histograms : np.ndarray, uint32, shape (images, 2, 256)
    predictions : dict
        Position in the manifest to probability times 255, uint8 (H, W).
    """
    rows, histograms, predictions = [], [], {}
    for index, probability in predictor.predict(arrays, draw.test):
        record, truth = arrays.manifest.records[index], arrays.masks[index]
        rows.append({"name": record.name, "label": record.label, **count_image(probability, truth, threshold)})
        histograms.append(histogram(probability, truth))
        predictions[index] = np.rint(probability * 255).astype(np.uint8)
        on_image()
    return pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), np.stack(histograms), predictions


def measure_convergence(predictor: Predictor, arrays: CategoryArrays, draw: Draw, threshold: float) -> Convergence:
    """Return how well a network marks its own training defects."""
    area, values = 0, []
    for index, probability in predictor.predict(arrays, draw.shots):
        counts = count_image(probability, arrays.masks[index], threshold)
        area += int(counts["predicted_area"])
        if arrays.masks[index].any():
            values.append(iou(counts["tp"], counts["fp"], counts["fn"]))
    marked = int(arrays.masks[list(draw.shots)].sum())
    return Convergence(area / max(1, marked), float(np.mean(values)) if values else 0.0)


def resized_mask_notes(arrays: CategoryArrays, draw: Draw) -> list[str]:
    """Return which of a draw's masks have no pixel left at this size, a sentence each for test and training images."""
    names = [record.name for record in arrays.manifest.records]
    found = []
    for what, indices, effect in (
        ("test", draw.test, "they count for AUC and ACC, not for IOU and DC"),
        ("training", draw.shots, "nothing can be learned from them; use a larger image_size"),
    ):
        lost = sum(names[index] in arrays.masks_lost_by_resizing for index in indices)
        if lost:
            found.append(f"{lost} defective {what} images have no mask pixel left at {arrays.size} px: {effect}")
    return found


def _pasted_samples(predictor: Predictor, arrays: CategoryArrays, spec: RunSpec) -> Iterator[Sample]:
    """Yield a few pasted images with their lambda, where the recipe weighs by it (Fig. 10)."""
    if spec.method.recipe.paste_weight == "realism":
        yield from paste_samples(arrays, spec.draw, spec.seed, predictor.paste_and_weigh)

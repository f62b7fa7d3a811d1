"""Training steps and predictions of each method, timed at a study's own settings on images of noise."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import torch
from msgspec import Struct

from baselines import create_network
from baselines.networks import SegmentationNetwork
from benchmark.data.image_cache import CategoryArrays
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.environment import prepare_torch
from benchmark.execution.cost import predicted_images
from benchmark.protocol.draws import Draw
from benchmark.protocol.identity import paste_probability
from benchmark.protocol.runs import RunSpec
from benchmark.training.predict import BATCH_SIZE, Predictor
from benchmark.training.train import train

# Steps are repeated for about so many seconds, at least twice and at most so often.
_BUDGET, _MOST_STEPS = 1.0, 20


class StepTime(Struct, frozen=True):
    """What one method costs on a device, for one K.

    Attributes
    ----------
    method : str
    shots : int
    step_seconds : float
        Of one iteration, pasted and other minibatches mixed as they occur; images are sent to the device meanwhile.
    image_seconds : float
        Of the prediction of one image.
    memory_bytes : int
        Peak memory of a CUDA device; 0 on others.
    runs : int
        Runs of the study that it stands for.
    hours : float
        Of all these runs, one after the other; without start-up and storing.
    """

    method: str
    shots: int
    step_seconds: float
    image_seconds: float
    memory_bytes: int
    runs: int
    hours: float


def measure_steps(specs: Iterable[RunSpec], device: torch.device) -> list[StepTime]:
    """Time the training steps and predictions of each method and K among some runs."""
    groups: dict[tuple[str, int], list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.method.name, spec.shots), []).append(spec)
    return [_measure(group, device) for group in groups.values()]


def _measure(group: Sequence[RunSpec], device: torch.device) -> StepTime:
    spec = group[0]
    protocol = spec.protocol
    prepare_torch(protocol.threads, protocol.precision)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    network = create_network(spec.method.network, width=protocol.width)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    arrays = _noise(protocol.image_size, protocol.batch_size)
    count = protocol.batch_size
    draw = Draw(tuple(range(count)), tuple(range(count, 2 * count)), tuple(range(2 * count)), (), ())
    short = replace(spec, draw=draw)
    share = paste_probability(spec.method.recipe, protocol)
    parts = [(always, part) for always, part in ((0.0, 1 - share), (1.0, share)) if part]
    step = sum(part * _step_seconds(network, short, arrays, device, always) for always, part in parts)
    image = _image_seconds(Predictor(network, protocol, device), arrays)
    seconds = sum(run.protocol.iterations * step + predicted_images(run) * image for run in group)
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return StepTime(spec.method.name, spec.shots, step, image, memory, len(group), seconds / 3600)


def _noise(size: int, count: int) -> CategoryArrays:
    """Return so many defective and then so many normal images of noise; a corner of the former is marked."""
    rng = np.random.default_rng(0)
    labels = ["defect"] * count + ["good"] * count
    records = [
        ImageRecord("train", label, f"train/{label}/{number}.png", "", defect_pixels=int(label == "defect"))
        for number, label in enumerate(labels)
    ]
    masks = np.zeros((2 * count, size, size), dtype=bool)
    masks[:count, : size // 4, : size // 4] = True
    images = rng.integers(256, size=(2 * count, size, size, 3), dtype=np.uint8)
    return CategoryArrays(CategoryManifest("noise", "noise", "", tuple(records)), images, masks)


def _step_seconds(
    network: SegmentationNetwork, spec: RunSpec, arrays: CategoryArrays, device: torch.device, paste: float
) -> float:
    def seconds(steps: int) -> float:
        changes = {"iterations": steps, "curve_every": 0, "crop_paste": paste, "baseline_crop_paste": paste}
        # A tiny learning rate: labels of noise could make the loss diverge.
        protocol = msgspec.structs.replace(spec.protocol, learning_rate=1e-9, **changes)
        _wait(device)
        started = time.perf_counter()
        train(network, replace(spec, protocol=protocol), arrays, device)
        _wait(device)
        return (time.perf_counter() - started) / steps

    seconds(1)  # kernels are chosen and memory is allocated
    return seconds(int(np.clip(_BUDGET / seconds(2), 2, _MOST_STEPS)))


def _image_seconds(predictor: Predictor, arrays: CategoryArrays) -> float:
    images = np.resize(arrays.images, (BATCH_SIZE, *arrays.images.shape[1:]))
    times = []
    for _ in range(3):
        started = time.perf_counter()
        predictor.probabilities(images)  # returned to the processor, so it waits
        times.append(time.perf_counter() - started)
    return min(times) / BATCH_SIZE


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)

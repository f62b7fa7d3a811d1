"""One run: build, train, score and store it; its failure is recorded, not raised."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from baselines import InputError, create_network
from baselines.networks import SegmentationNetwork
from benchmark.claims import ClaimLostError, Claims
from benchmark.data.cache import CategoryArrays, load_arrays
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import notes
from benchmark.devices import choose_device
from benchmark.environment import describe_environment, prepare_torch
from benchmark.predict import paste_and_weigh, predict
from benchmark.random_streams import stream
from benchmark.runs import RunSpec
from benchmark.samples import Sample, choose_samples, paste_samples
from benchmark.score import IMAGE_COLUMNS, count_image, histogram, roc_points, summarise
from benchmark.store import ResultStore, RunResult
from benchmark.train import mean_iou, train

# Of a masks' share of its image: an empty mask still gives a finite start.
_SMALLEST_PRIOR = 1e-4
# A method whose predictions cover less than this share of its own training defects has not learned them.
CONVERGED_AREA = 0.01
LESS_MEMORY = "memory ran out: use fewer --jobs, or a smaller batch_size or image_size with --set"
# What torch says on CPUs and in libraries that have no exception of their own for it.
_MEMORY_SIGNS = ("can't allocate memory", "out of memory", "defaultcpuallocator")


@dataclass(frozen=True)
class Workplace:
    """Where and on what runs are done; nothing here changes a result.

    Attributes
    ----------
    dataset : DataSet
    cache : Path or None
        Of decoded images; each machine's own if None.
    results : Path
    device : torch.device or None
        None for what each process has.
    weights_dir : Path or None
        Where pretrained files lie; torch's own cache, downloaded into if need be, if None.
    """

    dataset: DataSet
    cache: Path | None
    results: Path
    device: torch.device | None = None
    weights_dir: Path | None = None

    def choose_device(self) -> torch.device:
        """Return the device of this process; InputError if it is not there."""
        return choose_device(str(self.device or "auto"))


@dataclass(frozen=True)
class Finished:
    """How one run ended.

    Attributes
    ----------
    spec : RunSpec
    status : {"done", "not_converged", "failed", "stored", "claimed"}
        ``stored``: another process had stored it; ``claimed``: another process is training it. Both: nothing was done.
    metrics : dict
        Empty unless it was done here.
    error : str
        Empty unless it failed.
    seconds : float
        Wall time.
    """

    spec: RunSpec
    status: str
    metrics: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0

    @classmethod
    def elsewhere(cls, spec: RunSpec) -> Finished:
        """Return that another process is training a run."""
        return cls(spec, "claimed")


@dataclass(frozen=True)
class Failure:
    """Why a run ended without a result: a message for people, and more for the record."""

    message: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What is done with each run; can be sent to other processes where ``on_step`` is None.

    Attributes
    ----------
    place : Workplace
    timeout : float or None
        Seconds after which a run fails.
    earlier : mapping
        The failures that were recorded before, as ``read_failures`` gives them: these runs are tried again, what
        another process recorded since is taken as it is.
    on_step : callable or None
        Called with (run, iterations done), while scoring again and again with all of them.
    """

    place: Workplace
    timeout: float | None = None
    earlier: Mapping[str, str] = field(default_factory=dict)
    on_step: Callable[[RunSpec, int], None] | None = None

    def __call__(self, spec: RunSpec) -> Finished | InputError:
        """Do one run and store it, or its failure; nothing if another process does it or has done it.

        An ``InputError``, which ends the study, is returned, so that every kind of worker passes it.
        """
        started = time.perf_counter()
        try:
            with Claims(self.place.results).claim(spec.id) as claim:
                if claim is None:
                    return Finished.elsewhere(spec)
                if settled := self.settled(spec):
                    return settled
                try:
                    outcome = self.attempt(spec, claim.check)
                    claim.confirm()
                except ClaimLostError:
                    return Finished.elsewhere(spec)
                return self.keep(spec, outcome, time.perf_counter() - started)
        except InputError as error:
            return error

    def attempt(self, spec: RunSpec, check: Callable[[], None] = lambda: None) -> RunResult | Failure:
        """Train and score one run; store nothing.

        Parameters
        ----------
        check : callable
            Called often; what it raises ends the run.

        Raises
        ------
        ClaimLostError
            From ``check``.
        """
        started = time.perf_counter()

        def on_step(iteration: int) -> None:
            check()
            if self.timeout is not None and time.perf_counter() - started > self.timeout:
                raise TimeoutError(
                    f"after {self.timeout:g} s (--timeout) it had done {iteration} of {spec.protocol['iterations']} "
                    "iterations: give it more time, or fewer iterations"
                )
            if self.on_step:
                self.on_step(spec, iteration)

        try:
            return run(spec, self.place, on_step)
        except ClaimLostError:
            raise
        except Exception as error:  # whatever a method raises is that run's failure, not the study's
            environment = describe_environment(self.place.choose_device())
            details = {"traceback": traceback.format_exc(), "environment": environment}
            return Failure(f"{type(error).__name__}: {error}{_advice(error)}", details)

    def keep(self, spec: RunSpec, outcome: RunResult | Failure, seconds: float) -> Finished:
        """Store what an attempt came to.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        store = ResultStore(self.place.results)
        if isinstance(outcome, Failure):
            store.save_failure(spec, outcome.message, outcome.details | {"created": _now()})
            return Finished(spec, "failed", error=outcome.message, seconds=seconds)
        store.save(spec, outcome)
        return Finished(spec, outcome.status, outcome.metrics, "", seconds)

    def settled(self, spec: RunSpec) -> Finished | None:
        """Return how a run ended in another process; None if it did not."""
        store = ResultStore(self.place.results)
        if store.has(spec.id):
            return Finished(spec, "stored")
        failure = read_failures(store, [spec]).get(spec.id)
        if failure is None or failure == self.earlier.get(spec.id):
            return None
        return Finished(spec, "failed", error=error_of(failure))


def read_failures(store: ResultStore, specs: Sequence[RunSpec]) -> dict[str, str]:
    """Return the recorded failures of runs that are not stored: the run's id to what is written about it."""
    found = {}
    for spec in specs:
        with suppress(FileNotFoundError):
            text = (store.failures / f"{spec.id}.json").read_text(encoding="utf-8", errors="replace")
            if not store.has(spec.id):
                found[spec.id] = text
    return found


def error_of(failure: str) -> str:
    """Return the error of a recorded failure."""
    try:
        return str(json.loads(failure)["error"])
    except (ValueError, KeyError, TypeError):
        return "its record under failures/ cannot be read"


def _advice(error: Exception) -> str:
    words = str(error).lower()
    lacks_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(sign in words for sign in _MEMORY_SIGNS)
    )
    return f" ({LESS_MEMORY})" if lacks_memory else ""


def run(spec: RunSpec, place: Workplace, on_step: Callable[[int], None] = lambda _: None) -> RunResult:
    """Train and score one run; repeatable to the bit on one kind of machine.

    Raises
    ------
    InputError
        If the data or the pretrained weights cannot be used.
    TrainingDivergedError
        If the loss is not finite.
    """
    protocol, device = spec.protocol, place.choose_device()
    prepare_torch(protocol["threads"])
    arrays = load_arrays(place.dataset, spec.category, protocol["image_size"], place.cache)
    if arrays.manifest.digest != spec.data_digest:
        raise InputError(f"the images of category {spec.category} changed since the run was planned: run again")

    began = time.perf_counter()
    network = build(spec, place, arrays)
    curve = train(network, spec.method.recipe, arrays, spec.draw, protocol, spec.seed, device, on_step)
    trained = time.perf_counter()
    images, histograms, predictions = score_images(
        network, arrays, spec, device, lambda: on_step(protocol["iterations"])
    )
    converged = convergence(network, arrays, spec, device)
    scored = time.perf_counter()
    return RunResult(
        status="done" if converged["share"] >= CONVERGED_AREA else "not_converged",
        metrics=summarise(images),
        images=images,
        curve=curve,
        roc=roc_points(images),
        histograms=histograms,
        samples=(*choose_samples(arrays, spec.draw, images, predictions), *pasted(network, arrays, spec, device)),
        details={
            "convergence": converged,
            "notes": notes(arrays.manifest) + vanished_notes(arrays, spec),
            "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
            "pretrained": network.pretrained,
            "timings": {"train_seconds": round(trained - began, 3), "score_seconds": round(scored - trained, 3)},
            "environment": describe_environment(device),
            "created": _now(),
        },
    )


def build(spec: RunSpec, place: Workplace, arrays: CategoryArrays) -> SegmentationNetwork:
    """Return the run's network on its device; methods that share a network start from the same weights."""
    seed = int(stream("initial weights", spec.category, spec.shots, spec.seed).integers(2**63))
    torch.manual_seed(seed)
    weights = None if spec.protocol["weights"] == "none" else spec.protocol["weights"]
    network = create_network(spec.method.network, weights, spec.protocol["width"], place.weights_dir)
    if spec.protocol["output_prior"] == "masks":
        share = float(arrays.masks[list(spec.draw.shots)].mean())
        network.set_output_prior(min(max(share, _SMALLEST_PRIOR), 0.5))
    # Channels last is what convolutions of CPUs and tensor cores work on; it changes the order in memory only.
    return network.to(place.choose_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]


def score_images(
    network: SegmentationNetwork,
    arrays: CategoryArrays,
    spec: RunSpec,
    device: torch.device,
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
        ``IMAGE_COLUMNS``, in the order of ``spec.draw.test``.
    histograms : np.ndarray, uint32, shape (images, 2, 256)
    predictions : dict
        Position in the manifest to probability times 255, uint8 (H, W).
    """
    rows, histograms, predictions = [], [], {}
    for index, probability in predict(network, arrays, spec.draw.test, spec.protocol, device):
        record, truth = arrays.manifest.records[index], arrays.masks[index]
        counts = count_image(probability, truth, spec.protocol["threshold"])
        rows.append({"name": record.name, "label": record.label, **counts})
        histograms.append(histogram(probability, truth))
        predictions[index] = np.rint(probability * 255).astype(np.uint8)
        on_image()
    return pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), np.stack(histograms), predictions


def pasted(
    network: SegmentationNetwork, arrays: CategoryArrays, spec: RunSpec, device: torch.device
) -> Iterator[Sample]:
    """Yield a few pasted images with their lambda, where the recipe weighs by it."""
    if spec.method.recipe.paste_weight == "realism":

        def paste(defective: np.ndarray, normal: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return paste_and_weigh(network, defective, normal, masks, spec.protocol, device)

        yield from paste_samples(arrays, spec.draw, spec.seed, paste)


def convergence(
    network: SegmentationNetwork, arrays: CategoryArrays, spec: RunSpec, device: torch.device
) -> dict[str, float]:
    """Return how much of its own training defects a network marks: ``share`` of the area, and mean ``train_iou``."""
    predicted = sum(
        int((probability >= spec.protocol["threshold"]).sum())
        for _, probability in predict(network, arrays, spec.draw.shots, spec.protocol, device)
    )
    marked = int(arrays.masks[list(spec.draw.shots)].sum())
    train_iou = mean_iou(network, arrays, spec.draw.shots, spec.protocol, device)
    return {"share": predicted / max(1, marked), "train_iou": 0.0 if np.isnan(train_iou) else train_iou}


def vanished_notes(arrays: CategoryArrays, spec: RunSpec) -> list[str]:
    """Return what resizing did to the masks of this run, a sentence each."""
    names = [record.name for record in arrays.manifest.records]
    said = []
    for what, indices, effect in (
        ("test", spec.draw.test, "they count for AUC and ACC, not for IOU and DC"),
        ("training", spec.draw.shots, "nothing can be learned from them; use a larger image_size"),
    ):
        lost = sum(names[index] in arrays.vanished for index in indices)
        if lost:
            said.append(f"{lost} defective {what} images have no mask pixel left at {arrays.size} px: {effect}")
    return said


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

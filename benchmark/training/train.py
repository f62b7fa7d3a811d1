"""Algorithm 1 of the paper for every method; the methods differ in their recipe."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from baselines import Recipe
from baselines.losses import crop_and_paste, nbr_loss, realism_weight, weighted_bce
from baselines.networks import SegmentationNetwork
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.profile import Protocol
from benchmark.protocol.runs import RunSpec
from benchmark.random_streams import stream
from benchmark.results.run_result import CURVE_COLUMNS, GRADIENT_COLUMNS
from benchmark.score import iou
from benchmark.training.gradients import encoder_stages, gradient_norms
from benchmark.training.predict import Predictor, autocast, to_input


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class Minibatch:
    """The images of one iteration.

    Attributes
    ----------
    defective, normal : Tensor, float, shape (m, 3, H, W)
    mask : Tensor, float, shape (m, 1, H, W)
        Zeros and ones.
    paste : bool
        Whether this minibatch takes the crop-and-paste branch.
    """

    defective: Tensor
    mask: Tensor
    normal: Tensor
    paste: bool


@dataclass(frozen=True)
class StepLosses:
    """The terms of one iteration; scalars, with gradient.

    Attributes
    ----------
    segmentation : Tensor
        Eq. (5) for a pasted batch, Eq. (7) otherwise.
    nbr : Tensor
        Eq. (3); zero for a recipe without it.
    realism : Tensor
        Mean lambda of the batch, Eq. (6); NaN if the recipe does not use it.
    """

    segmentation: Tensor
    nbr: Tensor
    realism: Tensor

    @property
    def total(self) -> Tensor:
        return self.segmentation + self.nbr


@dataclass(frozen=True)
class TrainingLog:
    """What was measured while a network was trained.

    Attributes
    ----------
    curve : pd.DataFrame
        ``CURVE_COLUMNS``, one row per iteration; ``test_iou`` every ``curve_every`` iterations.
    gradients : pd.DataFrame
        ``GRADIENT_COLUMNS``: L2 norms of the gradients of both loss terms in the encoder (stage 0) and in each of its
        stages, at the first iteration and every ``curve_every``.
    """

    curve: pd.DataFrame
    gradients: pd.DataFrame


def step_losses(network: SegmentationNetwork, recipe: Recipe, protocol: Protocol, batch: Minibatch) -> StepLosses:
    """Return the losses of one minibatch: the body of Algorithm 1's inner loop."""
    encoded = {}  # in the order in which batch norm sees them
    if recipe.nbr or recipe.normal_statistics:
        encoded["normal"] = batch.normal
    if recipe.nbr or recipe.paste_weight == "realism" or not batch.paste:
        encoded["defective"] = batch.defective
    if batch.paste:
        encoded["pasted"] = crop_and_paste(batch.defective, batch.normal, batch.mask)  # Eq. (4)
    features = encode_groups(network, encoded, protocol.batch_norm_passes, None if recipe.nbr else "normal")
    logits = network.decode(features["pasted" if batch.paste else "defective"]).float()
    deepest = {name: maps[-1].float() for name, maps in features.items()}

    weight = None
    if batch.paste and recipe.paste_weight == "realism":
        weight = realism_weight(deepest["defective"], deepest["pasted"], protocol.lambda_gradient)  # Eq. (6)
    segmentation = weighted_bce(logits, batch.mask, weight, protocol.bce_reduction)  # Eq. (5), or (7) without weight
    nbr = segmentation.new_zeros(())
    if recipe.nbr:  # Eqs. (1)-(3)
        nbr = nbr_loss(deepest["defective"], deepest["normal"], batch.mask, recipe.nbr, protocol.mask_downsample)
    realism = segmentation.new_full((), torch.nan) if weight is None else weight.mean()
    return StepLosses(segmentation, nbr, realism)


def encode_groups(
    network: SegmentationNetwork, groups: Mapping[str, Tensor], passes: str, without_loss: str | None = None
) -> dict[str, list[Tensor]]:
    """Encode groups of (N, 3, H, W) images; returns the feature maps of each group, shallow to deep.

    Parameters
    ----------
    passes : {"separate", "joint"}
        Whether batch norm sees one group after the other, or all of them at once.
    without_loss : str, optional
        A group that has no loss and only updates batch norm; in a pass of its own it needs no gradient.
    """
    if passes == "separate":
        features = {}
        for name, images in groups.items():
            with torch.set_grad_enabled(name != without_loss and torch.is_grad_enabled()):
                features[name] = network.encode(images)
        return features
    sizes = [len(images) for images in groups.values()]
    maps = [feature.split(sizes) for feature in network.encode(torch.cat(list(groups.values())))]
    return {name: [feature[i] for feature in maps] for i, name in enumerate(groups)}


def paste_probability(recipe: Recipe, protocol: Protocol) -> float:
    """Return the probability that a minibatch is pasted: Section III-E for the method, IV-C for the baselines."""
    return {"never": 0.0, "augmentation": protocol.baseline_crop_paste, "cap": protocol.crop_paste}[recipe.crop_paste]


def minibatches(spec: RunSpec, arrays: CategoryArrays, device: torch.device) -> Iterator[Minibatch]:
    """Yield minibatches without end, in the same order for every method of one (category, K, seed).

    A minibatch holds m different images; it repeats images only if fewer than m are available. Where the inner loop
    of Algorithm 1 passes over all normal images, its last minibatch repeats images to hold m.
    """
    draw, protocol = spec.draw, spec.protocol
    key = (spec.category, len(draw.shots), spec.seed)
    defect_rng, normal_rng, paste_rng = (
        stream(purpose, *key) for purpose in ("defect batches", "normal batches", "crop and paste")
    )
    probability = paste_probability(spec.method.recipe, protocol)
    shots, normals = list(draw.shots), np.array(draw.normals)
    shot_images = to_input(arrays.images[shots], protocol.image_normalisation, device)
    shot_masks = torch.from_numpy(arrays.masks[shots]).to(device).float().unsqueeze(1)

    def choose(rng: np.random.Generator, available: int) -> list[int]:
        indices: list[int] = rng.choice(
            available, protocol.batch_size, replace=protocol.batch_size > available
        ).tolist()
        return indices

    def inner_loop() -> Iterator[list[int]]:
        if protocol.normal_batches_per_defect_batch != "all":
            for _ in range(protocol.normal_batches_per_defect_batch):
                yield choose(normal_rng, len(normals))
            return
        order = normal_rng.permutation(len(normals)).tolist()
        for start in range(0, len(order), protocol.batch_size):
            part = order[start : start + protocol.batch_size]
            yield (part * protocol.batch_size)[: protocol.batch_size]

    while True:
        chosen = choose(defect_rng, len(shots))
        for of_normals in inner_loop():
            yield Minibatch(
                defective=shot_images[chosen],
                mask=shot_masks[chosen],
                normal=to_input(arrays.images[normals[of_normals]], protocol.image_normalisation, device),
                paste=bool(paste_rng.random() < probability),  # uses one number, whatever the probability
            )


def train(
    network: SegmentationNetwork,
    spec: RunSpec,
    arrays: CategoryArrays,
    device: torch.device,
    on_step: Callable[[int], None] = lambda _: None,
) -> TrainingLog:
    """Train a network in place (Algorithm 1, Section IV-E).

    Parameters
    ----------
    network : SegmentationNetwork
        On ``device``.
    spec : RunSpec
    arrays : CategoryArrays
        The images of the spec's category.
    on_step : callable
        Called with the number of finished iterations.

    Raises
    ------
    TrainingDivergedError
        If the loss is not finite.
    """
    protocol = spec.protocol
    predictor = Predictor(network, protocol, device)
    marked = [index for index in spec.draw.test if arrays.masks[index].any()]
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=protocol.learning_rate,
        betas=(protocol.adam_beta1, protocol.adam_beta2),
        fused=True,
    )
    batches = itertools.islice(minibatches(spec, arrays, device), protocol.iterations)
    terms: list[Tensor] = []
    pasted: list[bool] = []
    test_iou: dict[int, float] = {}
    gradients: list[tuple[float, ...]] = []
    stages = encoder_stages(network, device) if protocol.curve_every else []
    network.train()
    for iteration, batch in enumerate(batches, start=1):
        with autocast(protocol.precision, device):
            losses = step_losses(network, spec.method.recipe, protocol, batch)
        measured = protocol.curve_every > 0 and iteration % protocol.curve_every == 0
        if measured or (stages and iteration == 1):
            norms = (gradient_norms(term, stages) for term in (losses.segmentation, losses.nbr))
            gradients += [(iteration, stage, *pair) for stage, pair in enumerate(zip(*norms, strict=True))]
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()

        terms.append(torch.stack([losses.total, losses.segmentation, losses.nbr, losses.realism]).detach())
        pasted.append(batch.paste)
        if measured:
            test_iou[iteration] = mean_iou(predictor.count(arrays, marked))
        on_step(iteration)
    return TrainingLog(
        _curve(torch.stack(terms).cpu().numpy(), pasted, test_iou),
        pd.DataFrame(gradients, columns=list(GRADIENT_COLUMNS)),
    )


def mean_iou(counts: Iterable[Mapping[str, int | float]]) -> float:
    """Return the mean IOU of those images, as ``count_image`` counts them, whose mask marks a pixel; NaN if none.

    Examples
    --------
    >>> mean_iou([{"tp": 1, "fp": 1, "fn": 0}, {"tp": 0, "fp": 9, "fn": 0}])
    0.5
    """
    values = [iou(count["tp"], count["fp"], count["fn"]) for count in counts if count["tp"] + count["fn"]]
    return float(np.mean(values)) if values else float("nan")


def _curve(terms: np.ndarray, pasted: list[bool], test_iou: dict[int, float]) -> pd.DataFrame:
    finite = np.isfinite(terms[:, 0])
    if not finite.all():
        raise TrainingDivergedError(
            f"the loss is not finite from iteration {int(np.argmin(finite)) + 1} on; try a lower learning_rate"
        )
    iterations = np.arange(1, len(terms) + 1)
    curve = pd.DataFrame(terms, columns=["loss", "segmentation", "nbr", "realism"])
    curve.insert(0, "iteration", iterations)
    curve["pasted"] = np.array(pasted, dtype=int)
    curve["test_iou"] = [test_iou.get(int(iteration), np.nan) for iteration in iterations]
    return curve[list(CURVE_COLUMNS)]

"""Algorithm 1 of the paper, for every method: what differs between them is the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from baselines import Recipe
from baselines.losses import crop_and_paste, nbr_loss, realism_weight, weighted_bce
from baselines.networks import SegmentationNetwork
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.draws import Draw
from benchmark.protocol.profile import Protocol
from benchmark.random_streams import stream
from benchmark.results.run_result import CURVE_COLUMNS
from benchmark.score import iou
from benchmark.training.predict import Predictor, autocast, to_input


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number."""


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
        Mean lambda of the batch, Eq. (6); NaN where none was computed.
    """

    segmentation: Tensor
    nbr: Tensor
    realism: Tensor

    @property
    def total(self) -> Tensor:
        return self.segmentation + self.nbr


def encode_groups(
    network: SegmentationNetwork, groups: dict[str, Tensor], passes: str, without_loss: str | None = None
) -> dict[str, list[Tensor]]:
    """Encode several batches of (N, 3, H, W) images; each comes back as its list of feature maps.

    Parameters
    ----------
    passes : {"separate", "joint"}
        What batch norm sees: one group after the other, or all at once.
    without_loss : str, optional
        A group that only batch norm is to see; a pass of its own needs no gradient.
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


def step_losses(
    network: SegmentationNetwork,
    recipe: Recipe,
    protocol: Protocol,
    defective: Tensor,
    mask: Tensor,
    normal: Tensor,
    paste: bool,
) -> StepLosses:
    """Return the losses of one minibatch: the body of Algorithm 1's inner loop.

    Parameters
    ----------
    defective, normal : Tensor, shape (m, 3, H, W)
    mask : Tensor, shape (m, 1, H, W)
    paste : bool
        Whether this minibatch takes the crop-and-paste branch.
    """
    groups = {}
    if recipe.nbr or recipe.normal_statistics:
        groups["normal"] = normal
    if recipe.nbr or recipe.paste_weight == "realism" or not paste:
        groups["defective"] = defective
    if paste:
        groups["pasted"] = crop_and_paste(defective, normal, mask)
    features = encode_groups(network, groups, protocol.batch_norm_passes, None if recipe.nbr else "normal")
    logits = network.decode(features["pasted" if paste else "defective"]).float()
    deepest = {name: maps[-1].float() for name, maps in features.items()}

    weight = None
    if paste and recipe.paste_weight == "realism":
        weight = realism_weight(deepest["defective"], deepest["pasted"], protocol.lambda_gradient)
    segmentation = weighted_bce(logits, mask, weight, protocol.bce_reduction)
    nbr = segmentation.new_zeros(())
    if recipe.nbr:
        nbr = nbr_loss(deepest["defective"], deepest["normal"], mask, recipe.nbr, protocol.mask_downsample)
    realism = segmentation.new_full((), torch.nan) if weight is None else weight.mean()
    return StepLosses(segmentation, nbr, realism)


def paste_probability(recipe: Recipe, protocol: Protocol) -> float:
    """Return how likely a minibatch is pasted: Section III-E for the method, IV-C for the baselines."""
    return {"never": 0.0, "augmentation": protocol.baseline_crop_paste, "cap": protocol.crop_paste}[recipe.crop_paste]


class Batches:
    """The minibatches of one run: the same sequence for every method of one (category, K, seed)."""

    def __init__(self, arrays: CategoryArrays, draw: Draw, protocol: Protocol, seed: int, device: torch.device) -> None:
        key = (arrays.manifest.category, len(draw.shots), seed)
        self._defects, self._normals, self._pastes = (
            stream(purpose, *key) for purpose in ("defect batches", "normal batches", "crop and paste")
        )
        self._arrays, self._draw, self._device = arrays, draw, device
        self._size: int = protocol.batch_size
        self._normalisation: str = protocol.image_normalisation
        shots = list(draw.shots)
        self._shot_images = to_input(arrays.images[shots], self._normalisation, device)
        self._shot_masks = torch.from_numpy(arrays.masks[shots]).to(device).float().unsqueeze(1)

    def defects(self) -> tuple[Tensor, Tensor]:
        """Return m defective images and their masks; with replacement only where fewer than m were drawn."""
        chosen = self._choose(self._defects, len(self._draw.shots))
        return self._shot_images[chosen], self._shot_masks[chosen]

    def normals(self) -> Tensor:
        """Return m normal images."""
        chosen = self._choose(self._normals, len(self._draw.normals))
        pixels = self._arrays.images[[self._draw.normals[i] for i in chosen]]
        return to_input(pixels, self._normalisation, self._device)

    def paste(self, probability: float) -> bool:
        """Decide for one minibatch; consumes one number whatever the probability."""
        return bool(self._pastes.random() < probability)

    def _choose(self, rng: np.random.Generator, available: int) -> list[int]:
        return rng.choice(available, self._size, replace=self._size > available).tolist()


def train(
    network: SegmentationNetwork,
    recipe: Recipe,
    arrays: CategoryArrays,
    draw: Draw,
    protocol: Protocol,
    seed: int,
    device: torch.device,
    on_step: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Train a network in place (Algorithm 1, Section IV-E).

    Parameters
    ----------
    protocol : Protocol
    on_step : callable, optional
        Called with the number of iterations done.

    Returns
    -------
    pd.DataFrame
        One row per iteration with ``CURVE_COLUMNS``; ``test_iou`` is given every ``curve_every`` iterations.

    Raises
    ------
    TrainingDivergedError
        If the loss is not finite.
    """
    batches = Batches(arrays, draw, protocol, seed, device)
    predictor = Predictor.under(protocol, network, device)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=protocol.learning_rate,
        betas=(protocol.adam_beta1, protocol.adam_beta2),
        fused=True,
    )
    probability = paste_probability(recipe, protocol)
    terms: list[Tensor] = []
    pasted: list[bool] = []
    test_iou: dict[int, float] = {}
    network.train()
    for iteration in range(1, protocol.iterations + 1):
        if (iteration - 1) % protocol.normal_batches_per_defect_batch == 0:
            defective, mask = batches.defects()
        normal = batches.normals()
        paste = batches.paste(probability)
        with autocast(protocol.precision, device):
            losses = step_losses(network, recipe, protocol, defective, mask, normal, paste)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()

        terms.append(torch.stack([losses.total, losses.segmentation, losses.nbr, losses.realism]).detach())
        pasted.append(paste)
        if protocol.curve_every and iteration % protocol.curve_every == 0:
            test_iou[iteration] = mean_iou(predictor, arrays, draw.test, protocol.threshold)
        if on_step:
            on_step(iteration)
    return _curve(torch.stack(terms).cpu().numpy(), pasted, test_iou)


def mean_iou(predictor: Predictor, arrays: CategoryArrays, indices: tuple[int, ...], threshold: float) -> float:
    """Return the mean IOU over those of the images whose mask marks a pixel; NaN if none does."""
    marked = [i for i in indices if arrays.masks[i].any()]
    values = []
    for index, probability in predictor.predict(arrays, marked):
        predicted, truth = probability >= threshold, arrays.masks[index]
        tp = (predicted & truth).sum()
        values.append(iou(tp, predicted.sum() - tp, truth.sum() - tp))
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

"""The body of Algorithm 1: the losses of one minibatch for every method; the methods differ in their recipe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.losses import nbr_loss, realism_weight, weighted_bce
from baselines.networks import SegmentationNetwork
from baselines.recipe import Recipe
from benchmark.protocol.profile import Protocol
from benchmark.training.batches import Minibatch
from benchmark.training.encoding import encode_groups


@dataclass(frozen=True)
class StepLosses:
    """The terms of one iteration; scalars, with gradient.

    Attributes
    ----------
    segmentation : Tensor
        Eq. (5) for a pasted batch, Eq. (7) otherwise.
    nbr : Tensor
        Eq. (3); zero for a recipe without it.
    nbr_weight : float
        Its factor in the loss; 1 in Algorithm 1.
    realism : Tensor
        Mean lambda of the batch, Eq. (6); NaN if the recipe does not use it.
    weighting : Tensor
        By which factor lambda changed the segmentation loss of the batch; NaN likewise.
    """

    segmentation: Tensor
    nbr: Tensor
    nbr_weight: float
    realism: Tensor
    weighting: Tensor

    @property
    def weighted_nbr(self) -> Tensor:
        """The part of the loss that NBR adds."""
        return self.nbr_weight * self.nbr

    @property
    def total(self) -> Tensor:
        """The loss that is minimised."""
        return self.segmentation + self.weighted_nbr


def step_losses(network: SegmentationNetwork, recipe: Recipe, protocol: Protocol, batch: Minibatch) -> StepLosses:
    """Return the losses of one minibatch: the body of Algorithm 1's inner loop."""
    encoded = {}  # in the order in which batch norm sees them
    if recipe.nbr or recipe.normal_statistics:
        encoded["normal"] = batch.normal
    if recipe.nbr or recipe.paste_weight == "realism" or not batch.pasted:
        encoded["defective"] = batch.defective
    if batch.pasted:
        encoded["pasted"] = batch.pasted.images  # Eq. (4)
    features = encode_groups(network, encoded, protocol.batch_norm_passes, None if recipe.nbr else "normal")
    logits = network.decode(features["pasted" if batch.pasted else "defective"]).float()
    deepest = {name: maps[-1].float() for name, maps in features.items()}

    weight = None
    if batch.pasted and recipe.paste_weight == "realism":
        weight = realism_weight(deepest["defective"], deepest["pasted"], protocol.lambda_gradient)  # Eq. (6)
    mask = batch.pasted.mask if batch.pasted else batch.mask
    segmentation = weighted_bce(logits, mask, weight, protocol.bce_reduction)  # Eq. (5), or (7) without weight
    nbr = segmentation.new_zeros(())
    if recipe.nbr:  # Eqs. (1)-(3)
        nbr = nbr_loss(
            deepest["defective"],
            deepest["normal"],
            batch.mask,
            recipe.nbr,
            protocol.mask_downsample,
            protocol.background_average,
        )
    realism = weighting = segmentation.new_full((), torch.nan)
    if weight is not None:
        realism = weight.mean()
        with torch.no_grad():
            weighting = segmentation / weighted_bce(logits, mask, reduction=protocol.bce_reduction)
    return StepLosses(segmentation, nbr, protocol.nbr_weight, realism, weighting)

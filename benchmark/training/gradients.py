"""Gradient norms of the two loss terms in the encoder: whether NBR or the segmentation loss changes it, and where."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.networks import SegmentationNetwork


def encoder_stages(network: SegmentationNetwork, device: torch.device) -> list[list[nn.Parameter]]:
    """Return the parameters of each encoder stage, shallow to deep.

    A stage has the parameters that its feature map depends on and the one before does not; they are found by
    differentiating the feature maps of one small image, in evaluation mode so that batch norm's statistics do not
    change.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    was_training = network.training
    network.eval()
    try:
        with torch.enable_grad():
            maps = network.encode(torch.zeros(1, 3, network.size_multiple, network.size_multiple, device=device))
            reached = [
                torch.autograd.grad(feature.sum(), parameters, retain_graph=True, allow_unused=True)
                if feature.requires_grad
                else (None,) * len(parameters)
                for feature in maps
            ]
    finally:
        network.train(was_training)
    stages: list[list[nn.Parameter]] = []
    known: set[int] = set()
    for gradients in reached:
        new = [index for index, gradient in enumerate(gradients) if gradient is not None and index not in known]
        known.update(new)
        stages.append([parameters[index] for index in new])
    return stages


def gradient_norms(loss: Tensor, stages: list[list[nn.Parameter]]) -> list[float]:
    """Return the L2 norm of a loss's gradient in the whole encoder, then in each stage; keeps the graph.

    Parameters
    ----------
    loss : Tensor, scalar
        If it does not depend on the encoder, every norm is NaN.
    """
    if not loss.requires_grad:
        return [float("nan")] * (len(stages) + 1)
    parameters = [parameter for stage in stages for parameter in stage]
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    squares = iter([0.0 if gradient is None else _sum_of_squares(gradient.detach()) for gradient in gradients])
    per_stage = [sum(next(squares) for _ in stage) for stage in stages]
    return [total**0.5 for total in (sum(per_stage), *per_stage)]


def _sum_of_squares(gradient: Tensor) -> float:
    gradient = gradient.cpu() if gradient.device.type == "mps" else gradient  # which has no double precision
    return float(gradient.double().square().sum())

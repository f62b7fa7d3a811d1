"""Algorithm 1 as a plain script would write it, for B+NBR+CaP alone: the suite is compared with it.

Plain means torch's defaults: images and weights with channels first, Adam parameter by parameter, fp32.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, binary_cross_entropy_with_logits, cosine_similarity

from baselines.networks import SegmentationNetwork
from benchmark.training.batches import Minibatch


def train_plainly(
    network: SegmentationNetwork, batches: Iterable[Minibatch], learning_rate: float, betas: tuple[float, float]
) -> list[float]:
    """Train with B+NBR+CaP (Eqs. (1)-(7), lambda without gradient, sums over pixels); returns the losses.

    Parameters
    ----------
    network : SegmentationNetwork
        Trained in place; its weights become contiguous, channels first.
    batches : iterable of Minibatch
        One per iteration.

    Examples
    --------
    >>> from baselines import create_network
    >>> train_plainly(create_network("unet", width=0.1), [], 1e-3, (0.9, 0.999))
    []
    """
    network.to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, betas=betas)
    network.train()
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = _loss(network, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist() if losses else []


def _loss(network: SegmentationNetwork, batch: Minibatch) -> Tensor:
    normal_images, defective_images = batch.normal.contiguous(), batch.defective.contiguous()
    normal = network.encode(normal_images)[-1]
    features = network.encode(defective_images)
    defective = features[-1]
    weight = torch.ones(len(batch.mask), device=batch.mask.device)
    if batch.pasted:
        features = network.encode(torch.where(batch.mask > 0, defective_images, normal_images))
        weight = cosine_similarity(defective.mean((2, 3)), features[-1].mean((2, 3))).abs().detach()
    logits = network.decode(features)
    pixels = binary_cross_entropy_with_logits(logits, batch.mask, reduction="none").flatten(1).sum(1)
    background = 1 - adaptive_max_pool2d(batch.mask, defective.shape[-2:])
    return (weight * pixels).sum() - cosine_similarity((background * defective).mean((2, 3)), normal.mean((2, 3))).sum()

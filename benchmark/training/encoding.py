"""Encode the groups of a minibatch: in which passes, and with which of them batch norm mixes images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from baselines.networks import SegmentationNetwork
from benchmark.protocol.profile import BatchNormPasses


def encode_groups(
    network: SegmentationNetwork,
    groups: Mapping[str, Tensor],
    passes: BatchNormPasses,
    without_loss: str | None = None,
) -> dict[str, list[Tensor]]:
    """Encode groups of (N, 3, H, W) images; returns the feature maps of each group, shallow to deep.

    Parameters
    ----------
    passes : {"separate", "grouped", "joint"}
        ``separate`` encodes one group after the other; ``grouped`` encodes them in one pass in which batch norm still
        takes one group after the other, so that the features are the same up to rounding; with ``joint`` batch norm
        sees all images as one batch.
    without_loss : str, optional
        A group that has no loss and only updates batch norm. Except with ``joint`` it has a pass of its own, which
        needs no gradient.

    Examples
    --------
    >>> from baselines import create_network
    >>> network = create_network("unet", width=0.1)
    >>> groups = {"normal": torch.ones(2, 3, 64, 64), "pasted": torch.ones(1, 3, 64, 64)}
    >>> {name: len(maps[-1]) for name, maps in encode_groups(network, groups, "joint").items()}
    {'normal': 2, 'pasted': 1}
    """
    if passes == "joint":
        return _in_one_pass(network, groups)
    groups, features = dict(groups), {}
    if without_loss is not None and without_loss in groups:
        with torch.no_grad():
            features[without_loss] = network.encode(groups.pop(without_loss))
    if passes == "grouped" and len(groups) > 1:
        with _batch_norm_by_group(network, [len(images) for images in groups.values()]):
            return features | _in_one_pass(network, groups)
    return features | {name: network.encode(images) for name, images in groups.items()}


def _in_one_pass(network: SegmentationNetwork, groups: Mapping[str, Tensor]) -> dict[str, list[Tensor]]:
    sizes = [len(images) for images in groups.values()]
    maps = [feature.split(sizes) for feature in network.encode(torch.cat(list(groups.values())))]
    return {name: [feature[i] for feature in maps] for i, name in enumerate(groups)}


@contextmanager
def _batch_norm_by_group(network: nn.Module, sizes: list[int]) -> Iterator[None]:
    """Let every batch norm normalise consecutive groups of a batch, of these sizes, one after the other."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    for layer in layers:
        layer.forward = partial(_by_group, layer.forward, sizes)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class has its own


def _by_group(forward: Callable[[Tensor], Tensor], sizes: list[int], features: Tensor) -> Tensor:
    return torch.cat([forward(group) for group in features.split(sizes)])

"""What a network costs: parameters and multiply-accumulates, counted without computing anything."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines.networks import create_network
from baselines.networks.base import IMAGE_CHANNELS, on_meta

COST_SIZE = 512


def network_cost(name: str, width: float = 1.0, size: int = COST_SIZE) -> tuple[int, float]:
    """Return a network's trainable parameters, and its GMACs for one image of (3, size, size).

    Raises
    ------
    InputError
        If the network is unknown, or the size does not fit it.
    """
    network = on_meta(lambda: create_network(name, width=width)).eval()
    image = torch.empty(1, IMAGE_CHANNELS, size, size, device="meta")
    parameters = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return parameters, counter.get_total_flops() / 2e9

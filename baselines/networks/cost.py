"""The parameters and multiply-accumulates of a network, counted on the meta device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines.networks import create_network
from baselines.networks.base import IMAGE_CHANNELS, on_meta

COST_SIZE = 512


@dataclass(frozen=True)
class NetworkCost:
    """The size of a network and the work for one image.

    Attributes
    ----------
    parameters : int
        Trainable parameters.
    encode_macs, decode_macs : float
        Multiply-accumulates of encoder and decoder for one image.
    """

    parameters: int
    encode_macs: float
    decode_macs: float

    @property
    def macs(self) -> float:
        return self.encode_macs + self.decode_macs


def network_cost(name: str, width: float = 1.0, size: int = COST_SIZE) -> NetworkCost:
    """Return the cost of a network for one image of shape (3, size, size).

    Raises
    ------
    InputError
        If the network is unknown or does not support the size.

    Examples
    --------
    >>> network_cost("unet").parameters
    7852545
    """
    network = on_meta(lambda: create_network(name, width=width)).eval()
    image = torch.empty(1, IMAGE_CHANNELS, size, size, device="meta")
    parameters = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    with torch.no_grad():
        with FlopCounterMode(display=False) as encoding:
            features = network.encode(image)
        with FlopCounterMode(display=False) as decoding:
            network.decode(features)
    return NetworkCost(parameters, encoding.get_total_flops() / 2, decoding.get_total_flops() / 2)

"""The cost of networks: parameters and multiply-accumulates, counted on the meta device."""

from __future__ import annotations

from baselines.networks import create_network
from baselines.networks.known import COST_SIZE, KNOWN_COSTS, KNOWN_SIZE_MULTIPLES, NetworkCost

__all__ = ["COST_SIZE", "NetworkCost", "count_network", "network_cost"]


def network_cost(name: str, width: float = 1.0, size: int = COST_SIZE) -> NetworkCost:
    """Return the cost of a network for one image of shape (3, size, size); that of built-in networks is listed.

    Raises
    ------
    InputError
        If the network is unknown or does not support the size.

    Examples
    --------
    >>> network_cost("unet").parameters
    7852545
    """
    if width == 1.0 and name in KNOWN_COSTS and size % KNOWN_SIZE_MULTIPLES[name] == 0:
        known, area = KNOWN_COSTS[name], (size / COST_SIZE) ** 2  # each layer's work grows with the area
        return NetworkCost(known.parameters, known.encode_macs * area, known.decode_macs * area)
    return count_network(name, width, size)


def count_network(name: str, width: float = 1.0, size: int = COST_SIZE) -> NetworkCost:
    """Count a network on the meta device, where nothing is computed; arguments and errors as for ``network_cost``."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from baselines.networks.base import IMAGE_CHANNELS, on_meta

    network = on_meta(lambda: create_network(name, width=width)).eval()
    image = torch.empty(1, IMAGE_CHANNELS, size, size, device="meta")
    parameters = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    with torch.no_grad():
        with FlopCounterMode(display=False) as encoding:
            features = network.encode(image)
        with FlopCounterMode(display=False) as decoding:
            network.decode(features)
    return NetworkCost(parameters, encoding.get_total_flops() / 2, decoding.get_total_flops() / 2)

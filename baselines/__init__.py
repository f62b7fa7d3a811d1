"""The compared methods: networks, losses and recipes. Knows tensors only, never data sets or the command line."""

import baselines.methods  # noqa: F401  (registers the paper's methods)
from baselines.errors import InputError
from baselines.networks import SegmentationNetwork, create_network, network_names, register_network
from baselines.registry import Method, Recipe, get_method, method_names, register_method

__all__ = [
    "InputError",
    "Method",
    "Recipe",
    "SegmentationNetwork",
    "create_network",
    "get_method",
    "method_names",
    "network_names",
    "register_method",
    "register_network",
]

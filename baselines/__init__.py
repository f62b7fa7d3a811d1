"""The compared methods: networks, losses and recipes. Knows tensors only, never data sets or the command line."""

import baselines.methods  # noqa: F401  (registers the paper's methods)
from baselines.errors import InputError
from baselines.networks import create_network, network_names
from baselines.registry import Method, Recipe, get_method, method_names, register_method

__all__ = [
    "InputError",
    "Method",
    "Recipe",
    "create_network",
    "get_method",
    "method_names",
    "network_names",
    "register_method",
]

"""The compared methods: networks, losses, pastings and recipes. They depend on tensors only.

A module is imported when one of its names is first used, so that looking up a method does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baselines.errors import InputError
    from baselines.networks import create_network, network_names, register_network
    from baselines.networks.base import SegmentationNetwork
    from baselines.pasting import pasting_names, register_pasting
    from baselines.recipe import Method, Recipe
    from baselines.registry import get_method, method_names, register_method

_HOMES = {
    "InputError": "baselines.errors",
    "Method": "baselines.recipe",
    "Recipe": "baselines.recipe",
    "SegmentationNetwork": "baselines.networks.base",
    "create_network": "baselines.networks",
    "get_method": "baselines.registry",
    "method_names": "baselines.registry",
    "network_names": "baselines.networks",
    "pasting_names": "baselines.pasting",
    "register_method": "baselines.registry",
    "register_network": "baselines.networks",
    "register_pasting": "baselines.pasting",
}

__all__ = [
    "InputError",
    "Method",
    "Recipe",
    "SegmentationNetwork",
    "create_network",
    "get_method",
    "method_names",
    "network_names",
    "pasting_names",
    "register_method",
    "register_network",
    "register_pasting",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

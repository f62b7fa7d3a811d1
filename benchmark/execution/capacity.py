"""How many runs fit on this machine at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import loky
import psutil

from benchmark.protocol.profile import Profile

if TYPE_CHECKING:
    import torch

# Fitted to the peak memory of Attention U-Net, the largest: 2.6 GB at 256 px with batch size 2, 3.8 GB with 4. They are
# a process with its libraries; parameters with gradients and Adam's moments; activations kept for backpropagation.
_PROCESS_BYTES, _PARAMETER_BYTES, _PIXEL_BYTES = 0.85e9, 0.6e9, 1e4


def choose_jobs(profile: Profile, devices: Sequence[torch.device]) -> int:
    """Return how many runs to execute at a time: one per GPU, or as many as cores and free memory allow.

    Examples
    --------
    >>> import torch
    >>> from benchmark.protocol.profile import load_profile
    >>> choose_jobs(load_profile("quick"), [torch.device("cuda:0"), torch.device("cuda:1")])
    2
    """
    if devices[0].type != "cpu":
        return len(devices)
    by_memory = int(psutil.virtual_memory().available) // memory_of_a_run(profile)
    return max(1, min(int(loky.cpu_count()) // profile.threads, by_memory))


def memory_of_a_run(profile: Profile) -> int:
    """Return the memory of a run on a CPU in bytes, for the largest network of the paper: an upper bound.

    Examples
    --------
    >>> from benchmark.protocol.profile import load_profile
    >>> memory_of_a_run(load_profile("paper")) > 10e9
    True
    """
    pixels = max(profile.batch_size.values()) * profile.image_size**2
    return int(_PROCESS_BYTES + profile.width**2 * _PARAMETER_BYTES + profile.width * pixels * _PIXEL_BYTES)

"""How many runs fit on this machine at a time."""

from __future__ import annotations

from collections.abc import Sequence

import joblib
import psutil
import torch

from benchmark.protocol.profile import Profile

# Fitted to the peaks of Attention U-Net, the hungriest: 2.6 GB at 256 px and batches of 2, 3.8 GB at 4. A process with
# its libraries; parameters with gradients and Adam's moments; and what backpropagation keeps per pixel.
_PROCESS_BYTES, _PARAMETER_BYTES, _PIXEL_BYTES = 0.85e9, 0.6e9, 1e4


def choose_jobs(profile: Profile, devices: Sequence[torch.device]) -> int:
    """Return how many runs to do at a time: what cores and free memory allow, one on each CUDA device."""
    if devices[0].type == "cuda":
        return len(devices)
    by_memory = psutil.virtual_memory().available // memory_of_a_run(profile)
    return max(1, min(joblib.cpu_count() // profile.threads, by_memory))


def memory_of_a_run(profile: Profile) -> int:
    """Return about how many bytes the hungriest method of the paper takes on a CPU: a ceiling, not a forecast."""
    pixels = max(profile.batch_size.values()) * profile.image_size**2
    return int(_PROCESS_BYTES + profile.width**2 * _PARAMETER_BYTES + profile.width * pixels * _PIXEL_BYTES)

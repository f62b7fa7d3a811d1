"""What a run ran on: devices, threads, versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import joblib
import psutil
import torch

import benchmark
from benchmark.profile import Profile

# Fitted to the peaks of Attention U-Net, the hungriest: 2.6 GB at 256 px and batches of 2, 3.8 GB at 4. A process with
# its libraries; parameters with gradients and Adam's moments; and what backpropagation keeps per pixel.
_PROCESS_BYTES, _PARAMETER_BYTES, _PIXEL_BYTES = 0.85e9, 0.6e9, 1e4
_PACKAGES = ("torch", "torchvision", "segmentation-models-pytorch", "numpy", "scikit-learn", "pandas", "pillow")


def prepare_torch(threads: int) -> None:
    """Make torch repeatable: a fixed number of threads and deterministic kernels."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # all of it is written
    torch.backends.cudnn.benchmark = False
    # Tiny weights late in training would otherwise slow the CPU down without changing a result people can see.
    torch.set_flush_denormal(True)


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


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Return versions, machine and device of this process, JSON-able."""
    return {
        "benchmark": benchmark.__version__,
        "python": platform.python_version(),
        **_versions(),
        "platform": platform.platform(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
    }


def comparable_versions() -> dict[str, str]:
    """Return the versions that must be equal where runs of one study are done."""
    packages = ("torch", "torchvision", "numpy", "segmentation-models-pytorch")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"benchmark": benchmark.__version__, "python": python, **{name: _versions()[name] for name in packages}}


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


@cache
def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

"""What a run ran on: devices, threads, versions."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

import benchmark
from baselines import InputError

_PACKAGES = ("torch", "torchvision", "segmentation-models-pytorch", "numpy", "scikit-learn", "pandas", "pillow")


def choose_device(name: str) -> torch.device:
    """Return a device by name; ``auto`` takes the first CUDA device, or the CPU.

    Raises
    ------
    InputError
        If the name is unknown or that device is not there.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"unknown device '{name}': use auto, cpu, cuda or cuda:0") from None
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device '{name}' is not supported: use auto, cpu, cuda or cuda:0")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device '{name}' is not there: {torch.cuda.device_count()} CUDA devices are; use --device cpu"
        )
    return device


def prepare_torch(threads: int) -> None:
    """Make torch repeatable: a fixed number of threads and deterministic kernels."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # all of it is written
    torch.backends.cudnn.benchmark = False
    # Tiny weights late in training would otherwise slow the CPU down without changing a result people can see.
    torch.set_flush_denormal(True)


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

"""Which device computes: by name, several of them, and one per process."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from baselines import InputError

_KINDS = "auto, cpu, cuda, cuda:1 or cuda:0,cuda:1"


def named_device(name: str) -> torch.device:
    """Return what a name means, whether or not that device is here.

    Raises
    ------
    InputError
        If it is no name of a CPU or CUDA device.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"unknown device '{name}': use {_KINDS}") from None
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device '{name}' is not supported: use {_KINDS}")
    return device


def choose_device(name: str) -> torch.device:
    """Return a device of this machine by name; ``auto`` takes the first CUDA device, or the CPU.

    Raises
    ------
    InputError
        If the name is unknown or that device is not there.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = named_device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device '{name}' is not there: {torch.cuda.device_count()} CUDA devices are; use --device cpu"
        )
    return device


def choose_devices(names: str) -> list[torch.device]:
    """Return the devices that runs are spread over: names with commas between, all of one kind.

    Raises
    ------
    InputError
        If a device is unknown, not there, named twice, or of another kind than the others.
    """
    devices = [choose_device(name.strip()) for name in names.split(",")]
    places = [(device.type, device.index or 0) for device in devices]
    if len(set(places)) < len(places):
        raise InputError(f"--device {names} names a device twice: for several runs on one device use --jobs")
    if len({kind for kind, _ in places}) > 1:
        raise InputError(
            f"--device {names} mixes CPU and CUDA: they round differently, so metrics would depend on who does a run"
        )
    return devices


def device_environments(devices: Sequence[torch.device], jobs: int) -> list[dict[str, str]]:
    """Return one environment per process, devices dealt in turn: of several CUDA devices each process sees its own.

    What is hidden from a process gets no context on it, which takes half a gigabyte, and no library can stray there.
    """
    return [_seeing(devices[index % len(devices)]) for index in range(jobs)]


def _seeing(device: torch.device) -> dict[str, str]:
    if device.type != "cuda":
        return {}
    index = device.index or 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")  # torch counts among these; they may be names
    return {"CUDA_VISIBLE_DEVICES": visible.split(",")[index].strip() if visible else str(index)}


def device_in_worker(devices: Sequence[torch.device]) -> torch.device:
    """Return the device as a process calls it that was started with ``device_environments``."""
    return torch.device("cuda:0") if devices[0].type == "cuda" else devices[0]

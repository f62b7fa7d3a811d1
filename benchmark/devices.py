"""Devices by name, and the assignment of processes to several of them; torch is imported when one is looked for."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from baselines.errors import InputError

if TYPE_CHECKING:
    import torch

_KINDS = "auto, cpu, mps, cuda, cuda:1 or cuda:0,cuda:1"
_NAME = re.compile(r"(cpu|mps)(:0)?|cuda(:(0|[1-9]\d{0,2}))?")


def check_names(names: str) -> None:
    """Check names separated by commas, whether or not this machine has the devices; imports nothing.

    Raises
    ------
    InputError
        If a name is not that of a device, or ``auto``.
    """
    for name in names.split(","):
        if name.strip() != "auto":
            _check_name(name.strip())


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"unknown device '{name}': use {_KINDS}")


def named_device(name: str) -> torch.device:
    """Return a device by name, whether or not this machine has it.

    Raises
    ------
    InputError
        If the name is not that of a device.

    Examples
    --------
    >>> named_device("cuda:1")
    device(type='cuda', index=1)
    """
    import torch

    _check_name(name)
    return torch.device(name)


def choose_device(name: str) -> torch.device:
    """Return a device of this machine by name; ``auto`` is the first CUDA device, or else the CPU.

    Raises
    ------
    InputError
        If the name is unknown or this machine has no such device.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    import torch

    if name == "auto":  # never mps, whose results are not repeatable to the bit (docs/scaling-out.md)
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = named_device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device '{name}' is not available: this machine has {torch.cuda.device_count()} CUDA devices; "
            "use --device cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        why = "torch finds no Apple GPU on this machine" if torch.backends.mps.is_built() else "this torch has no MPS"
        raise InputError(f"device '{name}' is not available: {why}; use --device cpu")
    return device


def choose_devices(names: str) -> list[torch.device]:
    """Return the devices for runs from names separated by commas.

    Raises
    ------
    InputError
        If a device is unknown, not available, named twice, or of another kind than the others.

    Examples
    --------
    >>> choose_devices("cpu")
    [device(type='cpu')]
    """
    devices = [choose_device(name.strip()) for name in names.split(",")]
    identities = [(device.type, device.index or 0) for device in devices]
    if len(set(identities)) < len(identities):
        raise InputError(f"--device {names} names a device twice: for several runs on one device use --jobs")
    if len({kind for kind, _ in identities}) > 1:
        raise InputError(
            f"--device {names} mixes kinds of devices: they round differently, so metrics would depend on the device"
        )
    return devices


def device_environments(devices: Sequence[torch.device], jobs: int) -> list[dict[str, str]]:
    """Return one environment per process, devices assigned round-robin; each process sees only its own CUDA device.

    A process creates no context on hidden devices, which would take half a gigabyte on each.
    """
    return [_seeing(devices[index % len(devices)]) for index in range(jobs)]


def _seeing(device: torch.device) -> dict[str, str]:
    if device.type != "cuda":
        return {}
    index = device.index or 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")  # torch counts among these; they may be names
    return {"CUDA_VISIBLE_DEVICES": visible.split(",")[index].strip() if visible else str(index)}


def device_in_worker(devices: Sequence[torch.device]) -> torch.device:
    """Return the device by its name in a process that was started with ``device_environments``.

    Examples
    --------
    >>> import torch
    >>> device_in_worker([torch.device("cuda:2"), torch.device("cuda:3")])
    device(type='cuda', index=0)
    """
    import torch

    return torch.device("cuda:0") if devices[0].type == "cuda" else devices[0]

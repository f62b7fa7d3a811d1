"""The environment of a run: device, threads, versions and code."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import benchmark

_PACKAGES = (
    "torch", "torchvision", "segmentation-models-pytorch", "timm", "numpy", "scipy", "scikit-learn", "pandas", "pillow",
)  # fmt: skip
# Parts of a description that do not affect the bits of a result.
_HARMLESS = ("benchmark", "code", "platform", "python")
# Environment variables that make a library use the instructions of an older processor.
_DOWNGRADES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "OPENBLAS_CORETYPE")


def prepare_torch(threads: int, precision: str = "fp32") -> None:
    """Make torch repeatable: a fixed number of threads, deterministic kernels, and the precision that was asked for.

    Parameters
    ----------
    threads : int
    precision : {"fp32", "tf32", "bf16"}
        Only "tf32" lets CUDA round the inputs of convolutions and matrix products to 10 bits of mantissa; cuDNN does
        so by default.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    # As use_deterministic_algorithms(True, warn_only=True), which also imports the compiler: a second per process.
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # all of it is overwritten
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    # Tiny weights late in training would slow down the CPU without a visible change of results.
    torch.set_flush_denormal(True)


def describe_environment(device: torch.device) -> dict[str, str | int | float | bool | None]:
    """Return versions, code, machine and device of this process."""
    found: dict[str, str | int | float | bool | None] = {
        "benchmark": benchmark.__version__,
        "code": code_digest(),
        "python": platform.python_version(),
        **_versions(),
        "platform": platform.platform(),
        "libc": " ".join(platform.libc_ver()),
        "device": device.type,
        "device_name": _processor_name(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        found |= {
            "device": str(device),
            "device_name": torch.cuda.get_device_name(device),
            "cuda": str(torch.version.cuda),
            "tf32": torch.backends.cudnn.allow_tf32,
            "cudnn": str(torch.backends.cudnn.version()),
        }
    return found


def bit_conditions(environment: Mapping[str, object]) -> dict[str, str]:
    """Return the hardware and versions that must be equal for two runs of the same code to give the same bits.

    Parameters
    ----------
    environment : mapping
        From ``describe_environment`` or ``run.json``.

    Examples
    --------
    >>> bit_conditions({"code": "1f2e", "device": "cuda:1", "python": "3.11.4"})
    {'device': 'cuda', 'python': '3.11'}
    """
    found = {name: str(value) for name, value in environment.items() if name not in _HARMLESS}
    # The index of one of several equal devices does not matter; of Python, the minor version does.
    return found | {
        "device": found.get("device", "").partition(":")[0],
        "python": ".".join(str(environment.get("python", "")).split(".")[:2]),
    }


@cache
def code_digest(packages: tuple[str, ...] = ("baselines", "benchmark")) -> str:
    """Return a digest of the source code of some packages, to tell whether runs are of the present code.

    Examples
    --------
    >>> code_digest() == code_digest(("baselines", "benchmark"))
    True
    """
    digest = hashlib.sha256()
    for package in packages:
        module = import_module(package)
        for place in map(Path, getattr(module, "__path__", None) or [module.__file__]):
            for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
                digest.update(f"{package}/{path.relative_to(place).as_posix()}\n".encode())
                digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def comparable_versions() -> dict[str, str]:
    """Return the versions that must be equal on all machines of a study."""
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
    # With the build: CUDA and CPU wheels round differently.
    return found | {"torch": str(torch.__version__)}


@cache
def _processor_name() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


@cache
def _processor() -> str:
    """Return what determines which kernels run and how they split sums: more than the name of the model."""
    about = _cpuinfo()
    words = [platform.machine(), torch.backends.cpu.get_cpu_capability()]
    words += [f"{name} {about[name]}" for name in ("cpu family", "model", "stepping", "cache size") if name in about]
    if flags := about.get("flags") or about.get("Features"):
        words.append(f"flags {hashlib.sha256(' '.join(sorted(flags.split())).encode()).hexdigest()[:8]}")
    words += [f"{name}={os.environ[name]}" for name in _DOWNGRADES if os.environ.get(name)]
    return ", ".join(words)


@cache
def _cpuinfo() -> dict[str, str]:
    """Return the description of the first processor on Linux; empty elsewhere."""
    about: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                name, colon, value = line.partition(":")
                if not colon:
                    break
                about[name.strip()] = value.strip()
    except OSError:
        pass
    return about

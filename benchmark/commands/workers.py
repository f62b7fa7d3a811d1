"""Options that say who does the runs: processes of this machine, or a dask cluster."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from baselines import InputError
from benchmark.commands.options import add_jobs, chosen_jobs
from benchmark.devices import choose_devices, device_environments, device_in_worker, named_device
from benchmark.execution.cluster import ClusterPool, with_absolute_paths
from benchmark.execution.loky_pool import LokyPool
from benchmark.execution.pools import Pool, SequentialPool
from benchmark.execution.progress import Display
from benchmark.execution.run_task import RunTask
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec

# A run sees for itself that its time is over; one that hangs is killed, so much later.
_GRACE_SECONDS = 60.0

# Turns a task on some runs into where it is done, and the task as it is done there.
ChoosePool = Callable[[RunTask, Sequence[RunSpec], Display], tuple[Pool, RunTask]]


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``, ``--jobs``, ``--backend``, ``--scheduler`` and ``--timeout``."""
    add_jobs(parser)
    parser.add_argument("--backend", choices=("loky", "dask"), default="loky", help="default: loky, this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of the dask scheduler, e.g. tcp://HOST:8786")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="a run that takes longer fails")


def chosen_workers(options: argparse.Namespace, profile: Profile) -> ChoosePool:
    """Return what chooses the pool, once it is known what is to do; paths are made such that other machines find them.

    Raises
    ------
    InputError
        If the options cannot be used.
    """
    if options.timeout is not None and not options.timeout > 0:
        raise InputError(f"--timeout must be more than 0 seconds, got {options.timeout:g}")
    if (options.backend == "dask") != (options.scheduler is not None):
        raise InputError("--backend dask and --scheduler ADDRESS go together (docs/scaling-out.md)")
    if options.backend == "loky":
        devices = choose_devices(options.device)
        return _Here(devices, chosen_jobs(options, profile, devices))
    if "," in options.device:
        raise InputError(
            f"--device {options.device} does not fit --backend dask, where a worker uses one device "
            "(docs/scaling-out.md)"
        )
    options.data_root = options.data_root and options.data_root.resolve()
    options.cache = options.cache.resolved()
    return _Elsewhere(options.scheduler, None if options.device == "auto" else named_device(options.device))


@dataclass(frozen=True)
class _Here:
    devices: list[torch.device]
    jobs: int

    def __call__(self, task: RunTask, to_do: Sequence[RunSpec], screen: Display) -> tuple[Pool, RunTask]:
        jobs = min(self.jobs, len(to_do))
        if jobs <= 1:
            context = replace(task.context, device=self.devices[0])
            return SequentialPool(), replace(task, context=context, on_step=screen.step)
        limit = None if task.timeout is None else task.timeout + _GRACE_SECONDS
        context = replace(task.context, device=device_in_worker(self.devices))
        return LokyPool(device_environments(self.devices[:jobs], jobs), limit), replace(task, context=context)


@dataclass(frozen=True)
class _Elsewhere:
    scheduler: str
    device: torch.device | None

    def __call__(self, task: RunTask, to_do: Sequence[RunSpec], screen: Display) -> tuple[Pool, RunTask]:
        task = with_absolute_paths(replace(task, context=replace(task.context, device=self.device)))
        return ClusterPool(self.scheduler, task, to_do) if to_do else SequentialPool(), task

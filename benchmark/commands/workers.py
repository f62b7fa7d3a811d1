"""Options that choose where runs are done: on this machine, or on a dask cluster."""

from __future__ import annotations

import argparse

from baselines.errors import InputError
from benchmark.commands.options import chosen_jobs
from benchmark.devices import choose_devices, named_device
from benchmark.execution.workers import DaskWorkers, LocalWorkers, Workers
from benchmark.protocol.profile import Profile


def chosen_workers(options: argparse.Namespace, profile: Profile) -> Workers:
    """Return where runs are done.

    Raises
    ------
    InputError
        If the options cannot be used, alone or together.
    """
    if options.timeout is not None and not options.timeout > 0:
        raise InputError(f"--timeout must be more than 0 seconds, got {options.timeout:g}")
    if (options.backend == "dask") != (options.scheduler is not None):
        raise InputError("--backend dask and --scheduler ADDRESS go together (docs/scaling-out.md)")
    if options.backend == "loky":
        devices = choose_devices(options.device)
        return LocalWorkers(devices, chosen_jobs(options, profile, devices))
    if "," in options.device:
        raise InputError(
            f"--device {options.device} does not fit --backend dask, where a worker uses one device "
            "(docs/scaling-out.md)"
        )
    return DaskWorkers(options.scheduler, None if options.device == "auto" else named_device(options.device))

"""Options that choose where runs are executed: on this machine, or on a dask cluster."""

from __future__ import annotations

import argparse

from benchmark.commands.options import chosen_jobs
from benchmark.devices import choose_devices, named_device
from benchmark.execution.workers import DaskWorkers, LocalWorkers, Workers
from benchmark.protocol.profile import Profile


def chosen_workers(options: argparse.Namespace, profile: Profile) -> Workers:
    """Return where runs are executed.

    Raises
    ------
    InputError
        If this machine lacks a device, or ``--jobs`` leaves one idle.
    """
    if options.backend == "loky":
        devices = choose_devices(options.device)
        return LocalWorkers(devices, chosen_jobs(options, profile, devices))
    return DaskWorkers(options.scheduler, None if options.device == "auto" else named_device(options.device))

"""Where runs are executed: on the devices of this machine, or by the workers of a dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from benchmark.devices import device_environments, device_in_worker
from benchmark.execution.cluster import ClusterPool
from benchmark.execution.loky_pool import LokyPool, why_unavailable
from benchmark.execution.pools import Pool, SequentialPool
from benchmark.execution.run_task import RunTask
from benchmark.protocol.runs import RunSpec

logger = logging.getLogger(__name__)

# A run checks the time itself; one that hangs between two checks is killed this much later.
_GRACE_SECONDS = 60.0


@dataclass(frozen=True)
class LocalWorkers:
    """This process, or several processes of this machine.

    Attributes
    ----------
    devices : sequence of torch.device
        Assigned to the processes round-robin.
    jobs : int
        Runs at a time.
    """

    devices: Sequence[torch.device]
    jobs: int

    def assign(self, task: RunTask, specs: Sequence[RunSpec]) -> tuple[Pool, RunTask]:
        """Return the pool for some runs, and the task adapted to it."""
        jobs = min(self.jobs, len(specs))
        if jobs > 1 and (reason := why_unavailable()):
            logger.warning(
                f"runs are executed one at a time, because processes cannot share semaphores: {reason} (/dev/shm)"
            )
            jobs = 1
        if jobs <= 1:
            return SequentialPool(), replace(task, context=replace(task.context, device=self.devices[0]))
        limit = None if task.timeout is None else task.timeout + _GRACE_SECONDS
        context = replace(task.context, device=device_in_worker(self.devices))
        pool = LokyPool(device_environments(self.devices[:jobs], jobs), limit)
        return pool, replace(task, context=context, on_step=None)


@dataclass(frozen=True)
class DaskWorkers:
    """The workers of a dask cluster.

    Attributes
    ----------
    scheduler : str
        Address of the scheduler.
    device : torch.device or None
        What every worker must use; None for whatever each has.
    """

    scheduler: str
    device: torch.device | None

    def assign(self, task: RunTask, specs: Sequence[RunSpec]) -> tuple[Pool, RunTask]:
        """Return the pool for some runs, and the task adapted to it, with absolute paths."""
        context = replace(
            task.context,
            cache=task.context.cache.resolved(),
            device=self.device,
            weights_dir=task.context.weights_dir and task.context.weights_dir.resolve(),
        )
        task = replace(task, context=context, results=task.results.resolve(), on_step=None)
        return ClusterPool(self.scheduler, task, specs) if specs else SequentialPool(), task


Workers = LocalWorkers | DaskWorkers

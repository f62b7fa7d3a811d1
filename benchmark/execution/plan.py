"""The plan of a study: how many runs, and what they will cost on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from msgspec import Struct

from benchmark.data.datasets import ImageList
from benchmark.environment import describe_environment
from benchmark.execution.budget import Budget, describe_blocks
from benchmark.execution.capacity import memory_of_a_run
from benchmark.execution.cost import Rate, estimate_hours, measured_rate, run_bytes, run_flops, stored_rate
from benchmark.execution.step_times import StepTime, measure_steps
from benchmark.protocol.blocks import order_blocks
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.records import Status
from benchmark.results.table import load_results


class PlannedBudget(Struct, frozen=True):
    """What a study does within a given time, by the middle of the estimate.

    Attributes
    ----------
    seconds : float
    runs, left : int
        Of the runs to do, those that should fit and the others.
    done, later : list of str
        Their categories by K, seed and number of methods, in order.
    """

    seconds: float
    runs: int
    left: int
    done: list[str]
    later: list[str]


class Plan(Struct, frozen=True, kw_only=True):
    """What a study consists of and what its remaining runs will cost; printed as such by ``plan --json``.

    Attributes
    ----------
    distinct_runs : int
    studies : dict
        Number of runs that each requested table and figure needs.
    shared : int
        How many runs are saved because tables and figures share them.
    stored, failed, to_do : int
        Runs that are finished, runs that failed, and all that are not finished but did not fail.
    flops : float
        Of the runs to do.
    hours_low, hours_high : float
    rate_from : str
        What the hours were estimated from.
    jobs : int
        Runs at a time.
    device : str
        Names, joined by commas.
    disk_bytes, memory_bytes : float
    steps : list of StepTime
        Of each method and K, with ``--measure``; the hours are then theirs.
    budget : PlannedBudget or None
        Which runs ``--budget`` should leave time for; None without it.
    """

    distinct_runs: int
    studies: dict[str, int]
    shared: int
    stored: int
    failed: int
    to_do: int
    flops: float
    hours_low: float
    hours_high: float
    rate_from: str
    jobs: int
    device: str
    disk_bytes: float
    memory_bytes: int
    steps: list[StepTime] = []
    budget: PlannedBudget | None = None


def make_plan(
    selections: Mapping[str, Selection],
    dataset: ImageList,
    profile: Profile,
    results: Path,
    devices: Sequence[torch.device],
    jobs: int,
    budget: float | None = None,
    measure: bool = False,
) -> Plan:
    """Plan a study; calibrates on this machine for about two seconds if none of its runs is stored.

    Parameters
    ----------
    selections : mapping
        As ``choose_selections`` returns them.
    results : Path
        The results folder, which need not exist.
    jobs : int
        Runs at a time.
    budget : float, optional
        Seconds.
    measure : bool
        Time the steps of each method at the study's own settings, rather than calibrate.

    Raises
    ------
    InputError
        If a selection cannot be run, the results folder cannot be read, or the budget is too short for any run.
    """
    specs = select_runs(dataset, profile, selections.values())
    studies = {name: len(select_runs(dataset, profile, [selection])) for name, selection in selections.items() if name}
    status, rate = _stored(specs, results)
    to_do = [spec for spec in specs if spec.id not in status]
    failed = sum(value == Status.FAILED for value in status.values())
    jobs_used = min(jobs, max(1, len(to_do)))
    flops = sum(map(run_flops, to_do))
    steps = measure_steps(to_do, devices[0]) if measure else []
    if steps:
        rate = _rate_of(steps, flops, devices[0])
    rate = rate or measured_rate(specs, devices[0])
    # Runs that share a GPU slow each other down; how much they gain together is not known beforehand.
    parallel = jobs if devices[0].type == "cpu" else len(devices)
    low, high = estimate_hours(flops, rate, parallel)
    return Plan(
        distinct_runs=len(specs),
        studies=studies,
        shared=sum(studies.values()) - len(specs) if studies and "" not in selections else 0,
        stored=len(status) - failed,
        failed=failed,
        to_do=len(to_do),
        flops=flops,
        hours_low=low,
        hours_high=high,
        rate_from=rate.source,
        jobs=jobs_used,
        device=",".join(map(str, devices)),
        disk_bytes=sum(map(run_bytes, to_do)),
        memory_bytes=memory_of_a_run(profile) * jobs_used,
        steps=steps,
        budget=None if budget is None else _plan_budget(budget, to_do, 1 / rate.middle / parallel),
    )


def _rate_of(steps: Sequence[StepTime], flops: float, device: torch.device) -> Rate:
    rate = flops / 3600 / sum(step.hours for step in steps)
    return Rate(rate, rate, f"steps of each method, measured on {describe_environment(device)['device_name']}")


def _plan_budget(seconds: float, to_do: Sequence[RunSpec], seconds_per_cost: float) -> PlannedBudget:
    blocks = order_blocks(to_do)
    fitting = Budget(seconds, blocks, seconds_per_cost).expected()
    runs = sum(len(block.specs) for block in fitting)
    later = describe_blocks(blocks[len(fitting) :])
    return PlannedBudget(seconds, runs, len(to_do) - runs, describe_blocks(fitting), later)


def _stored(specs: Sequence[RunSpec], results: Path) -> tuple[dict[str, str], Rate | None]:
    """Return the status of each recorded run, and how fast the stored ones were."""
    if not results.is_dir():
        return {}, None
    table = load_results(results)
    status = table.set_index("id")["status"].to_dict()
    return {spec.id: status[spec.id] for spec in specs if spec.id in status}, stored_rate(specs, table)

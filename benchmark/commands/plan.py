"""``plan``: count the runs of a selection and estimate their cost; trains nothing."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import psutil

from benchmark.commands.images import chosen_list
from benchmark.commands.options import check_jobs, chosen_budget, chosen_jobs
from benchmark.commands.selection import chosen_profile, chosen_request
from benchmark.data.mvtec import PublishedMvtecAD
from benchmark.devices import choose_devices
from benchmark.protocol.selection import check_methods, choose_selections
from benchmark.schema import to_builtins
from benchmark.units import format_bytes, format_duration

if TYPE_CHECKING:
    from benchmark.execution.plan import Plan
    from benchmark.execution.step_times import StepTime
    from reports.claims.verdict import Power

logger = logging.getLogger(__name__)


def do(options: argparse.Namespace) -> int:
    """Print the plan."""
    request, profile = chosen_request(options), chosen_profile(options)
    check_jobs(options)
    budget = chosen_budget(options)
    dataset = chosen_list(options)
    selections = choose_selections(request, profile, dataset)
    check_methods([name for selection in selections.values() for name in selection.methods], profile)

    from benchmark.execution.plan import make_plan  # torch, for which a refusal should not wait
    from reports.claims.power import planned_power

    devices = choose_devices(options.device)
    jobs = chosen_jobs(options, profile, devices)
    plan = make_plan(selections, dataset, profile, options.results, devices, jobs, budget, options.measure)
    if isinstance(dataset, PublishedMvtecAD):
        logger.info(
            "planned from the published list of images; stored runs are not recognised without the images, on whose "
            "content a run's id depends: give them with --data-root DIR"
        )
    if plan.to_do and devices[0].type == "cpu" and plan.memory_bytes > (free := psutil.virtual_memory().available):
        logger.warning(
            f"the runs do not fit the memory: up to {format_bytes(plan.memory_bytes)}, {format_bytes(free)} are "
            "free; use fewer --jobs, or a smaller batch_size or image_size with --set"
        )
    power = planned_power(selections.values())
    if options.json:
        powers = {name: asdict(value) for name, value in power.items()}
        print(json.dumps({**to_builtins(plan), "power": powers}, indent=1))
    else:
        print("\n".join([as_text(plan), *power_lines(power)]))
    return 0


def power_lines(power: Mapping[str, Power]) -> list[str]:
    """Return which claims a study of the planned size would likely support; none where it tests no claim."""
    from reports.claims.verdict import ENOUGH  # pandas
    from reports.wording import wrapped

    if not power:
        return []
    likely = {name: value.probability or 0.0 for name, value in power.items()}
    enough = [name for name, share in likely.items() if share >= ENOUGH]
    rest = sorted((share, name) for name, share in likely.items() if share < ENOUGH)[::-1]
    text = f"{len(enough)} of {len(power)} would be supported with a probability of {ENOUGH} or more, if the paper's"
    text += f" differences were true{': ' * bool(enough)}{', '.join(enough)}"
    if rest:
        text += f"; less likely: {', '.join(f'{name} {share:.2f}' for share, name in rest)}"
    return wrapped(f"claims   {text} (docs/statistics.md)", 110, "", "         ")


def step_lines(steps: Sequence[StepTime]) -> list[str]:
    """Return the measured steps as the lines of a table."""
    from reports.text_tables import text_table

    header = ["method", "K", "ms per step", "ms per image", "runs", "time"]
    rows = [
        [
            step.method,
            str(step.shots),
            f"{1000 * step.step_seconds:.1f}",
            f"{1000 * step.image_seconds:.1f}",
            str(step.runs),
            format_duration(3600 * step.hours),
        ]
        for step in steps
    ]
    if any(step.memory_bytes for step in steps):
        header.append("memory")
        for row, step in zip(rows, steps, strict=True):
            row.append(format_bytes(step.memory_bytes))
    return text_table(header, [rows], "l" + "r" * (len(header) - 1)).splitlines()


def as_text(plan: Plan) -> str:
    """Return the plan as lines."""
    lines = [f"{plan.distinct_runs} distinct {'run' if plan.distinct_runs == 1 else 'runs'}"]
    lines += [f"  {name}: {count}" for name, count in plan.studies.items()]
    if plan.shared:
        lines.append(f"  each trained once: {plan.shared} fewer than if every table and figure trained its own")
    lines.append(f"{plan.stored} stored, {plan.failed} failed, {plan.to_do} to do")
    if plan.to_do:
        time = f"{format_duration(3600 * plan.hours_low)} to {format_duration(3600 * plan.hours_high)}"
        lines += [
            f"compute  {plan.flops:.3g} FLOPs, counted",
            f"time     {time}, {plan.jobs} at a time on {plan.device}; from {plan.rate_from}",
            f"disk     about {format_bytes(plan.disk_bytes)}",
            f"memory   up to about {format_bytes(plan.memory_bytes)}",
        ]
    if plan.steps:
        lines += ["", *step_lines(plan.steps)]
    if plan.budget is not None:
        lines.append(
            f"budget   {format_duration(plan.budget.seconds)} should be enough for {plan.budget.runs} of these runs, "
            "in this order:"
        )
        lines += [f"           {line}" for line in plan.budget.done]
        lines += ["         and not for:"] * bool(plan.budget.later)
        lines += [f"           {line}" for line in plan.budget.later]
    return "\n".join(lines)

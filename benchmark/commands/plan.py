"""``plan``: what a selection consists of and what it will cost; trains nothing."""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmark.commands.options import add_data, add_jobs, add_profile, add_results, chosen_jobs
from benchmark.commands.selection import add_selection, chosen_profile, chosen_request
from benchmark.data.datasets import open_dataset
from benchmark.devices import choose_devices
from benchmark.execution.capacity import memory_of_a_run
from benchmark.execution.plan import hours, measured_rate, run_bytes, run_flops, stored_rate
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import choose_selections, select_runs
from benchmark.results.table import load_results


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser("plan", help="count the runs of a selection, and estimate time, disk and memory")
    add_selection(parser)
    add_profile(parser)
    add_data(parser)
    add_results(parser)
    add_jobs(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Print the plan."""
    request, profile = chosen_request(options), chosen_profile(options)
    devices = choose_devices(options.device)
    jobs = chosen_jobs(options, profile, devices)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    selections = choose_selections(request, profile, dataset)
    specs = select_runs(dataset, profile, selections.values())
    by_study = {name: len(select_runs(dataset, profile, [selection])) for name, selection in selections.items() if name}
    status = stored_status(options, specs)
    to_do = [spec for spec in specs if spec.id not in status]
    flops = sum(map(run_flops, to_do))
    results = load_results(options.results) if options.results.is_dir() else None
    rate = (results is not None and stored_rate(specs, results)) or measured_rate(specs, devices[0])
    low, high = hours(flops, rate, jobs)
    plan: dict[str, Any] = {
        "distinct_runs": len(specs),
        "studies": by_study,
        "shared": sum(by_study.values()) - len(specs) if by_study and "" not in selections else 0,
        "stored": sum(value != "failed" for value in status.values()),
        "failed": sum(value == "failed" for value in status.values()),
        "to_do": len(to_do),
        "flops": flops,
        "hours_low": low,
        "hours_high": high,
        "rate_from": rate.source,
        "jobs": min(jobs, max(1, len(to_do))),
        "device": ",".join(map(str, devices)),
        "disk_bytes": sum(map(run_bytes, to_do)),
        "memory_bytes": memory_of_a_run(profile) * min(jobs, max(1, len(to_do))),
    }
    print(json.dumps(plan, indent=1) if options.json else as_text(plan))
    return 0


def stored_status(options: argparse.Namespace, specs: list[RunSpec]) -> dict[str, str]:
    """Return the status of each run that is stored or has failed."""
    if not options.results.is_dir():
        return {}
    stored = load_results(options.results).set_index("id")["status"].to_dict()
    return {spec.id: stored[spec.id] for spec in specs if spec.id in stored}


def as_text(plan: dict[str, Any]) -> str:
    """Return the plan as lines."""
    lines = [f"{plan['distinct_runs']} distinct runs"]
    lines += [f"  {name}: {count}" for name, count in plan["studies"].items()]
    if plan["shared"]:
        lines.append(f"  each trained once: {plan['shared']} fewer than if every table and figure trained its own")
    lines.append(f"{plan['stored']} stored, {plan['failed']} failed, {plan['to_do']} to do")
    if plan["to_do"]:
        time = f"{_duration(plan['hours_low'])} to {_duration(plan['hours_high'])}"
        lines += [
            f"operations  {plan['flops']:.3g} FLOP, counted",
            f"time        {time}, {plan['jobs']} at a time on {plan['device']}; from {plan['rate_from']}",
            f"disk        about {_size(plan['disk_bytes'])}",
            f"memory      up to about {_size(plan['memory_bytes'])}",
        ]
    return "\n".join(lines)


def _duration(hours_: float) -> str:
    if hours_ < 1:
        return f"{60 * hours_:.1f} minutes"
    return f"{hours_:.1f} hours" if hours_ < 72 else f"{hours_ / 24:.1f} days"


def _size(bytes_: float) -> str:
    return f"{bytes_ / 1e9:.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.0f} MB"

"""``replay``: train a stored run again here and say whether it agrees."""

from __future__ import annotations

import argparse
import json
import random

from baselines.errors import InputError
from benchmark.data.choices import CACHE_LIMIT, DATASETS, EDITIONS
from benchmark.data.datasets import open_dataset
from benchmark.devices import check_names, choose_devices
from benchmark.execution.study import StudyRunner
from benchmark.execution.workers import LocalWorkers
from benchmark.gate.outcomes import MEASURE_LABELS
from benchmark.replay import Replay, choose_run, profile_of, replay
from benchmark.units import parse_size
from reports.escapes import for_terminal
from reports.text_tables import text_table


def do(options: argparse.Namespace) -> int:
    """Print the comparison; return 1 if the run does not agree."""
    check_names(options.device)
    record = choose_run(options.results, options.run, random.choice if options.random else None)
    name = record.dataset if record.dataset in DATASETS else "folder"
    if options.data_root is None and name not in EDITIONS:
        raise InputError(
            f"run {record.id} was trained on images of {record.dataset}: give their folder, --data-root DIR"
        )
    cache = options.cache.or_temporary()
    dataset = open_dataset(name, options.data_root, cache, options.masks_hold)
    profile = profile_of(record, options.weights_dir)
    train = StudyRunner(
        profile,
        workers=LocalWorkers(choose_devices(options.device)[:1], jobs=1),
        cache=cache,
        cache_limit=parse_size("--cache-limit", CACHE_LIMIT),
        weights_dir=options.weights_dir,
    )
    found = replay(record, profile, options.results, dataset, train)
    print(json.dumps(as_plain(found), indent=1) if options.json else as_text(found))
    return 0 if found.agrees else 1


def as_plain(found: Replay) -> dict[str, object]:
    """Return a comparison for JSON."""
    return {
        "run": found.record.id,
        "agrees": found.agrees,
        "verdict": verdict(found),
        "identical": found.identical,
        "same_images": found.same_images,
        "images": found.images,
        "differing": {name: {"stored": pair[0], "here": pair[1]} for name, pair in found.differing.items()},
        "measures": {
            name: {"stored": each.stored, "here": each.here, "tolerance": each.tolerance}
            for name, each in found.measures.items()
        },
    }


def as_text(found: Replay) -> str:
    """Return a comparison as a table, what differs between the machines, and the verdict."""
    lines = [f"{found.record.title} ({found.record.id})"]
    if found.measures:
        rows = [
            [MEASURE_LABELS[name], _number(each.stored), _number(each.here), _number(each.tolerance)]
            for name, each in found.measures.items()
        ]
        lines += [text_table(["", "stored", "here", "tolerance"], [rows], "lrrr").rstrip("\n")]
        lines += [f"{found.same_images} of {found.images} test images have the same pixel counts"]
    lines += [f"{name}: {pair[0]} stored, {pair[1]} here" for name, pair in found.differing.items()]
    return "\n".join(for_terminal(line) for line in "\n".join([*lines, verdict(found)]).splitlines())


def verdict(found: Replay) -> str:
    """Return whether the run agrees, and how that was decided, in one sentence."""
    if found.reason:
        return f"DISAGREES: {found.reason}"
    if found.identical:
        return "AGREES to the bit" + (", although code, versions or hardware differ" if found.differing else "")
    if not found.differing:
        return "DISAGREES: code, versions and hardware are the same, so every bit must be"
    beyond = [MEASURE_LABELS[name] for name, each in found.measures.items() if each.beyond]
    if beyond:
        return f"DISAGREES: {', '.join(beyond)} by more than the tolerance"
    return "AGREES within the tolerances of the regression gate"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"

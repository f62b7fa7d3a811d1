"""``bench``: measure where the time goes on this machine."""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.errors import InputError, unknown_name
from baselines.registry import select_methods
from benchmark.commands.arguments.bench import GROUPS
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import check_methods, choose_methods
from benchmark.schema import to_builtins
from reports.text_tables import text_table

if TYPE_CHECKING:
    from benchmark.bench.pairs import Measurement

logger = logging.getLogger(__name__)

# Of one program, which is this one.
_IDLE_LOAD = 1.5


def do(options: argparse.Namespace) -> int:
    """Print the measurements of the chosen groups."""
    for name in options.groups:
        if name not in GROUPS:
            raise unknown_name("group", name, GROUPS)
    for option in ("pairs", "steps"):
        if getattr(options, option) < 1:
            raise InputError(f"--{option} must be at least 1, got {getattr(options, option)}")
    profile = load_profile(options.profile, options.set)
    methods = choose_methods([name for text in options.method for name in select_methods(text)], profile)
    check_methods(methods, profile)
    _warn_if_busy()

    from benchmark.bench.groups import measure_groups  # torch, for which a refusal should not wait
    from benchmark.bench.subject import Subject
    from benchmark.devices import choose_device
    from benchmark.environment import describe_environment

    device = choose_device(options.device)
    measured: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder:
        subject = Subject(profile, tuple(methods), Path(folder), options.pairs, options.steps, device)
        for each in measure_groups(options.groups or GROUPS, subject):
            logger.info(f"{each.group}: {each.what}: {each.ratio:.3g} x {each.against}")
            measured.append(each)
    machine = describe_environment(device)
    if options.json:
        print(json.dumps({"machine": machine, "measurements": to_builtins(measured)}, indent=1))
    else:
        print(as_text(measured), end="")
        print(f"{machine['device_name']}, {os.cpu_count()} cores; torch {machine['torch']}, profile {profile.name}")
    return 0


def as_text(measured: Sequence[Measurement]) -> str:
    """Return a table of measurements, a block for each group."""
    blocks: dict[str, list[list[str]]] = {}
    for each in measured:
        spread = f"{each.low:.2f} to {each.high:.2f}, {each.pairs} pairs" if each.pairs else "counted"
        blocks.setdefault(each.group, []).append([each.what, f"{each.ratio:.2f}", spread, each.against])
    return text_table(["", "ratio", "range", "against"], list(blocks.values()), "lrll")


def _warn_if_busy() -> None:
    """Warn where other programs would disturb the measurement."""
    if hasattr(os, "getloadavg") and (load := os.getloadavg()[0]) > _IDLE_LOAD:
        logger.warning(f"other programs use this machine (load {load:.1f}): expect a wide range")

"""What a check covers: which cells of a baseline, the runs they need, and where those runs are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from baselines import get_method
from baselines.errors import InputError, unknown_name
from baselines.networks import network_class
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import digest_of
from benchmark.environment import bit_conditions, code_digest, describe_environment
from benchmark.gate.baseline import Baseline
from benchmark.gate.outcomes import Cell
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection
from benchmark.schema import to_builtins

_SUITE = ("baselines", "benchmark")


@dataclass(frozen=True)
class Narrowing:
    """Which part of a baseline is checked; everything where a list is empty."""

    categories: Sequence[str] = ()
    methods: Sequence[str] = ()
    shots: Sequence[int] = ()


def choose_cells(narrowing: Narrowing, baseline: Baseline) -> list[Cell]:
    """Return the cells to compare; InputError if something was asked for that the baseline does not have."""
    cells = list(baseline.outcomes)
    asked = {"category": narrowing.categories, "method": narrowing.methods, "shots": narrowing.shots}
    for kind, names in asked.items():
        known = list(dict.fromkeys(str(getattr(cell, kind)) for cell in cells))
        for name in names:
            if str(name) not in known:
                raise unknown_name(f"{kind} of the baseline", str(name), known)
    return [cell for cell in cells if all(not names or getattr(cell, kind) in names for kind, names in asked.items())]


def cell_selections(cells: Iterable[Cell], seeds: Sequence[int]) -> list[Selection]:
    """Return the runs of some cells, one selection per category and K."""
    methods: dict[tuple[str, int], list[str]] = {}
    for cell in cells:
        methods.setdefault((cell.category, cell.shots), []).append(cell.method)
    return [Selection(names, [category], [shots], seeds) for (category, shots), names in methods.items()]


def unknown_methods(cells: Iterable[Cell]) -> dict[Cell, str]:
    """Return the cells whose method does not exist any more, with the reason."""
    found = {}
    for cell in cells:
        try:
            get_method(cell.method)
        except InputError as error:
            found[cell] = str(error)
    return found


def check_same_experiment(
    baseline: Baseline, path: Path, profile: Profile, dataset: DataSet, cells: Sequence[Cell]
) -> None:
    """Refuse to compare runs under another protocol or of other images.

    Raises
    ------
    InputError
        That says what differs.
    """
    advice = "check what the baseline was made with, or write it again with check --update"
    for shots in dict.fromkeys(cell.shots for cell in cells):
        here, there = to_builtins(profile.protocol(shots)), to_builtins(baseline.protocols[shots])
        for name in here:
            if here[name] != there[name]:
                raise InputError(
                    f"{name} is {here[name]!r} in profile {profile.name}, {there[name]!r} in {path}: {advice}"
                )
    for category in dict.fromkeys(cell.category for cell in cells):
        if dataset.manifest(category).digest != baseline.images[category]:
            raise InputError(f"the images of category {category} in {dataset.name} are not those of {path}: {advice}")


def checked_runs_folder(results: Path, specs: Sequence[RunSpec], device: torch.device) -> Path:
    """Return where the runs of checks are kept: identity does not hold the code, so each code has its own folder."""
    own = {network_class(spec.method.network).__module__.partition(".")[0] for spec in specs}
    made_by = {
        "code": code_digest(tuple(sorted({*_SUITE, *own}))),
        "machine": bit_conditions(describe_environment(device) | {"threads": 0}),
    }
    return results / "check" / digest_of(made_by)[:12]

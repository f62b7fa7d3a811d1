"""What a check covers: cells of a baseline, the runs they need, and where these runs are stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from baselines import get_method
from baselines.errors import InputError, unknown_name
from baselines.networks import network_class, network_file
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import digest_of
from benchmark.environment import bit_conditions, code_digest, describe_environment
from benchmark.gate.baseline import Baseline
from benchmark.gate.outcomes import Cell, StoredRuns, read_outcomes
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.schema import to_builtins

_SUITE = ("baselines", "benchmark")


@dataclass(frozen=True)
class Narrowing:
    """Which part is asked for; everything where a list is empty."""

    categories: Sequence[str] = ()
    methods: Sequence[str] = ()
    shots: Sequence[int] = ()


@dataclass(frozen=True)
class Scope:
    """What a check compares.

    Attributes
    ----------
    cells : list of Cell
    unknown : dict
        Cells whose method no longer exists, with the reason.
    specs : list of RunSpec
        The runs of the other cells.
    seeds : tuple of int
    """

    cells: list[Cell]
    unknown: dict[Cell, str]
    specs: list[RunSpec]
    seeds: tuple[int, ...]

    def read(self, root: Path) -> StoredRuns:
        """Read how the runs ended; raises as ``read_outcomes``."""
        runs = read_outcomes(root, self.specs)
        unknown = {(cell, seed): reason for cell, reason in self.unknown.items() for seed in self.seeds}
        return replace(runs, missing=runs.missing | unknown)


def choose_scope(baseline: Baseline, path: Path, narrowing: Narrowing, profile: Profile, dataset: DataSet) -> Scope:
    """Return what a check of (part of) a baseline compares.

    Parameters
    ----------
    path : Path
        The baseline's file, for messages.
    profile : Profile
        With the seeds of the check.

    Raises
    ------
    InputError
        If the baseline lacks something that is asked for, or was made under another protocol or from other images.
    """
    cells = _choose_cells(narrowing, baseline)
    _check_same_experiment(baseline, path, profile, dataset, cells)
    unknown = _unknown_methods(cells)
    methods: dict[tuple[str, int], list[str]] = {}
    for cell in cells:
        if cell not in unknown:
            methods.setdefault((cell.category, cell.shots), []).append(cell.method)
    selections = [Selection(names, [category], [shots], profile.seeds) for (category, shots), names in methods.items()]
    return Scope(cells, unknown, select_runs(dataset, profile, selections), profile.seeds)


def _choose_cells(narrowing: Narrowing, baseline: Baseline) -> list[Cell]:
    cells = list(baseline.outcomes)
    asked = {"category": narrowing.categories, "method": narrowing.methods, "shots": narrowing.shots}
    for kind, names in asked.items():
        known = list(dict.fromkeys(str(getattr(cell, kind)) for cell in cells))
        for name in names:
            if str(name) not in known:
                raise unknown_name(f"{kind} of the baseline", str(name), known)
    return [cell for cell in cells if all(not names or getattr(cell, kind) in names for kind, names in asked.items())]


def _unknown_methods(cells: Iterable[Cell]) -> dict[Cell, str]:
    unknown = {}
    for cell in cells:
        try:
            get_method(cell.method)
        except InputError as error:
            unknown[cell] = str(error)
    return unknown


def _check_same_experiment(
    baseline: Baseline, path: Path, profile: Profile, dataset: DataSet, cells: Sequence[Cell]
) -> None:
    advice = "check what the baseline was made with, or write it again with check --update"
    for shots in dict.fromkeys(cell.shots for cell in cells):
        ours, theirs = to_builtins(profile.protocol(shots)), to_builtins(baseline.protocols[shots])
        for name, value in ours.items():
            if value != theirs[name]:
                raise InputError(f"{name} is {value!r} in profile {profile.name}, {theirs[name]!r} in {path}: {advice}")
    for category in dict.fromkeys(cell.category for cell in cells):
        if dataset.manifest(category).digest != baseline.images[category]:
            raise InputError(f"the images of category {category} in {dataset.name} are not those of {path}: {advice}")


def checked_runs_folder(results: Path, specs: Sequence[RunSpec], device: torch.device) -> Path:
    """Return where the runs of checks are stored: identity does not include the code, so each code has a folder."""
    modules = {network_class(spec.method.network).__module__ for spec in specs if not network_file(spec.method.network)}
    packages = {module.partition(".")[0] for module in modules}
    conditions = {
        "code": code_digest(tuple(sorted({*_SUITE, *packages}))),
        "machine": bit_conditions(describe_environment(device) | {"threads": 0}),
    }
    if files := sorted({spec.method.file.digest for spec in specs if spec.method.file}):
        conditions["files"] = files
    return results / "check" / digest_of(conditions)[:12]

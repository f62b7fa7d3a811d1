"""Making a baseline from the runs of one machine, and the differences to another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from baselines.errors import InputError
from benchmark.data.datasets import DataSet
from benchmark.gate.baseline import Baseline, spreads_of
from benchmark.gate.outcomes import Scores, StoredRuns, describe_place, differences, read_outcomes
from benchmark.gate.scope import Narrowing
from benchmark.gate.spread import SMALLEST_SEEDS, calibrate
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, choose_categories, choose_categories_at, choose_methods, select_runs


def check_repeats(repeats: int, seeds: int) -> None:
    """Check that a baseline of so many repeats supports checks of so many seeds.

    Raises
    ------
    InputError
        If not; it names the least number.

    Examples
    --------
    >>> check_repeats(20, 4)
    """
    if repeats < (least := max(SMALLEST_SEEDS, seeds + 2)):
        raise InputError(f"--repeats must be at least {least} for checks of {seeds} seeds, got {repeats}")


def choose_runs(dataset: DataSet, profile: Profile, narrowing: Narrowing, repeats: int) -> list[RunSpec]:
    """Return the runs of a new baseline: seeds 0 to ``repeats`` - 1, and the profile's.

    Raises
    ------
    InputError
        As ``select_runs``.
    """
    selection = Selection(
        choose_methods(narrowing.methods, profile),
        choose_categories(dataset, narrowing.categories, profile.categories),
        list(dict.fromkeys(narrowing.shots)) or list(profile.shots),
        sorted({*range(repeats), *profile.seeds}),
        choose_categories_at(dataset, narrowing.categories, profile),
    )
    return select_runs(dataset, profile, [selection])


def make_baseline(
    specs: Sequence[RunSpec],
    runs: StoredRuns,
    root: Path,
    profile: Profile,
    elsewhere: StoredRuns | None,
    before: Baseline | None,
) -> Baseline:
    """Make a baseline of runs, none of which is missing.

    Parameters
    ----------
    root : Path
        Where the runs are stored, for messages.
    profile : Profile
        With the seeds of a check.
    elsewhere : StoredRuns or None
        The same runs on another kind of machine.
    before : Baseline or None
        The one that is replaced.

    Raises
    ------
    InputError
        If the runs come from several kinds of machines, or both machines are of one kind.
    """
    machine = _only_machine(runs, root)
    differs, other = _measure_differences(runs, machine, elsewhere, before)
    return Baseline(
        profile=profile.name,
        dataset=specs[0].dataset,
        protocols={shots: profile.protocol(shots) for shots in dict.fromkeys(spec.shots for spec in specs)},
        images={spec.category: spec.data_digest for spec in specs},
        machine=machine,
        code=", ".join(runs.codes),
        outcomes=runs.outcomes,
        differs=differs,
        elsewhere=other,
        calibrations={
            pairing: calibrate(spread, len(profile.seeds))
            for pairing, spread in spreads_of(runs.outcomes, differs).items()
        },
    )


def _only_machine(runs: StoredRuns, root: Path) -> dict[str, str]:
    if len(runs.machines) > 1:
        raise InputError(
            f"the runs in {root} come from {len(runs.machines)} kinds of hardware or versions, and must come from one: "
            "repeat them in another --results folder"
        )
    return runs.machines[0]


def read_elsewhere(root: Path, specs: Sequence[RunSpec]) -> StoredRuns:
    """Read the runs of a baseline from the results of another machine; InputError if any is missing."""
    runs = read_outcomes(root, specs)
    if runs.missing:
        (cell, seed), reason = next(iter(runs.missing.items()))
        raise InputError(
            f"{len(runs.missing)} runs of the baseline are not in --elsewhere {root}, e.g. {describe_place(*cell)} "
            f"seed {seed} ({reason}): do them on that machine"
        )
    _only_machine(runs, root)
    return runs


def _measure_differences(
    runs: StoredRuns, machine: dict[str, str], elsewhere: StoredRuns | None, before: Baseline | None
) -> tuple[Scores, dict[str, str]]:
    """Return how far another machine's runs are from these, and that machine.

    Without another machine's, the differences of the baseline before are kept if its cells and seeds are the same.
    """
    if elsewhere is not None:
        if elsewhere.machines[0] == machine:
            raise InputError("the runs in --elsewhere are of the same kind of machine: it must be another one")
        return differences(runs.outcomes, elsewhere.outcomes), elsewhere.machines[0]
    wanted = {cell: set(seeds) for cell, seeds in runs.outcomes.items()}
    if before is None or {cell: set(seeds) for cell, seeds in before.differs.items()} != wanted:
        return {}, {}
    return before.differs, before.elsewhere

"""Making a baseline from stored runs: of one machine, with what differs on another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from baselines.errors import InputError
from benchmark.gate.baseline import Baseline, spreads_of
from benchmark.gate.outcomes import Scores, StoredRuns, differences, read_outcomes
from benchmark.gate.spread import SMALLEST_SEEDS, calibrate
from benchmark.protocol.profile import Profile
from benchmark.protocol.runs import RunSpec


def check_repeats(repeats: int, seeds: int) -> None:
    """Refuse too few repeats for checks of so many seeds.

    Raises
    ------
    InputError
        That names the least number.
    """
    if repeats < (least := max(SMALLEST_SEEDS, seeds + 2)):
        raise InputError(f"--repeats must be at least {least} for checks of {seeds} seeds, got {repeats}")


def make_baseline(
    specs: Sequence[RunSpec],
    runs: StoredRuns,
    root: Path,
    profile: Profile,
    elsewhere: StoredRuns | None,
    before: Baseline | None,
) -> Baseline:
    """Return the baseline of some runs, none of which is missing.

    Parameters
    ----------
    root : Path
        Where the runs are, for messages.
    profile : Profile
        With the seeds of a check.
    elsewhere : StoredRuns or None
        The same runs on another kind of machine.
    before : Baseline or None
        The one that is written again.

    Raises
    ------
    InputError
        If the runs are of several kinds of machines, or both machines are of one kind.
    """
    machine = only_machine(runs, root)
    differs, other = measure_differences(runs, machine, elsewhere, before)
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
            kind: calibrate(spread, len(profile.seeds)) for kind, spread in spreads_of(runs.outcomes, differs).items()
        },
    )


def only_machine(runs: StoredRuns, root: Path) -> dict[str, str]:
    """Return the one kind of machine that runs were done on; InputError if there are several."""
    if len(runs.machines) > 1:
        raise InputError(
            f"the runs in {root} are of {len(runs.machines)} kinds of hardware or versions, and must be of one: "
            "do them anew in another --results folder"
        )
    return runs.machines[0]


def read_elsewhere(root: Path, specs: Sequence[RunSpec]) -> StoredRuns:
    """Read the runs of a baseline as another machine did them; InputError if any is missing."""
    there = read_outcomes(root, specs)
    if there.missing:
        (cell, seed), reason = next(iter(there.missing.items()))
        raise InputError(
            f"{len(there.missing)} runs of the baseline are not in --elsewhere {root}, e.g. {cell.category} "
            f"{cell.method} {cell.shots}-shot seed {seed} ({reason}): do them on that machine"
        )
    only_machine(there, root)
    return there


def measure_differences(
    runs: StoredRuns, machine: dict[str, str], elsewhere: StoredRuns | None, before: Baseline | None
) -> tuple[Scores, dict[str, str]]:
    """Return how far another machine's runs are from these, and which machine that was.

    Where there are none, those of the baseline before are kept if they are of the same cells and seeds.

    Raises
    ------
    InputError
        If both machines are of one kind.
    """
    if elsewhere is not None:
        if elsewhere.machines[0] == machine:
            raise InputError("the runs in --elsewhere are of the same kind of machine: it must be another one")
        return differences(runs.outcomes, elsewhere.outcomes), elsewhere.machines[0]
    wanted = {cell: set(seeds) for cell, seeds in runs.outcomes.items()}
    if before is None or {cell: set(seeds) for cell, seeds in before.differs.items()} != wanted:
        return {}, {}
    return before.differs, before.elsewhere

"""``check``: train a small study anew and hold its metrics against a committed baseline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from baselines import InputError, get_method
from baselines.errors import unknown_name
from baselines.networks import network_class
from benchmark.atomic import check_folder, replace_file
from benchmark.commands.options import add_data, add_profile, add_results
from benchmark.commands.selection import choose_categories
from benchmark.commands.training import add_training, chosen_training
from benchmark.data.datasets import DataSet, open_dataset
from benchmark.data.manifest import digest_of
from benchmark.devices import choose_devices
from benchmark.environment import bit_conditions, code_digest, describe_environment
from benchmark.gate.baseline import Baseline, read_baseline, spreads_of, write_baseline
from benchmark.gate.judge import judge
from benchmark.gate.outcomes import Cell, Scores, StoredRuns, differences, read_outcomes
from benchmark.gate.spread import SMALLEST_SEEDS, calibrate
from benchmark.prepare import find_runs
from benchmark.profile import Profile, load_profile
from benchmark.runs import RunSpec, Selection
from benchmark.store import ResultStore
from benchmark.work import error_of, read_failures
from reports.gate import (
    Report,
    as_junit,
    as_records,
    as_text,
    describe_assessment,
    describe_update,
)

BASELINES = Path("tests/metrics")
REPEATS = 20
_SUITE = ("baselines", "benchmark")


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "check",
        help="regression gate: train a small study and hold its metrics against a committed baseline",
        description="Train every method, category and K of the baseline anew and compare. Exit codes: 0 nothing is "
        "worse; 1 something is, or is missing; 2 it cannot be compared. Runs are kept in RESULTS/check, by code and "
        "machine: the same command goes on where it was stopped, and no run of other code is taken for one of this.",
    )
    what = parser.add_argument_group("what to compare", "All that the baseline holds, unless narrowed.")
    what.add_argument("--method", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--category", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--shots", action="extend", nargs="+", type=int, default=[], metavar="K")
    what.add_argument(
        "--seed", action="extend", nargs="+", type=int, default=[], metavar="N", help="default: the profile's"
    )
    gate = parser.add_argument_group("against what, and how")
    gate.add_argument(
        "--baseline", type=Path, metavar="FILE", help=f"default: {BASELINES}/PROFILE.json below this folder"
    )
    gate.add_argument(
        "--gate",
        choices=("auto", "bit", "statistical"),
        default="auto",
        help="auto: bit by bit where hardware and versions are the baseline's, by tolerances elsewhere",
    )
    gate.add_argument("--stored", action="store_true", help="judge what is stored in --results; train nothing")
    gate.add_argument("--update", action="store_true", help="write the baseline, and say what changes")
    gate.add_argument(
        "--repeats", type=int, default=REPEATS, metavar="N", help=f"with --update: seeds 0 to N-1; default: {REPEATS}"
    )
    gate.add_argument(
        "--elsewhere",
        type=Path,
        metavar="DIR",
        help="with --update: results of the same runs on another kind of machine; what differs there is tolerated",
    )
    gate.add_argument(
        "--assess",
        action="store_true",
        help="say how often this baseline raises a false alarm and which losses it finds; train nothing",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="also write check.txt, check.json and check.xml (JUnit)"
    )
    add_profile(parser, default="ci")
    add_data(parser)
    add_results(parser)
    add_training(parser)
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Compare, write a baseline, or assess one; 1 if something is worse or missing."""
    profile = load_profile(options.profile, [*options.set, *([f"seeds={options.seed}"] if options.seed else [])])
    path = options.baseline or BASELINES / f"{profile.name}.json"
    if options.assess:
        print(describe_assessment(read_baseline(path), len(profile.seeds)), end="")
        return 0
    return update(options, profile, path) if options.update else check(options, profile, path)


def check(options: argparse.Namespace, profile: Profile, path: Path) -> int:
    """Do what is to be compared and print how it compares."""
    baseline = read_baseline(path)
    if options.out is not None:
        check_folder(options.out)
    cells = chosen_cells(options, baseline)
    do_runs = chosen_training(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    refuse_another_experiment(baseline, path, profile, dataset, cells)
    if options.gate == "statistical" or not set(profile.seeds) <= set(baseline.seeds):
        baseline.calibration(profile.seeds)  # before training: there may be too many seeds for it
    gone = {cell: reason for cell in cells if (reason := why_unknown(cell.method))}
    specs = find_runs(dataset, profile, selections([cell for cell in cells if cell not in gone], profile.seeds))
    root = results_root(options, specs)
    if not options.stored:
        do_runs(specs, dataset, root)
    runs = read_stored(root, specs)
    runs.missing.update({(cell, seed): reason for cell, reason in gone.items() for seed in profile.seeds})
    report = Report(
        judge(baseline, runs, cells, profile.seeds, options.gate),
        baseline,
        str(path),
        runs.machines[0] if runs.machines else {},
        notes_on(runs),
    )
    if options.out is not None:
        write_all(report, options.out)
    print(as_json(report) if options.json else as_text(report), end="")
    return 0 if report.judgement.passed else 1


def update(options: argparse.Namespace, profile: Profile, path: Path) -> int:
    """Do the runs of a baseline, write it and print what changed; nothing is written if a run is missing."""
    m = len(profile.seeds)
    if options.repeats < (least := max(SMALLEST_SEEDS, m + 2)):
        raise InputError(f"--repeats must be at least {least} for checks of {m} seeds, got {options.repeats}")
    check_folder(path.parent)
    before = former_baseline(path)
    do_runs = chosen_training(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    specs = baseline_runs(options, profile, dataset)
    there = None if options.elsewhere is None else read_elsewhere(options.elsewhere, specs)
    root = results_root(options, specs)
    if not options.stored:
        do_runs(specs, dataset, root)
    runs = read_stored(root, specs)
    if runs.missing:
        for (cell, seed), reason in runs.missing.items():
            print(f"{cell.category} {cell.method} {cell.shots}-shot seed {seed}: {reason}", file=sys.stderr)
        print(f"{len(runs.missing)} runs are missing: no baseline was written", file=sys.stderr)
        return 1
    machine = only_machine(runs, root)
    differs, elsewhere = measure_differences(runs, machine, there, before)
    spreads = spreads_of(runs.outcomes, differs)
    after = Baseline(
        profile=profile.name,
        dataset=dataset.name,
        protocols={shots: profile.protocol(shots) for shots in dict.fromkeys(spec.shots for spec in specs)},
        images={spec.category: spec.data_digest for spec in specs},
        machine=machine,
        code=", ".join(runs.codes),
        outcomes=runs.outcomes,
        differs=differs,
        elsewhere=elsewhere,
        calibrations={kind: calibrate(spread, m) for kind, spread in spreads.items()},
    )
    write_baseline(path, after)
    print(describe_update(before, after))
    print(f"baseline: {path}")
    return 0


def former_baseline(path: Path) -> Baseline | None:
    """Return the baseline that is written anew; None if there is none, or, after a warning, if it cannot be read."""
    if not path.exists():
        return None
    try:
        return read_baseline(path)
    except InputError as error:
        print(f"warning: {error}", file=sys.stderr)
        return None


def baseline_runs(options: argparse.Namespace, profile: Profile, dataset: DataSet) -> list[RunSpec]:
    """Return the runs of a baseline: what the profile names, unless narrowed, with many seeds."""
    methods = list(dict.fromkeys(options.method)) or list(profile.methods)
    if not methods:
        raise InputError(f"profile {profile.name} names no methods: add --method NAME")
    categories = choose_categories(dataset, options.category, profile.categories)
    shots = list(dict.fromkeys(options.shots)) or list(profile.shots)
    seeds = sorted({*range(options.repeats), *profile.seeds})
    return find_runs(dataset, profile, [Selection(methods, categories, shots, seeds)])


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
    there = read_stored(root, specs)
    if there.missing:
        (cell, seed), reason = next(iter(there.missing.items()))
        raise InputError(
            f"{len(there.missing)} runs of the baseline are not in --elsewhere {root}, e.g. {cell.category} "
            f"{cell.method} {cell.shots}-shot seed {seed} ({reason}): do them on that machine"
        )
    only_machine(there, root)
    return there


def measure_differences(
    runs: StoredRuns, machine: dict[str, str], there: StoredRuns | None, before: Baseline | None
) -> tuple[Scores, dict[str, str]]:
    """Return how far another machine's runs are from these, and which machine that was.

    Where there are none, those of the baseline before are kept if they are of the same cells and seeds.

    Raises
    ------
    InputError
        If both machines are of one kind.
    """
    if there is not None:
        if there.machines[0] == machine:
            raise InputError("the runs in --elsewhere are of the same kind of machine: it must be another one")
        return differences(runs.outcomes, there.outcomes), there.machines[0]
    wanted = {cell: set(seeds) for cell, seeds in runs.outcomes.items()}
    if before is None or {cell: set(seeds) for cell, seeds in before.differs.items()} != wanted:
        return {}, {}
    return before.differs, before.elsewhere


def chosen_cells(options: argparse.Namespace, baseline: Baseline) -> list[Cell]:
    """Return the cells to compare; InputError if something was asked for that the baseline has not."""
    cells = list(baseline.outcomes)
    for kind, asked in (("category", options.category), ("method", options.method), ("shots", options.shots)):
        known = list(dict.fromkeys(str(getattr(cell, kind)) for cell in cells))
        for name in asked:
            if str(name) not in known:
                raise unknown_name(f"{kind} of the baseline", str(name), known)
    return [
        cell
        for cell in cells
        if (not options.category or cell.category in options.category)
        and (not options.method or cell.method in options.method)
        and (not options.shots or cell.shots in options.shots)
    ]


def selections(cells: Iterable[Cell], seeds: Sequence[int]) -> list[Selection]:
    """Return the runs of some cells, one selection per category and K."""
    methods: dict[tuple[str, int], list[str]] = {}
    for cell in cells:
        methods.setdefault((cell.category, cell.shots), []).append(cell.method)
    return [Selection(names, [category], [shots], seeds) for (category, shots), names in methods.items()]


def why_unknown(method: str) -> str:
    """Return why there is no method of that name; "" if there is."""
    try:
        get_method(method)
    except InputError as error:
        return str(error)
    return ""


def refuse_another_experiment(
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
        here, there = profile.protocol(shots), baseline.protocols[shots]
        for name in dict.fromkeys([*here, *there]):
            if here.get(name) != there.get(name):
                raise InputError(
                    f"{name} is {here.get(name)!r} in profile {profile.name}, {there.get(name)!r} in {path}: {advice}"
                )
    for category in dict.fromkeys(cell.category for cell in cells):
        if dataset.manifest(category).digest != baseline.images[category]:
            raise InputError(f"the images of category {category} in {dataset.name} are not those of {path}: {advice}")


def results_root(options: argparse.Namespace, specs: Sequence[RunSpec]) -> Path:
    """Return where the runs are kept: a run's identity does not hold the code, so each code has its own folder."""
    if options.stored:
        if not options.results.is_dir():
            raise InputError(f"no results in {options.results}: name the folder with --results, or leave out --stored")
        return options.results
    own = {network_class(spec.method.network).__module__.partition(".")[0] for spec in specs}
    device = torch.device("cpu") if options.backend == "dask" else choose_devices(options.device)[0]
    made_by = {
        "code": code_digest(tuple(sorted({*_SUITE, *own}))),
        "machine": bit_conditions(describe_environment(device) | {"threads": 0}),
    }
    return options.results / "check" / digest_of(made_by)[:12]


def read_stored(root: Path, specs: Sequence[RunSpec]) -> StoredRuns:
    """Read what the runs came to."""
    failures = read_failures(ResultStore(root), specs)
    return read_outcomes(root, specs, {run: " ".join(error_of(text).split()) for run, text in failures.items()})


def notes_on(runs: StoredRuns) -> tuple[str, ...]:
    """Return what a reader should know about stored runs."""
    if set(runs.codes) <= {code_digest()}:
        return ()
    return ("the stored runs are not of the present code: they say nothing about it",)


def as_json(report: Report) -> str:
    """Return a report as JSON."""
    return json.dumps(as_records(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_all(report: Report, folder: Path) -> None:
    """Write a report in every format.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    contents = {
        "check.txt": as_text(report).encode(),
        "check.json": as_json(report).encode(),
        "check.xml": as_junit(report),
    }
    for name, content in contents.items():
        with replace_file(folder / name) as temporary:
            temporary.write_bytes(content)

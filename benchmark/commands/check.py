"""``check``: train a small study anew and hold its metrics against a committed baseline."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from baselines.errors import InputError
from benchmark.atomic import check_folder, replace_file
from benchmark.commands.options import add_data, add_profile, add_results
from benchmark.commands.training import add_training, chosen_training
from benchmark.data.datasets import open_dataset
from benchmark.devices import choose_devices
from benchmark.environment import code_digest
from benchmark.gate.baseline import Baseline, read_baseline, write_baseline
from benchmark.gate.judge import judge
from benchmark.gate.outcomes import StoredRuns, read_outcomes
from benchmark.gate.scope import (
    Narrowing,
    cell_selections,
    check_same_experiment,
    checked_runs_folder,
    choose_cells,
    unknown_methods,
)
from benchmark.gate.update import check_repeats, make_baseline, read_elsewhere
from benchmark.protocol.profile import Profile, load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, choose_categories, choose_methods, select_runs
from reports.gate import Report, as_junit, as_records, as_text, describe_assessment, describe_update

BASELINES = Path("tests/metrics")
REPEATS = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Train every method, category and K of the baseline anew and compare. Exit codes: 0 nothing is worse; 1 "
        "something is, or is missing; 2 it cannot be compared. Runs are kept in RESULTS/check, by code and machine: "
        "the same command resumes where it was stopped, and runs of other code are never reused."
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
    cells = choose_cells(Narrowing(options.category, options.method, options.shots), baseline)
    do_runs = chosen_training(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    check_same_experiment(baseline, path, profile, dataset, cells)
    if options.gate == "statistical" or not set(profile.seeds) <= set(baseline.seeds):
        baseline.calibration(profile.seeds)  # before training: there may be too many seeds for it
    unknown = unknown_methods(cells)
    known = [cell for cell in cells if cell not in unknown]
    specs = select_runs(dataset, profile, cell_selections(known, profile.seeds))
    root = runs_folder(options, specs)
    if not options.stored:
        do_runs(specs, dataset, root)
    runs = read_outcomes(root, specs)
    runs.missing.update({(cell, seed): reason for cell, reason in unknown.items() for seed in profile.seeds})
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
    check_repeats(options.repeats, len(profile.seeds))
    check_folder(path.parent)
    before = former_baseline(path)
    do_runs = chosen_training(options, profile)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    selection = Selection(
        choose_methods(options.method, profile),
        choose_categories(dataset, options.category, profile.categories),
        list(dict.fromkeys(options.shots)) or list(profile.shots),
        sorted({*range(options.repeats), *profile.seeds}),
    )
    specs = select_runs(dataset, profile, [selection])
    elsewhere = None if options.elsewhere is None else read_elsewhere(options.elsewhere, specs)
    root = runs_folder(options, specs)
    if not options.stored:
        do_runs(specs, dataset, root)
    runs = read_outcomes(root, specs)
    if runs.missing:
        for (cell, seed), reason in runs.missing.items():
            print(f"{cell.category} {cell.method} {cell.shots}-shot seed {seed}: {reason}", file=sys.stderr)
        print(f"{len(runs.missing)} runs are missing: no baseline was written", file=sys.stderr)
        return 1
    after = make_baseline(specs, runs, root, profile, elsewhere, before)
    write_baseline(path, after)
    print(describe_update(before, after))
    print(f"baseline: {path}")
    return 0


def former_baseline(path: Path) -> Baseline | None:
    """Return the baseline that is written again; None if there is none, or, after a warning, if it cannot be read."""
    if not path.exists():
        return None
    try:
        return read_baseline(path)
    except InputError as error:
        print(f"warning: {error}", file=sys.stderr)
        return None


def runs_folder(options: argparse.Namespace, specs: list[RunSpec]) -> Path:
    """Return where the runs are kept: what ``--stored`` names, or a folder per code and machine."""
    if options.stored:
        if not options.results.is_dir():
            raise InputError(f"no results in {options.results}: name the folder with --results, or leave out --stored")
        return Path(options.results)
    device = torch.device("cpu") if options.backend == "dask" else choose_devices(options.device)[0]
    return checked_runs_folder(options.results, specs, device)


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

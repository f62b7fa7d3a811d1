"""``check``: train a small study again and compare its metrics with a committed baseline."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from baselines.errors import InputError
from baselines.registry import select_methods
from benchmark.atomic import check_folder
from benchmark.commands.arguments.check import BASELINES
from benchmark.commands.images import chosen_dataset
from benchmark.commands.options import check_training, chosen_cache
from benchmark.commands.training import chosen_training
from benchmark.devices import choose_devices
from benchmark.environment import code_digest
from benchmark.gate.assess import assess
from benchmark.gate.baseline import Baseline
from benchmark.gate.baseline_file import read_baseline, write_baseline
from benchmark.gate.judge import Gate, judge
from benchmark.gate.outcomes import StoredRuns, describe_place, read_outcomes
from benchmark.gate.scope import Narrowing, checked_runs_folder, choose_scope
from benchmark.gate.update import check_repeats, choose_runs, make_baseline, read_elsewhere
from benchmark.protocol.profile import Profile, load_profile, with_settings
from benchmark.protocol.runs import RunSpec
from reports.gate import Report, as_json, as_text, describe_assessments, describe_update, write_all

logger = logging.getLogger(__name__)


def do(options: argparse.Namespace) -> int:
    """Compare, write a baseline, or assess one; 1 if something is worse or missing."""
    profile = with_settings(load_profile(options.profile, options.set), {"seeds": options.seed} if options.seed else {})
    if profile.weights_files:
        raise InputError("a baseline does not have weights_files: check with a profile without them")
    path = options.baseline or BASELINES / f"{profile.name}.json"
    if (options.update or options.assess) and (options.json or options.out is not None):
        raise InputError("--json and --out are for a comparison: leave them out with --update or --assess")
    if options.assess:
        m = len(profile.seeds)
        print(describe_assessments(assess(read_baseline(path), m), m), end="")
        return 0
    check_training(options)
    return update(options, profile, path) if options.update else check(options, profile, path)


def check(options: argparse.Namespace, profile: Profile, path: Path) -> int:
    """Train what is to be compared and print how it compares."""
    baseline, gate = read_baseline(path), Gate(options.gate)
    if options.out is not None:
        check_folder(options.out)
    cache = chosen_cache(options)
    do_runs = chosen_training(options, profile, cache)
    dataset = chosen_dataset(options, cache)
    scope = choose_scope(baseline, path, chosen_part(options), profile, dataset)
    if gate is Gate.STATISTICAL or not set(profile.seeds) <= set(baseline.seeds):
        baseline.calibration(profile.seeds)  # refuses too many seeds before training
    root = runs_folder(options, scope.specs)
    if not options.stored:
        do_runs(scope.specs, dataset, root)
    runs = scope.read(root)
    judgement = judge(baseline, runs, scope.cells, profile.seeds, gate)
    report = Report(judgement, baseline, str(path), runs.machines[0] if runs.machines else {}, notes_on(runs))
    if options.out is not None:
        write_all(report, options.out)
    print(as_json(report) if options.json else as_text(report), end="")
    return 0 if judgement.passed else 1


def update(options: argparse.Namespace, profile: Profile, path: Path) -> int:
    """Train the runs of a baseline, write it and print what changed; nothing is written if a run is missing."""
    check_repeats(options.repeats, len(profile.seeds))
    check_folder(path.parent)
    before = former_baseline(path)
    cache = chosen_cache(options)
    do_runs = chosen_training(options, profile, cache)
    dataset = chosen_dataset(options, cache)
    specs = choose_runs(dataset, profile, chosen_part(options), options.repeats)
    elsewhere = None if options.elsewhere is None else read_elsewhere(options.elsewhere, specs)
    root = runs_folder(options, specs)
    if not options.stored:
        do_runs(specs, dataset, root)
    runs = read_outcomes(root, specs)
    if runs.missing:
        for (cell, seed), reason in runs.missing.items():
            logger.info(f"{describe_place(*cell)} seed {seed}: {reason}")
        logger.info(f"{len(runs.missing)} runs are missing: no baseline was written")
        return 1
    after = make_baseline(specs, runs, root, profile, elsewhere, before)
    write_baseline(path, after)
    print(describe_update(before, after))
    print(f"baseline: {path}")
    return 0


def chosen_part(options: argparse.Namespace) -> Narrowing:
    """Return which categories, methods and K were asked for."""
    methods = [name for text in options.method for name in select_methods(text)]
    return Narrowing(options.category, methods, options.shots)


def former_baseline(path: Path) -> Baseline | None:
    """Return the baseline that is replaced; None if there is none, or, after a warning, if it cannot be read."""
    if not path.exists():
        return None
    try:
        return read_baseline(path)
    except InputError as error:
        logger.warning(error)
        return None


def runs_folder(options: argparse.Namespace, specs: list[RunSpec]) -> Path:
    """Return where the runs are stored: with ``--stored`` in ``--results``, else in a folder per code and machine."""
    if options.stored:
        if not options.results.is_dir():
            raise InputError(f"no results in {options.results}: name the folder with --results, or leave out --stored")
        return Path(options.results)
    device = torch.device("cpu") if options.backend == "dask" else choose_devices(options.device)[0]
    return checked_runs_folder(options.results, specs, device)


def notes_on(runs: StoredRuns) -> tuple[str, ...]:
    """Return notes on stored runs, for readers of the report."""
    if set(runs.codes) <= {code_digest()}:
        return ()
    return ("the stored runs were trained by other code, so this does not assess the present one",)

"""``run``: train and score a selection, then report."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from baselines import InputError
from benchmark.commands.options import add_data, add_profile, add_results
from benchmark.data.datasets import open_dataset
from benchmark.environment import choose_device, choose_jobs
from benchmark.execute import execute
from benchmark.prepare import choose_categories, prepare
from benchmark.profile import load_profile
from benchmark.progress import display
from benchmark.runs import RunSpec, Selection
from benchmark.store import ResultStore, load_results
from benchmark.work import Workplace, error_of, read_failures
from reports.collect import result_sets
from reports.formats import as_text
from reports.html import write_report
from reports.tables import build_table

TRY_AGAIN = "add --retry-failed to try them again"


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser("run", help="train and score, then report; what is stored already is not run again")
    what = parser.add_argument_group("what to run (what is left out is the profile's)")
    what.add_argument("--all", action="store_true", help="everything the profile names")
    what.add_argument("--method", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--category", action="extend", nargs="+", default=[], metavar="NAME")
    what.add_argument("--shots", action="extend", nargs="+", type=int, default=[], metavar="K")
    what.add_argument("--seed", action="extend", nargs="+", type=int, default=[], metavar="N")
    add_profile(parser)
    add_data(parser)
    add_results(parser)
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|cuda:N", help="default: auto")
    parser.add_argument(
        "--weights-dir",
        type=Path,
        metavar="DIR",
        help="folder of torchvision's weights files; default: torch's cache, downloaded into if need be",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at a time, one process each; default: what cores and memory allow, 1 on a CUDA device",
    )
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="a run that trains for longer fails")
    parser.add_argument("--retry-failed", action="store_true", help="try again the runs that failed earlier")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Run what is not stored yet; 1 if a run failed, now or earlier."""
    if not (options.all or options.method or options.category or options.shots or options.seed):
        raise InputError("say what to run: --all, or any of --method, --category, --shots, --seed")
    if options.jobs is not None and options.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {options.jobs}")
    if options.timeout is not None and not options.timeout > 0:
        raise InputError(f"--timeout must be more than 0 seconds, got {options.timeout:g}")
    settings = list(options.set)
    if options.shots:
        settings.append(f"shots={options.shots}")
    if options.seed:
        settings.append(f"seeds={options.seed}")
    profile = load_profile(options.profile, settings)
    device = choose_device(options.device)
    dataset = open_dataset(options.dataset, options.data_root, options.cache)
    selection = Selection(
        methods=list(dict.fromkeys(options.method)) or profile.methods,
        categories=choose_categories(dataset, options.category, profile),
        shots=profile.shots,
        seeds=profile.seeds,
    )
    if not selection.methods:
        raise InputError(f"profile {profile.name} names no methods: add --method NAME")
    with display() as screen:
        specs = prepare(dataset, profile, selection, options.cache, options.weights_dir, screen.decoding, screen.say)
        store = ResultStore(options.results)
        to_do = [spec for spec in specs if not store.has(spec.id)]
        earlier = read_failures(store, to_do)
        stored = len(specs) - len(to_do)
        if not options.retry_failed:
            to_do = [spec for spec in to_do if spec.id not in earlier]
        screen.say(
            f"{len(specs)} runs: {stored} stored, {len(to_do)} to do"
            + (f", {len(earlier)} failed earlier" if earlier else "")
            + ("" if options.retry_failed or not earlier else f": {TRY_AGAIN}")
        )
        screen.begin(len(to_do))
        place = Workplace(dataset, options.cache, options.results, device, options.weights_dir)
        jobs = options.jobs or choose_jobs(profile, device)
        ends = execute(to_do, place, jobs, screen.step, screen.say, options.timeout, earlier)
        try:
            with closing(ends):
                for finished in ends:
                    screen.finished(finished)
        except KeyboardInterrupt:
            kept = sum(store.has(spec.id) for spec in specs)
            raise KeyboardInterrupt(f"{kept} finished runs are kept") from None
    show(options.results, specs)
    print(f"report: {write_report(options.results, options.command)}")
    return summarise_failures(store, specs)


def summarise_failures(store: ResultStore, specs: list[RunSpec]) -> int:
    """Say which of the runs failed and why, a line each; return the exit code."""
    failures = read_failures(store, specs)
    if not failures:
        return 0
    print(f"{len(failures)} runs failed: {TRY_AGAIN}", file=sys.stderr)
    for spec in specs:
        if spec.id in failures:
            print(f"  {spec.title}: {' '.join(error_of(failures[spec.id]).split())}", file=sys.stderr)
    return 1


def show(root: Path, specs: list[RunSpec]) -> None:
    """Print the IOU and DC of the selected runs."""
    results = load_results(root)
    for chosen in result_sets(results[results["id"].isin([spec.id for spec in specs])]):
        for number in ("II", "III"):
            print(as_text(build_table(number, chosen), chosen.title))

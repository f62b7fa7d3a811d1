"""``tables``: the paper's tables from what is stored, or as the paper prints them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from baselines.errors import InputError, unknown_name
from benchmark.atomic import replace_file
from benchmark.results.readings import DEFAULT, RUN_READINGS, Reading, for_one_run, parse_reading
from benchmark.results.table import load_results, warn_unreadable
from reports.cells import ImageSource, Source
from reports.collect import ResultSet, choose_sets, finished_ids, result_sets
from reports.compare import compare
from reports.formats import FORMATS, SUFFIXES, as_one
from reports.listed import ListedImages
from reports.published import Published
from reports.readings import distance_table, distances, read_as, under_every_reading
from reports.replication import with_replication
from reports.run_numbers import read_numbers, stored_runs
from reports.tables import IMAGES_TABLE, TABLES, Table, all_tables, build_table, images_table


def do(options: argparse.Namespace) -> int:
    """Print or write the tables of each set of comparable runs."""
    numbers = chosen_numbers(options.table)
    reading = chosen_reading(options)
    if options.readings:
        print(as_one(distance_tables(options), options.format), end="")
        return 0
    chosen: list[tuple[ImageSource, list[Table]]]
    if needs_only_the_list(options, numbers):
        listed = ListedImages()
        chosen = [(listed, [compare(images_table(listed), build_table(IMAGES_TABLE, Published()))])]
    else:
        chosen = [
            (source, chosen_tables(source, numbers, options.paper)) for source in chosen_sources(options, reading)
        ]
        chosen = [(source, tables) for source, tables in chosen if tables]
    if not chosen:
        wanted = " ".join(numbers)
        raise InputError(f"no stored runs for table {wanted}; train them with: run --table {wanted}")
    if options.out is not None:
        write_all(chosen, options.out, options.format)
    else:
        print(as_one([(table, source.title) for source, tables in chosen for table in tables], options.format), end="")
    return 0


def chosen_numbers(names: Sequence[str]) -> list[str]:
    """Return the Roman numerals of the requested tables, each once; InputError if there is no such table."""
    for name in names:
        if name.upper() not in TABLES:
            raise unknown_name("table", name, TABLES)
    return list(dict.fromkeys(name.upper() for name in names))


def chosen_reading(options: argparse.Namespace) -> Reading:
    """Return how runs are scored; InputError if the options contradict each other."""
    reading = parse_reading(options.reading)
    if options.converged_only:
        if any(assignment.startswith("runs=") for assignment in options.reading):
            raise InputError("--converged-only is --reading runs=converged: leave one of them out")
        reading = msgspec.structs.replace(reading, runs="converged")
    if options.readings:
        for name in ("published", "table", "paper", "reading", "converged_only", "out"):
            if getattr(options, name):
                option = name.replace("_", "-")
                raise InputError(f"--readings compares every reading with the paper: leave out --{option}")
    return reading


def distance_tables(options: argparse.Namespace) -> list[tuple[Table, str]]:
    """Return, for each set of stored runs, how far every reading is from the paper."""
    sets = stored_sets(options)
    scores = read_scores(options.results, sets, RUN_READINGS)
    tables = []
    for results in sets:
        found = distances(under_every_reading(results, scores))
        tables.append((distance_table(results, found), results.title))
    tables = [(table, title) for table, title in tables if table.rows]
    if not tables:
        raise InputError(f"no stored runs in {options.results} of a category and method that the paper has numbers for")
    return tables


def read_scores(root: Path, sets: Sequence[ResultSet], readings: Sequence[Reading]) -> dict[str, np.ndarray]:
    """Return ``score_readings`` of the finished runs of some sets, by id, with a warning for those not readable."""
    problems: list[str] = []
    numbers = read_numbers(stored_runs(root, finished_ids(sets)), problems, readings=readings)
    warn_unreadable(problems, root)
    return {run_id: found.scores for run_id, found in numbers.items()}


def needs_only_the_list(options: argparse.Namespace, numbers: Sequence[str]) -> bool:
    """Return whether Table I of MVTec AD is asked for, and no stored run says what was drawn."""
    if numbers != [IMAGES_TABLE] or options.dataset != ListedImages.dataset or options.published or options.profile:
        return False
    return not options.results.is_dir() or ListedImages.dataset not in set(load_results(options.results)["dataset"])


def chosen_sources(options: argparse.Namespace, reading: Reading) -> Sequence[Source]:
    """Return the paper, or the sets of stored runs; InputError if there are none."""
    if options.published:
        for name in ("paper", "converged_only", "reading", "dataset", "profile"):
            if getattr(options, name):
                option = name.replace("_", "-")
                raise InputError(f"--published shows the paper alone: leave out --{option}, or --published")
        return [Published()]
    sets = stored_sets(options)
    scoring = for_one_run(reading)
    scores = read_scores(options.results, sets, [scoring]) if scoring != DEFAULT else {}
    one = {run_id: found[0] for run_id, found in scores.items()}
    return [read_as(results, reading, one) for results in sets]


def stored_sets(options: argparse.Namespace) -> list[ResultSet]:
    """Return the chosen sets of stored runs, with their ``averaged``; InputError if there are none."""
    chosen = chosen_sets(options)
    return [replace(results, averaged="converged") for results in chosen] if options.converged_only else chosen


def chosen_sets(options: argparse.Namespace) -> list[ResultSet]:
    """Return the sets of stored runs of the chosen data set and profile; InputError if there are none."""
    results = load_results(options.results)
    if results.empty:
        raise InputError(f"no results in {options.results}: run something first, or name the folder with --results")
    return choose_sets(result_sets(results), options.dataset, options.profile)


def chosen_tables(source: Source, numbers: Sequence[str], with_paper: bool) -> list[Table]:
    """Return the requested tables, or all, for which the source has any numbers."""
    tables = [build_table(number, source) for number in numbers] or all_tables(source)
    if with_paper:
        paper = Published()
        tables = [compare(table, build_table(table.number, paper)) for table in tables]
        if isinstance(source, ResultSet):
            tables = [with_replication(table, source) for table in tables]
    return [table for table in tables if table.rows]


def write_all(chosen: Sequence[tuple[ImageSource, Sequence[Table]]], out: Path, kind: str) -> None:
    """Write each table to a file and print its path; several sets of runs get a subfolder each.

    Raises
    ------
    InputError
        If a file cannot be written; an earlier file of that name is unchanged.
    """
    folders = folder_names([source.title for source, _ in chosen])
    texts = {
        out / folder / f"table_{TABLES.index(table.number) + 1}.{SUFFIXES[kind]}": FORMATS[kind](table, source.title)
        for folder, (source, tables) in zip(folders, chosen, strict=True)
        for table in tables
    }
    for path, text in texts.items():
        with replace_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
        print(path)


def folder_names(titles: Sequence[str]) -> list[str]:
    """Return a safe and unique folder name for each title; ``.`` for a single one.

    Examples
    --------
    >>> folder_names(["folder:mine, profile quick", "synthetic"])
    ['folder-mine-profile-quick', 'synthetic']
    """
    if len(titles) == 1:
        return ["."]
    names: list[str] = []
    for title in titles:
        name = re.sub(r"[^A-Za-z0-9_=.-]+", "-", title)[:80].strip("-.") or "set"
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names

"""``tables``: the paper's tables from what is stored, or as the paper prints them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from baselines import InputError
from baselines.errors import unknown_name
from benchmark.atomic import replace_file
from benchmark.commands.options import add_results
from benchmark.results.table import load_results
from reports.cells import Source
from reports.collect import result_sets
from reports.compare import compare
from reports.formats import FORMATS, SUFFIXES, as_one
from reports.published import Published
from reports.tables import TABLES, Table, all_tables, build_table, choose_sets


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.description = (
        "Print the paper's tables, from each set of comparable runs. [3/5 seeds] beside a number says that it is based "
        "on fewer runs than others."
    )
    add_results(parser)
    parser.add_argument("--table", action="extend", nargs="+", default=[], metavar="|".join(TABLES))
    parser.add_argument("--format", default="text", choices=FORMATS, help="default: text")
    parser.add_argument("--paper", action="store_true", help="the paper's number and the difference below each")
    parser.add_argument("--published", action="store_true", help="the paper's own numbers; needs no results")
    parser.add_argument("--dataset", metavar="NAME", help="only this data set")
    parser.add_argument("--profile", metavar="NAME", help="only this profile")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write table_2.csv and so on there instead, in a folder per set of runs where there are several",
    )
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Print or write the tables, one set of comparable runs after the other."""
    numbers = chosen_numbers(options.table)
    found = [(source, chosen_tables(source, numbers, options.paper)) for source in chosen_sources(options)]
    found = [(source, tables) for source, tables in found if tables]
    if not found:
        wanted = " ".join(numbers)
        raise InputError(f"no stored runs for table {wanted}; do them with: run --table {wanted}")
    if options.out is not None:
        write_all(found, options.out, options.format)
    else:
        print(as_one([(table, source.title) for source, tables in found for table in tables], options.format), end="")
    return 0


def chosen_numbers(given: Sequence[str]) -> list[str]:
    """Return the roman numbers that were asked for, each once; InputError if there is no such table."""
    for number in given:
        if number.upper() not in TABLES:
            raise unknown_name("table", number, TABLES)
    return list(dict.fromkeys(number.upper() for number in given))


def chosen_sources(options: argparse.Namespace) -> Sequence[Source]:
    """Return the paper, or the sets of stored runs; InputError if there are none."""
    if options.published:
        for name in ("paper", "dataset", "profile"):
            if getattr(options, name):
                raise InputError(f"--published shows the paper alone: leave out --{name}, or --published")
        return [Published()]
    results = load_results(options.results)
    if results.empty:
        raise InputError(f"no results in {options.results}: run something first, or name the folder with --results")
    return choose_sets(result_sets(results), options.dataset, options.profile)


def chosen_tables(source: Source, numbers: Sequence[str], with_paper: bool) -> list[Table]:
    """Return the tables asked for, or all, as far as the source has anything for them."""
    tables = [build_table(number, source) for number in numbers] or all_tables(source)
    if with_paper:
        paper = Published()
        tables = [compare(table, build_table(table.number, paper)) for table in tables]
    return [table for table in tables if table.rows]


def write_all(found: Sequence[tuple[Source, Sequence[Table]]], out: Path, kind: str) -> None:
    """Write each table into a file of its own and say where; several sets of runs get a folder each.

    Raises
    ------
    InputError
        If a file cannot be written; it is not there then, or as it was.
    """
    folders = folder_names([source.title for source, _ in found])
    texts = {
        out / folder / f"table_{TABLES.index(table.number) + 1}.{SUFFIXES[kind]}": FORMATS[kind](table, source.title)
        for folder, (source, tables) in zip(folders, found, strict=True)
        for table in tables
    }
    for path, text in texts.items():
        with replace_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
        print(path)


def folder_names(titles: Sequence[str]) -> list[str]:
    """Return a safe folder name for each title, no two the same; none for a single one."""
    if len(titles) == 1:
        return ["."]
    names: list[str] = []
    for title in titles:
        name = re.sub(r"[^A-Za-z0-9_=.-]+", "-", title)[:80].strip("-.") or "set"
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names

"""``report`` and ``tables``: show what is stored."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.options import add_results
from benchmark.store import load_results
from reports.collect import result_sets
from reports.formats import FORMATS
from reports.html import write_report
from reports.tables import TABLES, all_tables, build_table, choose_sets


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add both verbs."""
    report = verbs.add_parser("report", help="write the HTML report of what is stored")
    add_results(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the results folder")
    report.set_defaults(do=do_report)

    tables = verbs.add_parser("tables", help="print the paper's tables from what is stored")
    add_results(tables)
    tables.add_argument("--table", action="extend", nargs="+", default=[], metavar="|".join(TABLES))
    tables.add_argument("--format", default="text", choices=FORMATS)
    tables.add_argument("--dataset", metavar="NAME", help="only this data set")
    tables.add_argument("--profile", metavar="NAME", help="only this profile")
    tables.set_defaults(do=do_tables)


def do_report(options: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    print(f"report: {write_report(options.results, options.command, options.out)}")
    return 0


def do_tables(options: argparse.Namespace) -> int:
    """Print tables, one set of comparable runs after the other."""
    write = FORMATS[options.format]
    sets = choose_sets(result_sets(load_results(options.results)), options.dataset, options.profile)
    for results in sets:
        chosen = [build_table(number, results) for number in options.table] or all_tables(results)
        for table in chosen:
            print(write(table, results.title))
    return 0

"""The report: one page that needs no network, and beside it one page per category and K."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from baselines import InputError
from benchmark.atomic import remove_stale_files, replace_folder
from benchmark.results.table import iterate_records, results_table, warn_unreadable
from reports.audit import find_contradictions
from reports.claims import judge, judge_published
from reports.collect import result_sets
from reports.page.details import Cell, write_detail
from reports.page.evidence import compared_tables, comparisons
from reports.page.links import detail_name, set_slug
from reports.page.sections import cells, make_section
from reports.page.stored import read_curves
from reports.pages import write_page

REPORT_NAME = "report.html"
# A folder that holds it was made here, and may be replaced.
_MARK = "about.txt"
_ABOUT = "Pages of the report beside this folder. Writing that report again replaces the whole folder.\n"
_THREADS = 4


def write_report(root: Path, command: Sequence[str] = (), path: Path | None = None) -> Path:
    """Write the report of everything stored.

    Parameters
    ----------
    root : Path
        The results folder.
    command : sequence of str, optional
        What was typed, shown at the end of the page.
    path : Path, optional
        Where to write it, ``ROOT/report.html`` if not given. The pages of each category and K go into a folder beside
        it, ``report_files``, which is replaced as a whole.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If there are no results, or the pages cannot be written.

    Warns
    -----
    UserWarning
        If runs, curves or pictures cannot be read; the pages show the others and name these.
    """
    path = path or root / REPORT_NAME
    unreadable: list[str] = []
    records = list(iterate_records(root, unreadable))
    warn_unreadable(unreadable, root)
    damaged: list[str] = []
    stored = read_curves(records, root, damaged)
    sets = result_sets(results_table(records))
    folder = path.with_name(f"{path.stem}_files")
    sections = [
        make_section(
            results,
            stored,
            quote(folder.name),
            compared_tables(results),
            judge(results, root),
            comparisons(results),
        )
        for results in sets
    ]
    with _our_folder(folder) as temporary:
        work = [
            (temporary / set_slug(results) / detail_name(cell.category, cell.shots), cell)
            for results in sets
            for cell in cells(results, stored, f"../../{quote(path.name)}")
        ]
        pictures = _write_details(work)
    pictures = list(dict.fromkeys([*(line for section in sections for line in section.problems), *pictures]))
    for lines, what in ((damaged, "curves"), (pictures, "sample pictures")):
        if lines:
            warnings.warn(f"the report lacks {len(lines)} {what} and says which: {lines[0]}", stacklevel=2)
    return write_page(
        path,
        "report.html",
        sections=sections,
        published_verdicts=judge_published(),
        findings=find_contradictions(),
        problems=[*unreadable, *damaged, *pictures],
        command=shlex.join(command),
    )


def _write_details(work: Sequence[tuple[Path, Cell]]) -> list[str]:
    """Write detail pages, several at once; return what cannot be read."""
    # Threads: most of the time goes into decoding and encoding pictures, where Pillow lets go of the interpreter.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        problems = pool.map(lambda item: write_detail(*item), work)
        return [line for lines in problems for line in lines]


@contextmanager
def _our_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that replaces that of an earlier report; what else has its name is left alone."""
    if folder.exists() and not (folder / _MARK).is_file():
        raise InputError(f"{folder} is not of an earlier report: move it away, or name another file with --out")
    remove_stale_files(folder.parent)
    with replace_folder(folder) as temporary:
        (temporary / _MARK).write_text(_ABOUT, encoding="utf-8")
        yield temporary

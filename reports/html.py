"""The report: one page that needs no network, and next to it a folder with a page per category and K."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from baselines.errors import InputError
from benchmark.atomic import remove_stale_files, replace_folder
from benchmark.results.readings import RUN_READINGS
from benchmark.results.stored_run import StoredRun
from benchmark.results.table import iterate_records, results_table, warn_unreadable
from reports.audit import find_contradictions
from reports.claims import judge, judge_published
from reports.collect import result_sets
from reports.metrics import measure_runs
from reports.page.details import write_details
from reports.page.evidence import (
    compared_table,
    compared_tables,
    comparisons,
    converged_tables,
    effect_listings,
    metric_listings,
    spread_listings,
)
from reports.page.links import detail_name, set_slug
from reports.page.ranks import rank_panels
from reports.page.sections import detail_pages, make_section
from reports.page.stored import FinishedRun, read_curves
from reports.page.switches import make_switches
from reports.pages import write_page
from reports.run_numbers import By, read_numbers
from reports.variance import crossed_runs
from reports.wording import counted

REPORT_NAME = "report.html"
# A folder with this file was written by a report, and may be replaced.
_MARKER = "about.txt"
_ABOUT = "Pages of the report next to this folder. Writing that report again replaces the whole folder.\n"
_SPLITS: tuple[By | None, ...] = (None, "size")


def write_report(root: Path, command: Sequence[str] = (), path: Path | None = None) -> Path:
    """Write the report of everything stored.

    Parameters
    ----------
    root : Path
        The results folder.
    command : sequence of str, optional
        The command line, shown at the end of the page.
    path : Path, optional
        Where to write it, ``ROOT/report.html`` if not given. The pages of each category and K go into a folder next to
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
        If runs, their files or pictures cannot be read; the pages list these and show the others.
    """
    path = path or root / REPORT_NAME
    unreadable: list[str] = []
    records = list(iterate_records(root, unreadable))
    warn_unreadable(unreadable, root)
    files: list[str] = []
    stored = read_curves(records, root, files)
    sets = result_sets(results_table(records))
    folder = path.with_name(f"{path.stem}_files")
    sections = []
    crossed = {found.title: found for found in crossed_runs(sets)}
    finished = [StoredRun(run.folder, run.record) for run in stored.values() if isinstance(run, FinishedRun)]
    numbers = read_numbers(finished, files, _SPLITS, RUN_READINGS)
    scores = {run_id: found.scores for run_id, found in numbers.items()}
    for results in sets:
        whole, by_size = measure_runs(results, numbers, _SPLITS)
        own_scores = {run_id: scores[run_id] for run_id in results.runs["id"] if run_id in scores}
        tables = compared_tables(results)
        section = make_section(
            results,
            stored,
            quote(folder.name),
            tables,
            make_switches(results, own_scores, tables, compared_table),
            converged_tables(results),
            judge(results, root),
            rank_panels(results),
            [*effect_listings(results), *comparisons(results), *spread_listings(crossed.get(results.title))],
            metric_listings(whole, by_size),
            whole.notes,
        )
        sections.append(section)
    files = list(dict.fromkeys(files))
    with _our_folder(folder) as temporary:
        work = [
            (temporary / set_slug(results) / detail_name(page.category, page.shots), page)
            for results in sets
            for page in detail_pages(results, stored, f"../../{quote(path.name)}")
        ]
        pictures = write_details(work)
    pictures = list(dict.fromkeys([*(line for section in sections for line in section.problems), *pictures]))
    for lines, noun in ((files, "file"), (pictures, "sample picture")):
        if lines:
            warnings.warn(f"the report lists {counted(len(lines), noun)} that cannot be read: {lines[0]}", stacklevel=2)
    return write_page(
        path,
        "report.html",
        sections=sections,
        published_verdicts=judge_published(),
        findings=find_contradictions(),
        problems=[*unreadable, *files, *pictures],
        command=shlex.join(command),
    )


@contextmanager
def _our_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that then replaces the folder of an earlier report, and no other folder."""
    if folder.exists() and not (folder / _MARKER).is_file():
        raise InputError(f"{folder} was not written by a report: move it away, or name another file with --out")
    remove_stale_files(folder.parent)
    with replace_folder(folder) as temporary:
        (temporary / _MARKER).write_text(_ABOUT, encoding="utf-8")
        yield temporary

"""The report: one HTML file that needs no network."""

from __future__ import annotations

import json
import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.store import load_results, read_run
from reports.collect import ResultSet, result_sets
from reports.pages import write_page
from reports.samples import SampleGrid, sample_grids
from reports.tables import Table, all_tables

REPORT_NAME = "report.html"


@dataclass(frozen=True)
class Section:
    """What the page shows of one result set."""

    results: ResultSet
    tables: list[Table]
    grids: list[SampleGrid]
    protocol: list[tuple[str, str]]
    environments: list[str]
    notes: list[tuple[str, str]]
    failures: list[tuple[str, str]]
    hours: float
    counts: dict[str, int]


def write_report(root: Path, command: Sequence[str] = (), path: Path | None = None) -> Path:
    """Write the report of everything stored.

    Parameters
    ----------
    root : Path
        The results folder.
    command : sequence of str, optional
        What was typed, shown at the end of the page.
    path : Path, optional
        Where to write it, ``ROOT/report.html`` if not given.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If there are no results, or the page cannot be written.

    Warns
    -----
    UserWarning
        If runs or sample pictures cannot be read; the page shows the others.
    """
    sections = [_section(results, root) for results in result_sets(load_results(root))]
    missing = [line for section in sections for grid in section.grids for line in grid.missing]
    if missing:
        warnings.warn(f"the report lacks {len(missing)} sample pictures and says which: {missing[0]}", stacklevel=2)
    return write_page(path or root / REPORT_NAME, "report.html", sections=sections, command=shlex.join(command))


def _section(results: ResultSet, root: Path) -> Section:
    runs = results.runs
    stored = runs[runs["status"] != "failed"]
    contents = [read_run(root / "runs" / run_id) for run_id in stored["id"]]
    failed = runs[runs["status"] == "failed"]
    return Section(
        results=results,
        tables=all_tables(results),
        grids=sample_grids(results, root),
        protocol=_protocol(contents),
        environments=sorted({_environment(content["environment"]) for content in contents}),
        notes=list(dict.fromkeys((c["category"], note) for c in contents for note in c["notes"])),
        failures=[
            (f"{row.category} {row.label} {row.shots}-shot seed {row.seed}", row.error) for row in failed.itertuples()
        ],
        hours=float(stored[["train_seconds", "score_seconds"]].to_numpy().sum() / 3600),
        counts={status: int(count) for status, count in runs["status"].value_counts().items()},
    )


def _protocol(contents: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return every profile field; the batch size is named for each K."""
    if not contents:
        return []
    fields = dict(contents[0]["identity"]["protocol"])
    sizes = {content["shots"]: content["identity"]["protocol"]["batch_size"] for content in contents}
    fields["batch_size"] = ", ".join(f"{size} for {shots}-shot" for shots, size in sorted(sizes.items()))
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in fields.items()]


def _environment(environment: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in environment.items())

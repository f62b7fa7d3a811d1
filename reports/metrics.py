"""The metrics beside the paper's, over the runs of a result set: values per run, and tables of their means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from baselines.errors import InputError
from benchmark.histograms import CONNECTIVITY
from benchmark.results.metrics import DEFINITIONS, SIZES, Definition, groups, measure
from benchmark.results.records import Status
from benchmark.results.stored_run import StoredRun
from reports.cells import Cell, mean_cell
from reports.collect import ResultSet
from reports.tables import Row, Table, mark_best

By = Literal["category", "defect", "size"]
NOTE = (
    "Means over seeds, then over categories; numbers of images and regions are sums over categories. FPR: false "
    f"positives among all normal pixels. Regions are {CONNECTIVITY}-connected. Metrics over all thresholds come from "
    "histograms of logits, which changes them by at most 0.002 (docs/metrics.md)."
)


@dataclass(frozen=True)
class Group:
    """Runs of a result set, measured over the same kind of test images.

    Attributes
    ----------
    name : str
        "" for all images, or a category, ``category, defect type`` or size.
    results : ResultSet
        Its metrics are those of ``DEFINITIONS``; only of one category if the name has one.
    """

    name: str
    results: ResultSet

    def cells(self, definition: Definition, shots: int) -> dict[str, Cell]:
        """Return the mean of a metric for each method, the best marked; of a count, the sum over categories."""
        results = self.results
        means = []
        for method in results.methods:
            cells = [results.cell(category, method, shots, definition.name) for category in results.categories]
            values = [cell.value for cell in cells if cell.value is not None]
            if definition.kind == "count":
                means.append(Cell(sum(values) if values else None, count=True))
            else:  # the mean over one category would lose the standard deviation over seeds
                means.append(cells[0] if len(cells) == 1 else mean_cell(cells))
        return dict(zip(results.methods, mark_best(means) if definition.kind == "score" else means, strict=True))


@dataclass(frozen=True)
class Measured:
    """A result set with the metrics of its runs.

    Attributes
    ----------
    results : ResultSet
    groups : tuple of Group
        Empty if no run could be measured.
    older : int
        How many finished runs were stored before format 3, and lack what takes logits.
    """

    results: ResultSet
    groups: tuple[Group, ...]
    older: int

    def label(self, definition: Definition) -> str:
        """Return the description of a metric, with the threshold that the runs were scored at."""
        threshold = json.loads(self.results.runs["asked"].iloc[0])["threshold"]
        return definition.label.format(f"{threshold:g}")

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the metrics has to know."""
        lines = [NOTE]
        if self.older:
            lines.append(
                f"{self.older} of {len(self.results.runs)} runs were stored before logits were: they have no metric "
                "that takes more than pixel counts at one threshold."
            )
        return (*lines, self.results.expectation, *self.results.notes("", self.results.methods))


def measure_runs(results: ResultSet, root: Path, splits: Sequence[By | None], problems: list[str]) -> list[Measured]:
    """Measure the runs of a result set, reading each once.

    Parameters
    ----------
    results : ResultSet
    root : Path
        The results folder.
    splits : sequence of {"category", "defect", "size"} or None
        What to split the test images by, once for each value to return; None for all in one group.
    problems : list of str
        Receives a line for each run whose files cannot be read; it has no value then.
    """
    values: list[dict[tuple[str, str], dict[str, dict[str, float | None]]]] = [{} for _ in splits]
    older = 0
    finished = results.runs[results.runs["status"] != Status.FAILED]
    for run_id, category in zip(finished["id"], finished["category"], strict=True):
        run = StoredRun(root / "runs" / run_id)
        unreadable = [problem for name in ("images", "predictions") if (problem := _problem(run, name))]
        if unreadable:
            problems += unreadable
            continue
        images, predictions, threshold = run.images, run.predictions, run.record.protocol.threshold
        older += predictions is None
        for by, of_split in zip(splits, values, strict=True):
            where = category if by in ("category", "defect") else ""
            for name, rows in _split(images, by).items():
                of_split.setdefault((where, name), {})[run_id] = measure(images, predictions, threshold, rows)
    return [
        Measured(results, tuple(_group(results, *key, of_split[key]) for key in _in_order(of_split, results)), older)
        for of_split in values
    ]


def _problem(run: StoredRun, name: str) -> str:
    """Return why an attribute of a run cannot be read; "" if it can."""
    try:
        getattr(run, name)
    except InputError as error:
        return str(error)
    return ""


def _split(images: pd.DataFrame, by: By | None) -> Mapping[str, np.ndarray | None]:
    return groups(images, by) if by == "defect" or by == "size" else {"": None}


def metrics_table(measured: Measured, definitions: Iterable[Definition] = DEFINITIONS) -> Table:
    """Return a table with a row per K, group and metric that any method has, and a column per method."""
    results, rows = measured.results, []
    definitions = tuple(definitions)
    for shots in results.shots:
        for group in measured.groups:
            section = ", ".join(filter(None, (f"{shots}-shot", group.name)))
            for definition in definitions:
                found = group.cells(definition, shots)
                cells = tuple(found.get(method, Cell(None)) for method in results.methods)
                if any(cell.value is not None for cell in cells):
                    rows.append(Row(section, measured.label(definition), cells, key=definition.name))
    labels = tuple(map(results.label, results.methods))
    title = "Metrics beside the paper's"
    return Table("", title, "Metric", labels, tuple(rows), measured.notes, results.dataset, tuple(results.methods))


def _in_order(keys: Iterable[tuple[str, str]], results: ResultSet) -> list[tuple[str, str]]:
    """Return (category, defect type or size) in the order of the tables."""
    places = {name: index for index, name in enumerate([*results.categories, *SIZES])}
    return sorted(keys, key=lambda key: (places.get(key[0], -1), places.get(key[1], -1), key[1]))


def _group(results: ResultSet, category: str, name: str, values: Mapping[str, Mapping[str, float | None]]) -> Group:
    runs = results.runs[results.runs["category"] == category] if category else results.runs
    measured = pd.DataFrame.from_dict(dict(values), orient="index", columns=[item.name for item in DEFINITIONS])
    columns = measured.reindex(runs["id"]).set_axis(runs.index).astype("float64")
    runs = runs.drop(columns=[column for column in columns if column in runs]).join(columns)
    return Group(", ".join(filter(None, (category, name))), replace(results, runs=runs, metrics=tuple(columns)))

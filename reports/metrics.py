"""The metrics beside the paper's, over the runs of a result set: values per run, and tables of their means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.histograms import CONNECTIVITY
from benchmark.results.metrics import DEFINITIONS, SIZES, Definition
from reports.cells import Cell, mean_cell
from reports.collect import ResultSet
from reports.run_numbers import By, RunNumbers, Values
from reports.tables import Row, Table, mark_best

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
        return definition.label.format(f"{self.results.threshold:g}")

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


def measure_runs(results: ResultSet, numbers: Mapping[str, RunNumbers], splits: Sequence[By | None]) -> list[Measured]:
    """Gather the metrics of a result set's runs.

    Parameters
    ----------
    results : ResultSet
    numbers : mapping
        Of ``read_numbers`` with at least these splits, by run id; a run that is missing has no value.
    splits : sequence of {"category", "defect", "size"} or None
        What to split the test images by, once for each value to return; None for all in one group.
    """
    runs = results.runs
    known = [
        (run_id, category, numbers[run_id])
        for run_id, category in zip(runs["id"], runs["category"], strict=True)
        if run_id in numbers
    ]
    older = sum(found.older for _, _, found in known)
    measured = []
    for by in splits:
        values: dict[tuple[str, str], dict[str, Values]] = {}
        for run_id, category, found in known:
            where = category if by in ("category", "defect") else ""
            for name, metrics in found.metrics[by].items():
                values.setdefault((where, name), {})[run_id] = metrics
        groups = tuple(_group(results, *key, values[key]) for key in _in_order(values, results))
        measured.append(Measured(results, groups, older))
    return measured


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


def _group(results: ResultSet, category: str, name: str, values: Mapping[str, Values]) -> Group:
    runs = results.runs[results.runs["category"] == category] if category else results.runs
    measured = pd.DataFrame.from_dict(dict(values), orient="index", columns=[item.name for item in DEFINITIONS])
    columns = measured.reindex(runs["id"]).set_axis(runs.index).astype("float64")
    runs = runs.drop(columns=[column for column in columns if column in runs]).join(columns)
    return Group(", ".join(filter(None, (category, name))), replace(results, runs=runs, metrics=tuple(columns)))

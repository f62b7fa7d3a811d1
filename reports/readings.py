"""Result sets under other readings of how runs are scored, and which reading comes nearest to the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.results.readings import DEFAULT, READINGS, RUN_READINGS, Reading, for_one_run
from benchmark.score import METRICS, Metric
from reports.averaging import CELL, Averaged, averaged_rows
from reports.cells import Cell, ImageCount, Source
from reports.collect import ResultSet, reading_notes
from reports.paper import CATEGORY_TABLES
from reports.published import Published
from reports.tables import Row, Table

# What the threshold alone decides; the other fields are about IOU and DC.
_OF_IMAGES = ("auc", "acc")
EXPLORATORY = (
    "Exploratory: every reading is compared with the same numbers of the paper, and the nearest of many is near by "
    "chance too. It is a question for the authors, not evidence of what they did."
)
NOT_COMPARABLE = "Not comparable with the paper: {}. A small difference says nothing about how the paper scored."


def read_as(results: ResultSet, reading: Reading, scores: Mapping[str, np.ndarray]) -> ResultSet:
    """Return a result set with the metrics of its runs under a reading.

    Parameters
    ----------
    results : ResultSet
        As stored, under the default reading.
    reading : Reading
    scores : mapping
        By run id, ``score_readings`` for this reading, float64, shape (4,). A run that is missing has no value. Not
        used where a stored metric is the same under this reading.
    """
    runs, scoring = results.runs, for_one_run(reading)
    if scoring != DEFAULT:
        missing = np.full(len(METRICS), np.nan)
        values = np.array([scores.get(run_id, missing) for run_id in runs["id"]]).reshape(-1, len(METRICS))
        columns = dict(zip(METRICS, values.T, strict=True))
        if scoring.threshold == "fixed":
            columns = {name: values for name, values in columns.items() if name not in _OF_IMAGES}
        runs = runs.assign(**columns)
    return replace(results, runs=runs, averaged=reading.runs, reading=reading)


@dataclass(frozen=True)
class Read:
    """A result set under one reading; a ``Source`` of tables that shares the means over seeds with all others.

    Attributes
    ----------
    wide : ResultSet
        With the metrics of every reading, named by ``_column``, and the runs of this one.
    reading : Reading
    """

    wide: ResultSet
    reading: Reading

    @property
    def title(self) -> str:
        return replace(self.wide, reading=self.reading).title

    @property
    def dataset(self) -> str:
        return self.wide.dataset

    @property
    def categories(self) -> Sequence[str]:
        return self.wide.categories

    @property
    def methods(self) -> Sequence[str]:
        return self.wide.methods

    @property
    def shots(self) -> Sequence[int]:
        return self.wide.shots

    @property
    def expectation(self) -> str:
        return self.wide.expectation

    def label(self, method: str) -> str:
        return self.wide.label(method)

    def has(self, method: str, table: str) -> bool:
        return self.wide.has(method, table)

    def cell(self, category: str, method: str, shots: int, metric: Metric) -> Cell:
        return self.wide.cell(category, method, shots, _column(metric, self.reading))

    def mean(self, method: str, shots: int, metric: Metric, table: str) -> Cell:
        return self.wide.mean(method, shots, _column(metric, self.reading), table)

    def stated_mean(self, method: str, shots: int, metric: Metric) -> Cell | None:
        return self.wide.stated_mean(method, shots, metric)

    def images(self, category: str, kind: ImageCount, shots: int | None = None) -> Cell:
        return self.wide.images(category, kind, shots)

    def notes(self, table: str, methods: Sequence[str]) -> list[str]:
        return [*reading_notes(self.reading, self.wide.threshold, table), *self.wide.notes(table, methods)]


class _Wide(ResultSet):
    """A result set of many metrics."""

    @cached_property
    def _statistics(self) -> dict[tuple[str, str, int], dict[tuple[str, str], float]]:
        # All columns at once: twenty times as fast, and other than one by one in the last bit.
        grouped = averaged_rows(self.runs, self.averaged).groupby(CELL)[list(self.metrics)]
        found = pd.concat({"mean": grouped.mean(), "std": grouped.std(), "count": grouped.count()}, axis=1)
        return dict(found.swaplevel(axis=1).to_dict("index"))


def under_every_reading(results: ResultSet, scores: Mapping[str, np.ndarray]) -> dict[Reading, Source]:
    """Return a result set under each of ``READINGS``; ``scores`` has those of ``RUN_READINGS``, shape (30, 4)."""
    missing = np.full((len(RUN_READINGS), len(METRICS)), np.nan)
    values = np.array([scores.get(run_id, missing) for run_id in results.runs["id"]]).reshape(-1, *missing.shape)
    columns = {
        _column(metric, reading): results.runs[metric]
        if reading.threshold == "fixed" and metric in _OF_IMAGES
        else values[:, place, index]
        for place, reading in enumerate(RUN_READINGS)
        for index, metric in enumerate(METRICS)
    }
    runs = pd.concat([results.runs, pd.DataFrame(columns, index=results.runs.index, dtype="float64")], axis=1)
    which: tuple[Averaged, ...] = ("all", "converged")
    wide = {
        name: _Wide(results.dataset, results.protocol, results.variant, results.profiles, runs, name, tuple(columns))
        for name in which
    }
    return {
        reading: Read(wide[reading.runs], reading)
        if for_one_run(reading) != DEFAULT
        else replace(results, averaged=reading.runs)
        for reading in READINGS
    }


def _column(metric: str, reading: Reading) -> str:
    return f"{metric} {for_one_run(reading)}"


@dataclass(frozen=True)
class Distance:
    """How far the cells of Tables II and III are from the paper's under a reading.

    Attributes
    ----------
    reading : Reading
    iou, dc, both : float or None
        Mean absolute differences over the compared cells of Table II, of Table III, and of both; None without any.
    signed : float or None
        Mean of ours minus the paper's, over the cells of both.
    cells : int
        How many there are in both.
    """

    reading: Reading
    iou: float | None
    dc: float | None
    both: float | None
    signed: float | None
    cells: int


def distances(readings: Mapping[Reading, Source]) -> list[Distance]:
    """Return the distance of each reading to the paper, the smallest first.

    The cells that count are the same for every reading: those in which the paper has a number, and every reading that
    has any number has one. Readings without any come last.
    """
    differences = pd.DataFrame({reading: _differences(results) for reading, results in readings.items()})
    differences = differences.reindex(columns=list(readings))
    common = differences.loc[:, differences.notna().any()].dropna()
    found = []
    for reading in readings:
        values = common[reading] if reading in common else pd.Series(dtype="float64", index=common.index[:0])
        by_metric = {metric: values[values.index.get_level_values(0) == metric] for metric in CATEGORY_TABLES}
        found.append(
            Distance(
                reading,
                _mean(by_metric["iou"].abs()),
                _mean(by_metric["dc"].abs()),
                _mean(values.abs()),
                _mean(values),
                len(values),
            )
        )
    return sorted(found, key=lambda distance: np.inf if distance.both is None else distance.both)


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None


def _differences(results: Source) -> pd.Series:
    """Return ours minus the paper's by (metric, K, category, method), NaN where either has no number."""
    paper = Published()
    found = {}
    for metric, number in CATEGORY_TABLES.items():
        for method in (method for method in results.methods if paper.has(method, number)):
            for category in (category for category in results.categories if category in paper.categories):
                for shots in (shots for shots in results.shots if shots in paper.shots):
                    ours = results.cell(category, method, shots, metric).value
                    theirs = paper.cell(category, method, shots, metric).value
                    found[metric, shots, category, method] = np.nan if ours is None or theirs is None else ours - theirs
    index = pd.MultiIndex.from_tuples(list(found), names=["metric", "shots", "category", "method"])
    return pd.Series(list(found.values()), index=index, dtype="float64")


def why_not_comparable(results: ResultSet) -> str:
    """Return why differences from the paper are not those of a reproduction; "" if they are."""
    if results.dataset != Published.dataset:
        return f"these runs use the data set {results.dataset}, the paper MVTec AD"
    return "" if results.follows_paper else "these runs have other settings than the paper's"


def distance_table(results: ResultSet, found: Sequence[Distance]) -> Table:
    """Return the distances as a table, a row per reading, the smallest marked; without rows if nothing is compared."""
    rows = []
    known = [distance for distance in found if distance.both is not None]
    for distance in known:
        values = (distance.iou, distance.dc, distance.both, distance.signed)
        cells = [Cell(value) for value in values]
        cells[2] = replace(cells[2], best=cells[2].number == Cell(known[0].both).number)
        label = str(distance.reading) or "as the tables (default)"
        rows.append(Row("", label, (*cells, Cell(distance.cells, count=True)), key=str(distance.reading)))
    reason = why_not_comparable(results)
    notes = [*([NOT_COMPARABLE.format(reason)] if reason else []), EXPLORATORY]
    if known:
        notes.append(
            f"Mean absolute difference between our mean over seeds and the paper's, over the {known[0].cells} cells of "
            "Tables II (IOU) and III (DC) that have a number in the paper and under every reading listed. Difference: "
            "mean of ours minus the paper's. A reading is listed by the fields that differ from the default, "
            f"which is: {DEFAULT.describe(results.threshold)}"
        )
    if len(known) < len(found):
        notes.append(
            f"{len(found) - len(known)} readings take a threshold that runs stored before logits were do not have."
        )
    columns = ("IOU", "DC", "IOU and DC", "difference", "cells")
    title = "Distance of each reading to the paper (exploratory)"
    return Table("", title, "Reading", columns, tuple(rows), tuple(notes), results.dataset, columns)

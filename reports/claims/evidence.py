"""The numbers that claims are judged by: of stored runs, or as the paper's tables print them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar, cast

import numpy as np
import pandas as pd

from baselines.errors import InputError
from benchmark.results.records import RunRecord, Status
from benchmark.results.store import read_run
from benchmark.results.stored_run import StoredRun
from benchmark.score import Metric
from reports.averaging import averaged_rows
from reports.category_scores import CategoryScores, category_scores
from reports.claims.measures import CURVE_MEASURES, RUN_MEASURES, IouCurve, common_level, image_scores
from reports.claims.verdict import NotTestable
from reports.collect import ResultSet
from reports.hierarchical import ROPE_METRICS, Hierarchy, by_category, paired_runs
from reports.paper import CATEGORY_TABLES, MEAN
from reports.paper.ledger import Claim, ClaimMetric, CurveMeasure, Measure, RunMeasure
from reports.paper.printed import DIGITS, Paper

T = TypeVar("T")

PAPER_DATA = "mvtec-ad"
NOT_PRINTED = "the paper prints no numbers for it in a table"
METRIC_LABELS: dict[ClaimMetric, str] = {
    "iou": "IOU",
    "dc": "DC",
    "auc": "AUC",
    "acc": "ACC",
    "background_error": "share of normal pixels predicted defective",
    "defect_found": "share of defect pixels detected",
    "time_to_level": "share of training until the common IOU level",
    "area_to_level": "area under the IOU curve up to the common level",
}
LOWER_IS_BETTER = ("background_error", "time_to_level")


class Evidence(Protocol):
    """Numbers that claims are judged by."""

    printed: bool

    def check(self, claim: Claim) -> None:
        """Raise NotTestable if the claim is not about these numbers."""

    def scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> CategoryScores:
        """Return a metric per category and method; empty if only means are known."""

    def seed_scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> pd.DataFrame:
        """Return a metric per seed and method, in the category that the claim names."""

    def seed_variance(self, metric: ClaimMetric, shots: int, first: str, second: str = "") -> float:
        """Return the variance between seeds of first minus second, pooled over categories; 0 where unknown."""

    def means(self, claim: Claim, metric: ClaimMetric, shots: int) -> dict[str, float]:
        """Return printed means over categories by method; empty for stored runs."""


class StoredEvidence:
    """The runs of a result set, and their files below ``root`` if that is given.

    With ``images`` the hierarchical look resamples test images too, which takes a file of each run.
    """

    printed = False

    def __init__(self, results: ResultSet, root: Path | None, images: bool = False) -> None:
        self.results = results
        self.root = root
        self.images = images
        self.unreadable: dict[str, str] = {}
        self._hierarchies: dict[tuple[int, str, str], tuple[dict[Metric, Hierarchy], dict[str, str]]] = {}
        self._scores: dict[tuple[ClaimMetric, int], CategoryScores] = {}
        self._found: dict[tuple[str, str], object] = {}
        self._cells: dict[tuple[ClaimMetric, int], pd.DataFrame] = {}

    @property
    def scope(self) -> str:
        """How the runs differ from the paper's, in words; "" where they do not."""
        if self.results.dataset != PAPER_DATA:
            return "on this data set"
        return "" if self.results.follows_paper else "under this protocol"

    def check(self, claim: Claim) -> None:
        if self.scope and claim.kind == "value":
            raise NotTestable(f"not testable {self.scope}: an absolute number for MVTec AD under the paper's protocol")
        if self.results.dataset != PAPER_DATA and claim.categories:
            raise NotTestable(f"not testable on this data set: it is about MVTec AD's {' and '.join(claim.categories)}")

    def scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> CategoryScores:
        if metric in RUN_MEASURES or metric in CURVE_MEASURES:
            scores = self._measured_scores(claim, metric, shots)
        else:
            if (metric, shots) not in self._scores:
                seeds = self.results.seeds(shots)
                self._scores[metric, shots] = category_scores(self.results.runs, metric, shots, seeds)
            scores = self._scores[metric, shots]
        if not claim.categories:
            return scores
        return replace(scores, values=scores.values[scores.values.index.isin(claim.categories)])

    def seed_scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> pd.DataFrame:
        runs = self.results.runs
        runs = runs[(runs["shots"] == shots) & runs["category"].isin(claim.categories)]
        return averaged_rows(runs).pivot_table(index="seed", columns="method", values=metric)

    def seed_variance(self, metric: ClaimMetric, shots: int, first: str, second: str = "") -> float:
        if metric not in self.results.runs:
            return 0.0
        if (metric, shots) not in self._cells:
            runs = averaged_rows(self.results.runs)
            self._cells[metric, shots] = runs[runs["shots"] == shots].pivot_table(
                index=["category", "seed"], columns="method", values=metric
            )
        cells = self._cells[metric, shots].reindex(columns=[first, second] if second else [first])
        values = cells[first] - (cells[second] if second else 0.0)
        return float(np.nan_to_num(values.groupby("category").var(ddof=1).mean()))

    def hierarchy(self, metric: Metric, shots: int, first: str, second: str) -> Hierarchy:
        """Return first minus second by category and seed, in IOU or DC: the same object each time, as fits are slow."""
        key = (shots, first, second)
        if key not in self._hierarchies:
            pairs = paired_runs(self.results.runs, shots, first, second)
            read = {*pairs["id_1"], *pairs["id_2"]}
            made = self._from_images(pairs) if self.images else self._from_metrics(pairs)
            self._hierarchies[key] = made, {name: why for name, why in self.unreadable.items() if name in read}
        hierarchies, unreadable = self._hierarchies[key]
        self.unreadable |= unreadable
        return hierarchies[metric]

    def _from_metrics(self, pairs: pd.DataFrame) -> dict[Metric, Hierarchy]:
        return {name: Hierarchy(by_category(pairs[f"{name}_1"] - pairs[f"{name}_2"])) for name in ROPE_METRICS}

    def _from_images(self, pairs: pd.DataFrame) -> dict[Metric, Hierarchy]:
        """Take the images that both runs of a pair were scored on."""
        found: dict[Metric, dict[str, dict[int, pd.Series]]] = {name: {} for name in ROPE_METRICS}
        for (category, seed), pair in pairs.iterrows():
            first, second = (self._read(pair[f"id_{n}"], pair[f"status_{n}"], "images", image_scores) for n in (1, 2))
            if first is None or second is None:
                continue
            differences = (first - second).dropna()
            for name in ROPE_METRICS if len(differences) else ():
                found[name].setdefault(category, {})[seed] = differences[name]
        tables = {
            name: {category: pd.DataFrame(seeds).T for category, seeds in of.items()} for name, of in found.items()
        }
        return {
            name: Hierarchy({category: table.mean(axis=1) for category, table in of.items()}, of)
            for name, of in tables.items()
        }

    def finished(self, name: str, metric: Metric, shots: int) -> pd.DataFrame:
        """Return a metric of a method's finished runs, converged or not: categories by seeds, NaN for other runs."""
        runs = self.results.runs
        runs = runs[(runs["shots"] == shots) & (runs["method"] == name) & (runs["status"] != Status.FAILED)]
        return runs.pivot_table(index="category", columns="seed", values=metric, observed=True).reindex(
            columns=list(self.results.seeds(shots))
        )

    def means(self, claim: Claim, metric: ClaimMetric, shots: int) -> dict[str, float]:
        return {}

    def records(self, claim: Claim) -> list[RunRecord]:
        """Return the records of the finished runs a claim is about; those that cannot be read are noted."""
        runs = self.results.runs
        chosen = runs[
            runs["method"].isin(claim.methods + claim.against)
            & runs["shots"].isin(claim.shots)
            & (runs["status"] != Status.FAILED)
            & (runs["category"].isin(claim.categories) | (not claim.categories))
        ]
        records = []
        for run_id in chosen["id"]:
            try:
                records.append(read_run(self._folder(run_id)))
            except InputError as error:
                self.unreadable[run_id] = str(error)
        return records

    def _folder(self, run_id: str) -> Path:
        if self.root is None:
            raise NotTestable("needs the runs' files, not only their metrics")
        return self.root / "runs" / run_id

    def _measured_scores(self, claim: Claim, measure: Measure, shots: int) -> CategoryScores:
        runs = self.results.runs
        runs = runs[(runs["shots"] == shots) & runs["method"].isin(claim.methods + claim.against)]
        if measure == "background_error" or measure == "defect_found":
            values: Sequence[float] | pd.Series = self._run_values(runs, measure)
        else:
            values = self._curve_values(runs, measure)
        return category_scores(runs.assign(**{measure: values}), measure, shots, self.results.seeds(shots))

    def _run_values(self, runs: pd.DataFrame, measure: RunMeasure) -> list[float]:
        found = [
            self._read(run_id, status, measure, RUN_MEASURES[measure])
            for run_id, status in zip(runs["id"], runs["status"], strict=True)
        ]
        return [np.nan if value is None else value for value in found]

    def _curve_values(self, runs: pd.DataFrame, measure: CurveMeasure) -> pd.Series:
        """Compare the runs of each category and seed at a level that all of them reach; NaN where there is none."""
        values = pd.Series(np.nan, runs.index)
        for _, group in runs.groupby(["category", "seed"]):
            read = {row.Index: self._read(row.id, row.status, "curve", IouCurve.of) for row in group.itertuples()}
            curves = {index: curve for index, curve in read.items() if curve is not None}
            level = common_level(list(curves.values()))
            if level > 0:
                values.update({index: CURVE_MEASURES[measure](curve, level) for index, curve in curves.items()})
        return values

    def _read(self, run_id: str, status: str, what: str, read: Callable[[StoredRun], T]) -> T | None:
        """Return what a run's files give; None for runs that failed or (noted) are not readable."""
        folder = self._folder(run_id)
        if status == Status.FAILED:
            return None
        if (run_id, what) not in self._found:
            try:
                self._found[run_id, what] = read(StoredRun(folder))
            except InputError as error:
                self.unreadable[run_id] = str(error)
                return None
        return cast(T, self._found[run_id, what])


class PublishedEvidence:
    """Tables II to VII of the paper as printed, or of another ``Paper``."""

    printed = True

    def __init__(self, paper: Paper | None = None) -> None:
        self.paper = Paper.published() if paper is None else paper
        self._scores: dict[tuple[str, int], CategoryScores] = {}

    def check(self, claim: Claim) -> None:
        if not claim.tables:
            raise NotTestable(NOT_PRINTED)

    def scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> CategoryScores:
        if metric not in CATEGORY_TABLES or CATEGORY_TABLES[metric] not in claim.tables:
            return CategoryScores(pd.DataFrame(), {})
        key = CATEGORY_TABLES[metric], shots
        if key not in self._scores:
            self._scores[key] = _printed_scores(self.paper.tables[key[0]], shots)
        return self._scores[key]

    def seed_scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> pd.DataFrame:
        raise NotTestable("the paper prints no numbers of single seeds")

    def seed_variance(self, metric: ClaimMetric, shots: int, first: str, second: str = "") -> float:
        return 0.0

    def means(self, claim: Claim, metric: ClaimMetric, shots: int) -> dict[str, float]:
        return {
            method: mean / 10**DIGITS
            for number in claim.tables
            for (k, method, name), mean in self.paper.means(number).items()
            if (k, name) == (shots, metric)
        }


def _printed_scores(rows: pd.DataFrame, shots: int) -> CategoryScores:
    rows = rows[(rows["shots"] == shots) & (rows["category"] != MEAN)]
    values = rows.pivot(index="category", columns="method", values="mean").reindex(rows["category"].unique())
    left_out = {
        (category, method): "printed as a dash"
        for category, line in values.iterrows()
        for method in line.index[line.isna()]
    }
    return CategoryScores(values, left_out)

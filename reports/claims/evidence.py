"""The numbers that claims are judged by: of stored runs, or as the paper's tables print them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from baselines.errors import InputError
from baselines.methods import PAPER_METHODS
from benchmark.results.records import RunRecord, Status
from benchmark.results.store import read_run
from benchmark.results.stored_run import StoredRun
from benchmark.score import scored
from reports.category_scores import CategoryScores, category_scores
from reports.claims.ledger import Claim, ClaimMetric, Measure
from reports.claims.verdict import NotTestable
from reports.collect import ResultSet
from reports.paper import CATEGORY_TABLES, MEAN, published_means, published_table

PAPER_DATA = "mvtec-ad"
NOT_PRINTED = "the paper prints no numbers for it in a table"
METRIC_LABELS: dict[ClaimMetric, str] = {
    "iou": "IOU",
    "dc": "DC",
    "auc": "AUC",
    "acc": "ACC",
    "background_error": "share of normal pixels predicted defective",
    "defect_found": "share of defect pixels detected",
    "time_to_90": "share of training until 90 % of the best IOU",
}
LOWER_IS_BETTER = ("background_error", "time_to_90")
_LABELS = {method.name: method.label for method in PAPER_METHODS}


def method_label(name: str) -> str:
    """Return the name of one of the paper's methods as its tables print it.

    Examples
    --------
    >>> method_label("unet_plus_plus")
    'U-Net++'
    """
    return _LABELS[name]


class Evidence(Protocol):
    """Numbers that claims are judged by."""

    printed: bool

    def check(self, claim: Claim) -> None:
        """Raise NotTestable if the claim is not about these numbers."""

    def scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> CategoryScores:
        """Return a metric per category and method; empty if only means are known."""

    def means(self, claim: Claim, metric: ClaimMetric, shots: int) -> dict[str, float]:
        """Return printed means over categories by method; empty for stored runs."""


class StoredEvidence:
    """The runs of a result set, and their files below ``root`` if that is given."""

    printed = False

    def __init__(self, results: ResultSet, root: Path | None) -> None:
        self.results = results
        self.root = root
        self.unreadable: dict[str, str] = {}
        self._scores: dict[tuple[ClaimMetric, int], CategoryScores] = {}
        self._measured: dict[tuple[str, Measure], float] = {}

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
        if metric in _MEASURES:
            scores = self._measured_scores(claim, metric, shots)
        else:
            if (metric, shots) not in self._scores:
                seeds = self.results.seeds(shots)
                self._scores[metric, shots] = category_scores(self.results.runs, metric, shots, seeds)
            scores = self._scores[metric, shots]
        if not claim.categories:
            return scores
        return replace(scores, values=scores.values[scores.values.index.isin(claim.categories)])

    def _measured_scores(self, claim: Claim, measure: Measure, shots: int) -> CategoryScores:
        runs = self.results.runs
        runs = runs[(runs["shots"] == shots) & runs["method"].isin(claim.methods + claim.against)]
        values = [self._measure(row.id, row.status, measure) for row in runs.itertuples()]
        return category_scores(runs.assign(**{measure: values}), measure, shots, self.results.seeds(shots))

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

    def _measure(self, run_id: str, status: str, measure: Measure) -> float:
        """Return a number that only a run's files give; NaN for runs that failed or (noted) are not readable."""
        folder = self._folder(run_id)
        if status == Status.FAILED:
            return np.nan
        if (run_id, measure) not in self._measured:
            try:
                self._measured[run_id, measure] = _MEASURES[measure](StoredRun(folder))
            except InputError as error:
                self.unreadable[run_id] = str(error)
                return np.nan
        return self._measured[run_id, measure]


class PublishedEvidence:
    """The paper's own Tables II to VII."""

    printed = True

    def check(self, claim: Claim) -> None:
        if not claim.tables:
            raise NotTestable(NOT_PRINTED)

    def scores(self, claim: Claim, metric: ClaimMetric, shots: int) -> CategoryScores:
        if metric not in CATEGORY_TABLES or CATEGORY_TABLES[metric] not in claim.tables:
            return CategoryScores(pd.DataFrame(), {})
        return _printed_scores(CATEGORY_TABLES[metric], shots)

    def means(self, claim: Claim, metric: ClaimMetric, shots: int) -> dict[str, float]:
        return {
            method: mean
            for number in claim.tables
            for (k, method, name), mean in published_means(number).items()
            if (k, name) == (shots, metric)
        }


@cache
def _printed_scores(table: str, shots: int) -> CategoryScores:
    rows = published_table(table)
    rows = rows[(rows["shots"] == shots) & (rows["category"] != MEAN)]
    values = rows.pivot(index="category", columns="method", values="mean").reindex(rows["category"].unique())
    left_out = {
        (category, method): "printed as a dash"
        for category, line in values.iterrows()
        for method in line.index[line.isna()]
    }
    return CategoryScores(values, left_out)


def printed_categories(method: str, shots: int) -> list[str]:
    """Return the categories for which Table II prints a number, which the means of Table IV must be based on.

    Examples
    --------
    >>> len(printed_categories("albunet", 1)), len(printed_categories("albunet", 5))
    (14, 15)
    """
    rows = published_table("II")
    rows = rows[(rows["shots"] == shots) & (rows["method"] == method) & (rows["category"] != MEAN)]
    return list(rows.loc[rows["mean"].notna(), "category"])


def background_error(run: StoredRun) -> float:
    """Return the share of normal pixels that a run predicts as defective, averaged over its test images."""
    images = run.images
    normal = images["fp"] + images["tn"]
    return float((images["fp"] / normal)[normal > 0].mean())


def defect_found(run: StoredRun) -> float:
    """Return the share of defect pixels that a run detects, averaged over its defective test images."""
    images = run.images
    rows = images[scored(images)]
    return float((rows["tp"] / (rows["tp"] + rows["fn"])).mean())


def time_to_90(run: StoredRun) -> float:
    """Return the share of the iterations after which the test IOU first reached 90 % of its highest reading."""
    curve = run.curve
    readings = curve.dropna(subset="test_iou")
    if readings.empty or readings["test_iou"].max() == 0:
        return np.nan
    reached = readings["test_iou"] >= 0.9 * readings["test_iou"].max()
    return float(readings.loc[reached, "iteration"].iloc[0] / curve["iteration"].iloc[-1])


_MEASURES: dict[Measure, Callable[[StoredRun], float]] = {
    "background_error": background_error,
    "defect_found": defect_found,
    "time_to_90": time_to_90,
}

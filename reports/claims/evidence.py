"""Where the numbers for a claim come from: stored runs, or the tables the paper prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from baselines import InputError
from baselines.methods import PAPER_METHODS
from benchmark.results.records import RunRecord
from benchmark.results.store import read_run
from benchmark.results.stored_run import StoredRun
from benchmark.score import scored
from reports.claims.ledger import Claim
from reports.claims.verdict import NoEvidence
from reports.collect import ResultSet
from reports.paper import published_table
from reports.statistics import CategoryScores, category_scores

PAPER_DATA = "mvtec-ad"
PAPER_PROFILE = "paper"
METRIC_LABELS = {
    "iou": "IOU",
    "dc": "DC",
    "auc": "AUC",
    "acc": "ACC",
    "background_error": "share of normal pixels marked",
    "defect_found": "share of defect pixels found",
    "time_to_90": "share of training until 90 % of the best IOU",
}
LESS_IS_BETTER = ("background_error", "time_to_90")
_LABELS = {method.name: method.label for method in PAPER_METHODS}


def method_label(name: str) -> str:
    """Return a paper's method as its tables print it."""
    return _LABELS[name]


class Evidence(Protocol):
    """Numbers that claims are judged by."""

    printed: bool

    def check(self, claim: Claim) -> None:
        """Raise NoEvidence if the claim is about something else than these numbers."""
        ...

    def scores(self, claim: Claim, metric: str, shots: int) -> CategoryScores:
        """Return a metric per category and method; empty if only means are known."""
        ...

    def means(self, claim: Claim, metric: str, shots: int) -> dict[str, float]:
        """Return printed means over categories by method; empty for stored runs."""
        ...


class StoredEvidence:
    """The runs of a result set, and their files below ``root`` if that is given."""

    printed = False

    def __init__(self, results: ResultSet, root: Path | None) -> None:
        self.results = results
        self.root = root
        self.unreadable: dict[str, str] = {}
        self._scores: dict[tuple[str, int], CategoryScores] = {}
        self._measured: dict[tuple[str, str], float] = {}

    @property
    def scope(self) -> str:
        """What the numbers are of, where that is not what the paper's are of; else ""."""
        if self.results.dataset != PAPER_DATA:
            return "on this data set"
        return "" if self.results.profiles == (PAPER_PROFILE,) else "under this profile"

    def check(self, claim: Claim) -> None:
        if self.scope and claim.kind == "value":
            raise NoEvidence(f"not testable {self.scope}: an absolute number, of MVTec AD under the paper's protocol")
        if self.results.dataset != PAPER_DATA and claim.categories:
            raise NoEvidence(f"not testable on this data set: it is about MVTec AD's {' and '.join(claim.categories)}")

    def scores(self, claim: Claim, metric: str, shots: int) -> CategoryScores:
        if metric in _MEASURES:
            found = self._measured_scores(claim, metric, shots)
        else:
            if (metric, shots) not in self._scores:
                seeds = self.results.seeds(shots)
                self._scores[metric, shots] = category_scores(self.results.runs, metric, shots, seeds)
            found = self._scores[metric, shots]
        if not claim.categories:
            return found
        return replace(found, values=found.values[found.values.index.isin(claim.categories)])

    def _measured_scores(self, claim: Claim, metric: str, shots: int) -> CategoryScores:
        runs = self.results.runs
        runs = runs[(runs["shots"] == shots) & runs["method"].isin(claim.methods + claim.against)]
        values = [self._measure(row.id, row.status, metric) for row in runs.itertuples()]
        return category_scores(runs.assign(**{metric: values}), metric, shots, self.results.seeds(shots))

    def means(self, claim: Claim, metric: str, shots: int) -> dict[str, float]:
        return {}

    def records(self, claim: Claim) -> list[RunRecord]:
        """Return ``run.json`` of the runs a claim is about that did not fail; what cannot be read is noted."""
        runs = self.results.runs
        chosen = runs[
            runs["method"].isin(claim.methods + claim.against)
            & runs["shots"].isin(claim.shots)
            & (runs["status"] != "failed")
            & (runs["category"].isin(claim.categories) | (not claim.categories))
        ]
        found = []
        for run_id in chosen["id"]:
            try:
                found.append(read_run(self._folder(run_id)))
            except InputError as error:
                self.unreadable[run_id] = str(error)
        return found

    def _folder(self, run_id: str) -> Path:
        if self.root is None:
            raise NoEvidence("needs the files of the runs, not only their metrics")
        return self.root / "runs" / run_id

    def _measure(self, run_id: str, status: str, metric: str) -> float:
        """Return what only a run's files tell, NaN (and a note) where they cannot be read."""
        folder = self._folder(run_id)
        if status != "done":
            return np.nan
        if (run_id, metric) not in self._measured:
            try:
                self._measured[run_id, metric] = _MEASURES[metric](StoredRun(folder))
            except InputError as error:
                self.unreadable[run_id] = str(error)
                return np.nan
        return self._measured[run_id, metric]


class PublishedEvidence:
    """The paper's own Tables II to VII."""

    printed = True

    def check(self, claim: Claim) -> None:
        if not claim.tables:
            raise NoEvidence("no table of the paper holds its numbers")

    def scores(self, claim: Claim, metric: str, shots: int) -> CategoryScores:
        if metric not in _BY_CATEGORY or _BY_CATEGORY[metric] not in claim.tables:
            return CategoryScores(pd.DataFrame(), {})
        rows = published_table(_BY_CATEGORY[metric])
        rows = rows[(rows["shots"] == shots) & (rows["category"] != "mean")]
        values = rows.pivot(index="category", columns="method", values="mean").reindex(rows["category"].unique())
        left_out = {
            (category, method): "printed as a dash"
            for category, line in values.iterrows()
            for method in line.index[line.isna()]
        }
        return CategoryScores(values, left_out)

    def means(self, claim: Claim, metric: str, shots: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for number in claim.tables:
            table = published_table(number)
            rows = table[table["shots"] == shots]
            if number in ("II", "III"):
                rows = rows[rows["category"] == "mean"].rename(columns={"mean": "iou" if number == "II" else "dc"})
            if number == "IV":
                rows = rows.assign(acc=rows["acc_percent"] / 100, auc=rows["auc_percent"] / 100)
            if metric in rows:
                found |= dict(zip(rows["method"], rows[metric].astype(float), strict=True))
        return found


_BY_CATEGORY = {"iou": "II", "dc": "III"}


def printed_categories(method: str, shots: int) -> list[str]:
    """Return the categories for which Table II prints a number, as ``means`` of Table IV must rest on."""
    rows = published_table("II")
    rows = rows[(rows["shots"] == shots) & (rows["method"] == method) & (rows["category"] != "mean")]
    return list(rows.loc[rows["mean"].notna(), "category"])


def background_error(run: StoredRun) -> float:
    """Return the share of normal pixels that a run marks as defective, averaged over its test images."""
    images = run.images
    normal = images["fp"] + images["tn"]
    return float((images["fp"] / normal)[normal > 0].mean())


def defect_found(run: StoredRun) -> float:
    """Return the share of defect pixels that a run marks, averaged over its defective test images."""
    images = run.images
    rows = images[scored(images)]
    return float((rows["tp"] / (rows["tp"] + rows["fn"])).mean())


def time_to_90(run: StoredRun) -> float:
    """Return after which share of the iterations the test IOU first reached 90 % of its highest reading."""
    curve = run.curve
    readings = curve.dropna(subset="test_iou")
    if readings.empty or readings["test_iou"].max() == 0:
        return np.nan
    reached = readings["test_iou"] >= 0.9 * readings["test_iou"].max()
    return float(readings.loc[reached, "iteration"].iloc[0] / curve["iteration"].iloc[-1])


_MEASURES = {"background_error": background_error, "defect_found": defect_found, "time_to_90": time_to_90}

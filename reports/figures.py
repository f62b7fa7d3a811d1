"""What the paper's charts show, as plain numbers: ROC curves (Fig. 7) and test IOU during training (Fig. 9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

# Where the false positive rates of all runs are compared.
GRID = np.linspace(0.0, 1.0, 101)


class CurvedRun(Protocol):
    """What is needed of a run: ``page.stored.PageRun`` has it."""

    @property
    def category(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def shots(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def roc(self) -> np.ndarray | None: ...
    @property
    def learning(self) -> np.ndarray | None: ...
    def metric(self, name: str) -> float | None: ...


@dataclass(frozen=True)
class Series:
    """One method's line.

    Attributes
    ----------
    method, label : str
    x, y : np.ndarray, shape (points,)
    n, of : int
        How many runs it rests on, and how many there should be.
    summary : float or None
        The number that belongs beside the name: an AUC, or the last IOU.
    low, high : np.ndarray or None, shape (points,)
        Least and greatest over seeds.
    """

    method: str
    label: str
    x: np.ndarray
    y: np.ndarray
    n: int
    of: int
    summary: float | None
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Chart:
    """A chart: what it is called, its axes, and its lines.

    Attributes
    ----------
    key : str
        Unique on its page; the start of every id in the drawing.
    title, x_label, y_label, summary_label : str
    series : tuple of Series
    x_range, y_range : tuple of float
    """

    key: str
    title: str
    x_label: str
    y_label: str
    summary_label: str
    series: tuple[Series, ...]
    x_range: tuple[float, float]
    y_range: tuple[float, float] = (0.0, 1.0)


def roc_on_grid(fpr: np.ndarray, tpr: np.ndarray) -> np.ndarray:
    """Return the true positive rate at each false positive rate of ``GRID``.

    Between points the curve is a straight line, as its AUC assumes; where it rises vertically the top counts.

    Parameters
    ----------
    fpr, tpr : np.ndarray, shape (points,)
        In [0, 1], both rising, from (0, 0) to (1, 1).
    """
    last = np.append(np.diff(fpr) > 0, True)
    return np.interp(GRID, fpr[last], tpr[last])


def roc_chart(runs: Sequence[CurvedRun], methods: Iterable[tuple[str, str]], of: int, key: str, title: str) -> Chart:
    """Average ROC curves over seeds, then over categories (Fig. 7).

    Parameters
    ----------
    runs : sequence
        Of one K; those that are not done are in no mean.
    methods : iterable of (str, str)
        Name and label of each line.
    of : int
        How many runs of each method there should be.
    key, title : str
        Of the chart.
    """
    series = []
    for method, label in methods:
        done = [run for run in runs if run.method == method and run.status == "done" and run.roc is not None]
        if not done:
            continue
        tpr = mean_over_categories([(run.category, run.roc) for run in done])
        auc = mean_over_categories([(run.category, run.metric("auc")) for run in done])
        series.append(Series(method, label, GRID, tpr, len(done), of, float(auc)))
    return Chart(key, title, "False positive rate", "True positive rate", "AUC", tuple(series), (0.0, 1.0))


def mean_over_categories(values: Sequence[tuple[str, Any]]) -> np.ndarray:
    """Average over the runs of each category, then over categories, so that each weighs the same."""
    categories = dict.fromkeys(category for category, _ in values)
    means = [np.mean([value for where, value in values if where == category], axis=0) for category in categories]
    return np.asarray(np.mean(means, axis=0))


def learning_chart(
    runs: Sequence[CurvedRun], methods: Iterable[tuple[str, str]], of: int, key: str, title: str
) -> Chart:
    """Average the test IOU during training over seeds, with its least and greatest (Fig. 9).

    Parameters are those of ``roc_chart``; ``runs`` are of one category and K.
    """
    series = []
    for method, label in methods:
        done = [run.learning for run in runs if run.method == method and run.status == "done"]
        curves = [curve for curve in done if curve is not None and len(curve)]
        if not curves:
            continue
        # Only where every seed was measured: a mean over some of them would jump where one begins or ends.
        shared = sorted(set.intersection(*({float(x) for x in curve[:, 0]} for curve in curves)))
        if not shared:
            continue
        values = np.array([curve[np.isin(curve[:, 0], shared), 1] for curve in curves])
        mean = values.mean(axis=0)
        low, high = values.min(axis=0), values.max(axis=0)
        series.append(Series(method, label, np.array(shared), mean, len(curves), of, float(mean[-1]), low, high))
    end = max((float(line.x[-1]) for line in series), default=1.0)
    highest = max((float(line.high.max()) for line in series if line.high is not None), default=1.0)
    y_range = (0.0, max(0.1, float(np.ceil(10 * highest) / 10)))
    return Chart(key, title, "Iteration", "Mean test IOU", "last IOU", tuple(series), (0.0, end), y_range)


def hover_data(chart: Chart, area: tuple[float, float, float, float]) -> dict[str, Any]:
    """Return what the page needs to read values off a drawing: plain lists, rounded to what is printed.

    Parameters
    ----------
    area : tuple of float
        Left, top, width and height of the axes within the drawing.
    """
    return {
        "key": chart.key,
        "area": list(area),
        "range": list(chart.x_range),
        "x_label": chart.x_label,
        "series": [
            {"x": [round(float(x), 4) for x in line.x], "y": [round(float(y), 4) for y in line.y]}
            for line in chart.series
        ],
    }

"""The numbers behind the paper's charts: ROC curves (Fig. 7) and test IOU during training (Fig. 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from reports.averaging import averaged_runs
from reports.page.stored import GRID, PageRun

V = TypeVar("V", float, np.ndarray)


@dataclass(frozen=True)
class Series:
    """One method's line.

    Attributes
    ----------
    method, label : str
    x, y : np.ndarray, shape (points,)
    n, expected : int
        How many runs it is based on, and how many there should be.
    summary : float
        The number shown next to the name: an AUC, or the last IOU.
    low, high : np.ndarray or None, shape (points,)
        Minimum and maximum over seeds.
    """

    method: str
    label: str
    x: np.ndarray
    y: np.ndarray
    n: int
    expected: int
    summary: float
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Chart:
    """A chart: its title, axes and lines.

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


def roc_chart(
    runs: Sequence[PageRun], methods: Iterable[tuple[str, str]], expected: int, key: str, title: str
) -> Chart:
    """Average ROC curves over seeds, then over categories (Fig. 7).

    Parameters
    ----------
    runs : sequence
        Of one K; those that count are ``averaged_runs``.
    methods : iterable of (str, str)
        Name and label of each line.
    expected : int
        How many runs of each method there should be.
    key, title : str
        Of the chart.
    """
    series = []
    for method, label in methods:
        counted = averaged_runs(run for run in runs if run.method == method)
        curves = [(run.category, run.roc) for run in counted if run.roc is not None]
        aucs = [
            (run.category, auc) for run in counted if run.roc is not None and (auc := run.metric("auc")) is not None
        ]
        if curves:
            tpr, auc = _mean_over_categories(curves), _mean_over_categories(aucs)
            series.append(Series(method, label, GRID, tpr, len(curves), expected, float(auc)))
    return Chart(key, title, "False positive rate", "True positive rate", "AUC", tuple(series), (0.0, 1.0))


def _mean_over_categories(values: Sequence[tuple[str, V]]) -> V:
    """Average over the runs of each category, then over categories, so that every category has the same weight."""
    categories = dict.fromkeys(category for category, _ in values)
    means = [np.mean([value for name, value in values if name == category], axis=0) for category in categories]
    mean: V = np.mean(means, axis=0)
    return mean


def learning_chart(
    runs: Sequence[PageRun], methods: Iterable[tuple[str, str]], expected: int, key: str, title: str
) -> Chart:
    """Average the test IOU during training over seeds, with minimum and maximum (Fig. 9).

    Parameters are those of ``roc_chart``; ``runs`` are of one category and K.
    """
    return _iteration_chart(
        runs, methods, expected, (key, title, "Mean test IOU", "last IOU"), lambda run: run.learning
    )


def gradient_chart(
    runs: Sequence[PageRun], methods: Iterable[tuple[str, str]], expected: int, key: str, title: str
) -> Chart:
    """Average over seeds the gradient norm of NBR relative to that of the segmentation loss, for methods with NBR.

    Parameters are those of ``learning_chart``.
    """
    words = (key, title, "Gradient norm, NBR over segmentation", "last ratio")
    return _iteration_chart(runs, methods, expected, words, lambda run: run.gradients)


def _iteration_chart(
    runs: Sequence[PageRun],
    methods: Iterable[tuple[str, str]],
    expected: int,
    words: tuple[str, str, str, str],
    curve_of: Callable[[PageRun], np.ndarray | None],
) -> Chart:
    key, title, y_label, summary_label = words
    series = []
    for method, label in methods:
        measured = map(curve_of, averaged_runs(run for run in runs if run.method == method))
        curves = [curve for curve in measured if curve is not None and len(curve)]
        if not curves:
            continue
        # Only iterations that every seed measured: a mean over some seeds would jump where one begins or ends.
        shared = sorted(set.intersection(*({float(x) for x in curve[:, 0]} for curve in curves)))
        if not shared:
            continue
        values = np.array([curve[np.isin(curve[:, 0], shared), 1] for curve in curves])
        mean = values.mean(axis=0)
        low, high = values.min(axis=0), values.max(axis=0)
        series.append(Series(method, label, np.array(shared), mean, len(curves), expected, float(mean[-1]), low, high))
    end = max((float(line.x[-1]) for line in series), default=1.0)
    highest = max((float(line.high.max()) for line in series if line.high is not None), default=1.0)
    y_range = (0.0, max(0.1, float(np.ceil(10 * highest) / 10)))
    return Chart(key, title, "Iteration", y_label, summary_label, tuple(series), (0.0, end), y_range)


@dataclass(frozen=True)
class SeriesData:
    """The points of a line, rounded as printed."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class ChartData:
    """What the page's script needs to read values off a drawing.

    Attributes
    ----------
    key, x_label : str
        Of the chart.
    area : tuple of float
        Left, top, width and height of the axes within the drawing.
    range : tuple of float
        Of x.
    series : list of SeriesData
    """

    key: str
    area: tuple[float, float, float, float]
    range: tuple[float, float]
    x_label: str
    series: list[SeriesData]


def chart_data(chart: Chart, area: tuple[float, float, float, float]) -> ChartData:
    """Return what the page's script needs of a chart that was drawn into an area."""
    series = [
        SeriesData([round(float(x), 4) for x in line.x], [round(float(y), 4) for y in line.y]) for line in chart.series
    ]
    return ChartData(chart.key, area, chart.x_range, chart.x_label, series)

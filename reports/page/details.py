"""One page per category and K: the training images, and every method with its seeds, worst and best predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmark.protocol.studies import FIGURE_STUDIES
from benchmark.score import METRICS
from reports.averaging import averaged_runs
from reports.charts import Drawing, draw, line_styles
from reports.figures import learning_chart, roc_chart
from reports.page.links import method_anchor
from reports.page.stored import FinishedRun, PageRun
from reports.pages import write_page
from reports.run_numbers import in_processes
from reports.samples import Annotated, Gallery, Picture, find_extreme, sample_grid
from reports.statistics import mean_interval

_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class DetailPage:
    """One category and K of a result set: the input of its page.

    Attributes
    ----------
    category : str
    shots : int
    title : str
        Of the result set.
    comparable : bool
        Whether the images are the paper's.
    back : str
        Address of the result set in the report, relative to the page.
    methods : tuple of (str, str)
        Name and label of every method of the result set.
    expected : int
        How many runs of each method there should be.
    runs : tuple of PageRun
    """

    category: str
    shots: int
    title: str
    comparable: bool
    back: str
    methods: tuple[tuple[str, str], ...]
    expected: int
    runs: tuple[PageRun, ...]


@dataclass(frozen=True)
class Extreme:
    """A method's worst or best prediction over its seeds."""

    reason: Literal["worst", "best"]
    run: FinishedRun
    test: Annotated
    prediction: Picture


@dataclass(frozen=True)
class MethodPart:
    """What the page shows of one method.

    Attributes
    ----------
    label, anchor : str
    runs : tuple of PageRun
        By seed.
    counted, expected : int
    means : tuple of str
        Mean and standard deviation over seeds of each of ``METRICS``.
    interval : str
        Student's 95 % interval of the mean IOU over seeds; a dash for fewer than two.
    liveness : str
        By how much the IOU changes without F, mean over finished runs; a dash where that was not measured.
    seconds : str
        Mean over finished runs.
    extremes : tuple of Extreme
    """

    label: str
    anchor: str
    runs: tuple[PageRun, ...]
    counted: int
    expected: int
    means: tuple[str, ...]
    interval: str
    liveness: str
    seconds: str
    extremes: tuple[Extreme, ...]

    @property
    def partial(self) -> bool:
        return self.counted < self.expected


@dataclass(frozen=True)
class TrainingPart:
    """The training images of the runs of one seed."""

    seed: int
    shown: tuple[Annotated, ...]
    names: tuple[str, ...]
    normals: int


def write_details(work: Sequence[tuple[Path, DetailPage]]) -> list[str]:
    """Write several pages, some at a time; arguments, result and errors of each are those of ``write_detail``."""
    return [line for lines in in_processes(_write, work, sum(len(page.runs) for _, page in work)) for line in lines]


def _write(item: tuple[Path, DetailPage]) -> list[str]:
    return write_detail(*item)


def write_detail(path: Path, page: DetailPage) -> list[str]:
    """Write the page of one category and K.

    Returns
    -------
    list of str
        A line for each picture that cannot be read.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    gallery = Gallery()
    parts = [method_part(page, name, label, gallery) for name, label in page.methods]
    finished = [run for run in page.runs if isinstance(run, FinishedRun)]
    shown = [(name, label) for name, label in page.methods if any(run.method == name for run in finished)]
    training = training_parts(finished, gallery)
    lines = sample_grid(finished, [name for name, _ in shown], gallery)
    problems = list(dict.fromkeys(gallery.problems))
    write_page(
        path,
        "report_detail.html",
        page=page,
        parts=[part for part in parts if part.runs],
        absent=[part.label for part in parts if not part.runs],
        charts=_charts(page),
        training=training,
        grid_methods=[label for _, label in shown],
        lines=lines,
        problems=problems,
    )
    return problems


def method_part(page: DetailPage, method: str, label: str, gallery: Gallery) -> MethodPart:
    """Gather what the page shows of one method."""
    runs = tuple(sorted((run for run in page.runs if run.method == method), key=lambda run: (run.seed, run.id)))
    counted = averaged_runs(runs)
    seconds = [run.seconds for run in runs if run.seconds is not None]
    finished = [run for run in runs if isinstance(run, FinishedRun)]
    liveness = [run.record.liveness.iou for run in finished if run.record.liveness]
    return MethodPart(
        label,
        method_anchor(method),
        runs,
        len(counted),
        page.expected,
        tuple(mean_and_deviation([run.metric(metric) for run in counted]) for metric in METRICS),
        seed_interval([run.metric("iou") for run in counted]),
        f"{np.mean(liveness):.4f}" if liveness else _DASH,
        f"{np.mean(seconds):.1f}" if seconds else _DASH,
        tuple(_extremes(finished, gallery)),
    )


def _extremes(runs: Sequence[FinishedRun], gallery: Gallery) -> Iterator[Extreme]:
    reasons: tuple[Literal["worst", "best"], ...] = ("worst", "best")
    for reason in reasons:
        extreme = find_extreme(runs, reason)
        if extreme:
            yield Extreme(reason, extreme[0], gallery.annotated(*extreme), gallery.prediction(*extreme))


def mean_and_deviation(values: Sequence[float | None]) -> str:
    """Return mean and sample standard deviation (n - 1); the mean alone for a single value.

    Examples
    --------
    >>> mean_and_deviation([0.25, 0.75, None])
    '0.5000 (0.3536)'
    """
    known = [value for value in values if value is not None]
    if not known:
        return _DASH
    mean = f"{np.mean(known):.4f}"
    return f"{mean} ({np.std(known, ddof=1):.4f})" if len(known) > 1 else mean


def seed_interval(values: Sequence[float | None]) -> str:
    """Return Student's 95 % interval of the mean over seeds; a dash for fewer than two.

    Examples
    --------
    >>> seed_interval([0.4, 0.5, 0.6])
    '0.2516 to 0.7484'
    """
    known = [value for value in values if value is not None]
    return "{:.4f} to {:.4f}".format(*mean_interval(known)) if len(known) > 1 else _DASH


def training_parts(runs: Sequence[FinishedRun], gallery: Gallery) -> list[TrainingPart]:
    """Return the training images of each seed, which all methods share."""
    by_seed = {run.seed: run for run in sorted(runs, key=lambda run: run.seed, reverse=True)}
    return [
        TrainingPart(
            seed,
            tuple(gallery.annotated(run, sample) for sample in run.samples("train")),
            run.record.draw.shots,
            run.record.draw.normals,
        )
        for seed, run in sorted(by_seed.items())
    ]


def _charts(page: DetailPage) -> list[Drawing]:
    styles = line_styles([name for name, _ in page.methods])
    charts = (
        learning_chart(page.runs, page.methods, page.expected, "chart-iou", FIGURE_STUDIES["9"].title),
        roc_chart(page.runs, page.methods, page.expected, "chart-roc", FIGURE_STUDIES["7"].title),
    )
    return [draw(chart, styles) for chart in charts if chart.series]

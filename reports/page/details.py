"""One page per category and K: every method with its seeds, what it learned from, its worst and best predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.results.records import Status
from benchmark.score import METRICS
from reports.charts import Drawing, draw, line_styles
from reports.figures import learning_chart, roc_chart
from reports.page.links import method_anchor
from reports.page.stored import FinishedRun, PageRun
from reports.pages import write_page
from reports.samples import Annotated, Gallery, Picture, extremes, sample_grid

_NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """One category and K of a result set: what its page is made from.

    Attributes
    ----------
    category : str
    shots : int
    title : str
        Of the result set.
    comparable : bool
        Whether the images are those of the paper.
    back : str
        Address of the result set in the report, from where the page stands.
    methods : tuple of (str, str)
        Name and label of every method of the result set.
    of : int
        How many runs of each there should be.
    runs : tuple of PageRun
    """

    category: str
    shots: int
    title: str
    comparable: bool
    back: str
    methods: tuple[tuple[str, str], ...]
    of: int
    runs: tuple[PageRun, ...]


@dataclass(frozen=True)
class Extreme:
    """A method's worst or best prediction over its seeds."""

    words: str
    run: FinishedRun
    test: Annotated
    outcome: Picture


@dataclass(frozen=True)
class MethodPart:
    """What the page says of one method.

    Attributes
    ----------
    label, anchor : str
    runs : tuple of PageRun
        By seed.
    done, of : int
    means : tuple of str
        Mean and deviation over seeds of IOU, DC, AUC and ACC, as Table II prints them.
    seconds : str
        Mean over finished runs.
    extremes : tuple of Extreme
    """

    label: str
    anchor: str
    runs: tuple[PageRun, ...]
    done: int
    of: int
    means: tuple[str, ...]
    seconds: str
    extremes: tuple[Extreme, ...]

    @property
    def partial(self) -> bool:
        return self.done < self.of


@dataclass(frozen=True)
class TrainingPart:
    """What the runs of one seed learned from."""

    seed: int
    shown: tuple[Annotated, ...]
    names: tuple[str, ...]
    normals: int


def write_detail(path: Path, cell: Cell) -> list[str]:
    """Write the page of one category and K.

    Returns
    -------
    list of str
        Of each picture that cannot be read, which and why.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    gallery = Gallery()
    names = [name for name, _ in cell.methods]
    parts = [method_part(cell, name, label, gallery) for name, label in cell.methods]
    finished = [run for run in cell.runs if isinstance(run, FinishedRun)]
    there = [(name, label) for name, label in cell.methods if any(run.method == name for run in finished)]
    values = {
        "cell": cell,
        "parts": [part for part in parts if part.runs],
        "absent": [part.label for part in parts if not part.runs],
        "charts": _charts(cell, names),
        "training": training_parts(finished, gallery),
        "grid_methods": [label for _, label in there],
        "lines": sample_grid(finished, [name for name, _ in there], gallery),
        "dash": _NONE,
    }
    problems = list(dict.fromkeys(gallery.problems))
    write_page(path, "report_detail.html", problems=problems, **values)
    return problems


def method_part(cell: Cell, method: str, label: str, gallery: Gallery) -> MethodPart:
    """Gather what the page says of one method."""
    runs = tuple(sorted((run for run in cell.runs if run.method == method), key=lambda run: (run.seed, run.id)))
    done = [run for run in runs if run.status is Status.DONE]
    seconds = [run.seconds for run in runs if run.seconds is not None]
    shown = []
    for reason in ("worst", "best"):
        found = extremes([run for run in runs if isinstance(run, FinishedRun)], reason)
        if found:
            run, sample = found
            shown.append(Extreme(reason, run, gallery.annotated(run, sample, "test"), gallery.outcome(run, sample)))
    return MethodPart(
        label,
        method_anchor(method),
        runs,
        len(done),
        cell.of,
        tuple(spread([run.metric(metric) for run in done]) for metric in METRICS),
        f"{np.mean(seconds):.1f}" if seconds else _NONE,
        tuple(shown),
    )


def spread(values: Sequence[float | None]) -> str:
    """Return mean and sample deviation (n - 1) as ``0.5854 (0.0069)``, without the latter for a single value."""
    known = [value for value in values if value is not None]
    if not known:
        return _NONE
    mean = f"{np.mean(known):.4f}"
    return f"{mean} ({np.std(known, ddof=1):.4f})" if len(known) > 1 else mean


def training_parts(runs: Sequence[FinishedRun], gallery: Gallery) -> list[TrainingPart]:
    """Return what each seed learned from; all methods of a seed share it."""
    guides = {run.seed: run for run in sorted(runs, key=lambda run: run.seed, reverse=True)}
    return [
        TrainingPart(
            seed,
            tuple(gallery.annotated(run, sample, "training") for sample in run.samples("train")),
            run.record.draw.shots,
            run.record.draw.normals,
        )
        for seed, run in sorted(guides.items())
    ]


def _charts(cell: Cell, names: list[str]) -> list[Drawing]:
    styles = line_styles(names)
    charts = (
        learning_chart(cell.runs, cell.methods, cell.of, "chart-iou", "Mean test IOU during training"),
        roc_chart(cell.runs, cell.methods, cell.of, "chart-roc", "ROC curve over test images"),
    )
    return [draw(chart, styles) for chart in charts if chart.series]

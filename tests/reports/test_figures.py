"""The charts: their numbers against plain statements of what they mean, and their drawings."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from benchmark.results.records import Status
from reports.charts import draw, line_styles
from reports.figures import Chart, Series, chart_data, learning_chart, roc_chart
from reports.page.stored import GRID, roc_on_grid


@dataclass(frozen=True)
class Run:
    category: str = "carpet"
    method: str = "unet"
    shots: int = 1
    status: Status = Status.DONE
    roc: np.ndarray | None = None
    learning: np.ndarray | None = None
    auc: float | None = None

    def metric(self, name: str) -> float | None:
        return {"auc": self.auc}[name]


METHODS = [("unet", "U-Net"), ("albunet", "B")]


def test_a_roc_curve_on_the_grid_keeps_its_area_and_counts_the_top_of_a_vertical_rise() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=300) < 0.4
    score = truth + rng.normal(size=300)
    fpr, tpr, _ = roc_curve(truth, score)
    on_grid = roc_on_grid(fpr, tpr)
    assert on_grid[0] == tpr[fpr == 0].max()
    assert on_grid[-1] == 1
    assert (np.diff(on_grid) >= 0).all()
    assert auc(GRID, on_grid) == pytest.approx(roc_auc_score(truth, score), abs=0.01)


def test_between_points_a_roc_curve_is_straight() -> None:
    on_grid = roc_on_grid(np.array([0, 0, 0.5, 1]), np.array([0, 0.2, 0.6, 1]))
    assert on_grid == pytest.approx(0.2 + 0.8 * GRID)


def test_fig_7_averages_seeds_then_categories_so_that_each_category_has_the_same_weight() -> None:
    low, high = np.full(101, 0.2), np.full(101, 0.8)
    runs = [
        Run("carpet", roc=low, auc=0.2),
        Run("tile", roc=high, auc=0.8),
        Run("tile", roc=high, auc=0.8),
        Run("tile", roc=low, auc=0.2, status=Status.NOT_CONVERGED),
        Run("tile", roc=low, auc=0.2, status=Status.FAILED),
        Run("tile", roc=None, auc=None),
        Run("wood", roc=low, auc=0.2, status=Status.NOT_CONVERGED),  # no seed converged
    ]
    (line,) = roc_chart(runs, METHODS, 8, "k", "1-shot").series
    assert (line.method, line.n, line.expected) == ("unet", 4, 8)
    assert line.y == pytest.approx(np.full(101, (0.2 + (0.8 + 0.8 + 0.2) / 3) / 2))
    assert line.summary == pytest.approx(0.4)


def test_fig_9_has_mean_and_range_over_seeds_at_iterations_that_every_seed_measured() -> None:
    runs = [
        Run(learning=np.array([[40, 0.1], [80, 0.3], [120, 0.9]])),
        Run(learning=np.array([[40, 0.3], [80, 0.4]])),
        Run(learning=np.array([[40, 0.2], [80, 0.5]]), status=Status.NOT_CONVERGED),
        Run(learning=np.array([[40, 0.9], [80, 0.9]]), status=Status.FAILED),
        Run(method="albunet", learning=np.empty((0, 2))),
    ]
    chart = learning_chart(runs, METHODS, 4, "k", "carpet")
    (line,) = chart.series
    assert line.x.tolist() == [40, 80]
    assert line.y == pytest.approx([0.2, 0.4])
    assert line.low is not None
    assert line.high is not None
    assert (line.low.tolist(), line.high.tolist()) == ([0.1, 0.3], [0.3, 0.5])
    assert (line.n, line.expected, line.summary) == (3, 4, pytest.approx(0.4))
    assert (chart.x_range, chart.y_range) == ((0.0, 80.0), (0.0, 0.5))


def test_the_numbers_for_the_page_s_script_are_those_of_the_lines() -> None:
    (line,) = roc_chart([Run(roc=GRID**0.5, auc=0.6)], METHODS, 1, "k", "t").series
    data = chart_data(Chart("k", "t", "x", "y", "AUC", (line,), (0, 1)), (1.0, 2.0, 3.0, 4.0))
    assert data.series[0].x == pytest.approx(GRID)
    assert data.series[0].y == pytest.approx(GRID**0.5, abs=5e-5)


def series(count: int) -> tuple[Series, ...]:
    return tuple(
        Series(f"m{i}", f"Method {i}", GRID, GRID ** (1 / (i + 1)), 2, 2, 0.5, GRID * 0.5, GRID) for i in range(count)
    )


def test_a_drawing_takes_its_colours_from_the_page_and_keeps_its_text_and_its_ids_to_itself() -> None:
    lines = series(3)
    styles = line_styles([line.method for line in lines])
    chart = Chart("some-key", "t", "False positive rate", "True positive rate", "AUC", lines, (0, 1))
    svg = draw(chart, styles).svg
    assert svg == draw(chart, styles).svg
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert "currentColor" in svg
    assert {f"var(--series-{i})" for i in (1, 2, 3)} <= set(re.findall(r"var\(--series-\d\)", svg))
    assert "False positive rate</text>" in svg
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("some-key-") for name in ids)
    assert {f"some-key-{kind}-{i}" for kind in ("line", "band") for i in range(3)} <= set(ids)
    assert set(re.findall(r'(?:url\(|href=")#([^")]*)', svg)) <= set(ids)
    assert not re.search(r"<(script|style|metadata|image)|https?://(?!www\.w3\.org)", svg)


def test_no_two_lines_look_the_same_and_neighbours_differ_in_more_than_colour() -> None:
    styles = list(line_styles([f"m{i}" for i in range(60)]).values())
    styles_seen = [(style.colour, style.dashes, style.marker) for style in styles]
    assert len(set(styles_seen)) == 60
    without_colour = [style[1:] for style in styles_seen[:12]]
    assert len(set(without_colour)) == 12

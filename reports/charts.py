"""Draw charts as SVG for use inside a page: the colours are the page's, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reports.figures import Chart, ChartData, Series, chart_data

# Lines differ in colour, dashes and marker; report.css has a light and a dark value of each colour.
COLOURS = 8
_DASHES = ("", "6 2", "2 2", "7 2 2 2", "9 2 4 2")
_MARKERS = {
    "o": "M-3 0A3 3 0 1 0 3 0A3 3 0 1 0-3 0Z",
    "s": "M-2.7-2.7H2.7V2.7H-2.7Z",
    "^": "M0-3.4L3.2 2.6H-3.2Z",
    "D": "M0-3.6L3.6 0L0 3.6L-3.6 0Z",
    "v": "M0 3.4L3.2-2.6H-3.2Z",
    "P": "M-1.1-3.3H1.1V-1.1H3.3V1.1H1.1V3.3H-1.1V1.1H-3.3V-1.1H-1.1Z",
    "*": "M0-4L1.1-1.3L4-1.2L1.8.6L2.5 3.4L0 1.8L-2.5 3.4L-1.8.6L-4-1.2L-1.1-1.3Z",
}
_OURS = "albunet_nbr_cap"
# Placeholder colours, replaced in the finished drawing by the page's own.
_INK, _RULE = "#000001", "#000002"
_WIDTH, _HEIGHT = 4.7, 3.3  # inches of 72 units
_MARKERS_PER_LINE = 7
# Matplotlib's settings are global to all threads.
_LOCK = Lock()
# More bands would cover each other.
_MAX_BANDS = 4


@dataclass(frozen=True)
class Style:
    """The style of a method's line in every chart of a page.

    Attributes
    ----------
    colour : int
        From 1, of ``--series-N`` in the style sheet.
    dashes : str
        As SVG's ``stroke-dasharray``; "" for a solid line.
    marker, path : str
        Matplotlib's marker, and the same as an SVG path around (0, 0).
    width : float
    """

    colour: int
    dashes: str
    marker: str
    path: str
    width: float


@dataclass(frozen=True)
class Drawing:
    """A drawn chart: the SVG, the lines with their styles, and the numbers for the page's script."""

    chart: Chart
    svg: str
    lines: tuple[tuple[Series, Style], ...]
    data: ChartData


def line_styles(methods: list[str]) -> dict[str, Style]:
    """Return a style for each method; the first 280 are distinct.

    Examples
    --------
    >>> line_styles(["unet", "albunet"])["albunet"].colour
    2
    """
    markers = list(_MARKERS)
    styles = {}
    for index, method in enumerate(methods):
        marker = markers[index % len(markers)]
        ours = method == _OURS
        dashes = "" if ours else _DASHES[index % len(_DASHES)]
        styles[method] = Style(index % COLOURS + 1, dashes, marker, _MARKERS[marker], 2.2 if ours else 1.3)
    return styles


def draw(chart: Chart, styles: dict[str, Style]) -> Drawing:
    """Draw a chart; its text stays text, and every id in it starts with the chart's key."""
    with _drawing():
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        axes = figure.add_axes((0.105, 0.135, 0.875, 0.84))
        axes.patch.set_visible(False)
        figure.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(
            xlim=chart.x_range,
            ylim=(chart.y_range[0], 1.02 * chart.y_range[1]),
            xlabel=chart.x_label,
            ylabel=chart.y_label,
        )
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        for index, line in enumerate(chart.series):
            _plot(axes, line, styles[line.method], index, len(chart.series) <= _MAX_BANDS)
        file = io.StringIO()
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None, "Creator": None})
        box = axes.get_position()
    width, height = _WIDTH * 72, _HEIGHT * 72
    left, top, across, down = (
        round(float(number), 2)
        for number in (box.x0 * width, (1 - box.y1) * height, box.width * width, box.height * height)
    )
    return Drawing(
        chart,
        _for_page(file.getvalue(), chart),
        tuple((line, styles[line.method]) for line in chart.series),
        chart_data(chart, (left, top, across, down)),
    )


@contextmanager
def _drawing() -> Iterator[None]:
    settings = matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "chart",
            "font.size": 8.5,
            "axes.edgecolor": _INK,
            "axes.labelcolor": _INK,
            "text.color": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
            "grid.color": _RULE,
            "axes.linewidth": 0.6,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "grid.linewidth": 0.5,
        }
    )
    with _LOCK, settings:
        yield


def _plot(axes: Axes, line: Series, style: Style, index: int, band: bool) -> None:
    colour = _placeholder(style.colour)
    dashes = [float(length) for length in style.dashes.split()]
    every = max(1, len(line.x) // _MARKERS_PER_LINE)
    axes.plot(
        line.x, line.y, color=colour, linewidth=style.width, marker=style.marker, markersize=4.2, gid=f"line-{index}",
        markeredgewidth=0, markevery=((index * every // 5) % every, every), clip_on=True,
        linestyle=(0, [length / style.width for length in dashes]) if dashes else "-",
    )  # fmt: skip
    if band and line.low is not None and line.high is not None and line.n > 1:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.14, linewidth=0, gid=f"band-{index}")


def _placeholder(colour: int) -> str:
    return f"#0000{colour + 15:02x}"


def _for_page(svg: str, chart: Chart) -> str:
    """Turn a drawing into part of a page: without prologue and fixed size, with the page's colours and unique ids."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" focusable="false">', svg, count=1)
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{chart.key}-\1"', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\1{chart.key}-", svg)
    svg = svg.replace("xlink:href", "href")
    svg = svg.replace(_INK, "currentColor").replace(_RULE, "var(--rule)")
    for colour in range(1, COLOURS + 1):
        svg = svg.replace(_placeholder(colour), f"var(--series-{colour})")
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)
    svg = re.sub(r"(\.\d\d)\d+", r"\1", svg)
    return re.sub(r"\s*\n\s*", " ", svg).strip()

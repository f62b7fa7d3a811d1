"""The report's sections: what the page shows of one result set, as plain values for its template."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.formulas import quote_formula
from benchmark.protocol.studies import FIGURE_STUDIES, TABLE_STUDIES, Study
from benchmark.schema import to_builtins
from reports.charts import Drawing, draw, line_styles
from reports.claims.verdict import Verdict
from reports.collect import ResultSet
from reports.figures import Chart, gradient_chart, learning_chart, roc_chart
from reports.formats import as_csv, as_latex
from reports.page.details import DetailPage
from reports.page.links import detail_name, method_anchor, set_slug
from reports.page.stored import FailedRun, FinishedRun, PageRun
from reports.page.switches import Switches
from reports.rank_diagram import Diagram
from reports.rank_views import RankView
from reports.ranking import COMPARABLE, Ranking, rank_methods
from reports.replication import Replication, replications
from reports.samples import Gallery, GridLine, PastedLine, choose_categories, figure_lines, pasted_lines
from reports.tables import Row, Table
from reports.wording import counted

_STRIP_METHODS = 3
_ABLATIONS = ("V", "VI", "VII")


@dataclass(frozen=True)
class Listing:
    """A table of strings that is not one of the paper's.

    Attributes
    ----------
    title : str
    head : tuple of str
    rows : tuple of tuple of str
    notes : tuple of str
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RankPanel:
    """One ranking by mean rank on the page.

    Attributes
    ----------
    view : RankView
    diagram : Diagram
    listings : tuple of Listing
    """

    view: RankView
    diagram: Diagram
    listings: tuple[Listing, ...]


@dataclass(frozen=True)
class TableView:
    """A table of the paper on the page.

    Attributes
    ----------
    table : Table
    blocks : list of (str, list of (Row, list of str))
        Each section's rows, with the address of each cell's detail page ("" for none).
    downloads : tuple of (str, str, str)
        For each format its name, a file name and a ``data:`` URI.
    compared : bool
        Whether any cell has the paper's number.
    """

    table: Table
    blocks: list[tuple[str, list[tuple[Row, list[str]]]]]
    downloads: tuple[tuple[str, str, str], ...]
    compared: bool


@dataclass(frozen=True)
class QualitativeFigure:
    """Fig. 6 or 8, or the strip at the top: the columns' labels and one line per category."""

    number: str
    title: str
    methods: tuple[str, ...]
    lines: list[GridLine]


@dataclass(frozen=True)
class Section:
    """What the page shows of one result set."""

    results: ResultSet
    slug: str
    comparable: bool
    counts: Mapping[str, int]
    hours: float
    dates: tuple[str, str]
    notes: list[tuple[str, str]]
    failures: list[tuple[str, str]]
    verdicts: Sequence[Verdict]
    rankings: list[Ranking]
    ranks: Sequence[RankPanel]
    strip: QualitativeFigure
    tables: list[TableView]
    switches: Switches | None
    converged_tables: list[TableView]
    replications: list[Replication]
    statistics: Sequence[Listing]
    metrics: Sequence[tuple[int, Sequence[Listing]]]
    metrics_notes: Sequence[str]
    qualitative: list[QualitativeFigure]
    roc: list[Drawing]
    learning: list[Drawing]
    gradients: list[Drawing]
    dead_features: list[str]
    learning_category: str
    pasted: list[PastedLine]
    details: list[tuple[str, list[tuple[int, str]]]]
    runs: list[tuple[PageRun, str]]
    runs_csv: str
    timings: Listing
    protocol: dict[str, str]
    environments: list[str]
    problems: list[str]


def make_section(
    results: ResultSet,
    stored: Mapping[str, PageRun],
    folder: str,
    tables: Sequence[Table],
    switches: Switches | None,
    converged: Sequence[Table],
    verdicts: Sequence[Verdict],
    ranks: Sequence[RankPanel],
    statistics: Sequence[Listing],
    metrics: Sequence[tuple[int, Sequence[Listing]]],
    metrics_notes: Sequence[str],
) -> Section:
    """Gather what the page shows of one result set.

    Parameters
    ----------
    results : ResultSet
    stored : mapping
        Every run by id.
    folder : str
        Address of the folder of detail pages, relative to the report.
    tables, switches, converged, verdicts, ranks, statistics, metrics, metrics_notes
        Made from the same result set; ``converged`` has the tables over converged runs.
    """
    runs = [stored[run_id] for run_id in results.runs["id"]]
    finished = [run for run in runs if isinstance(run, FinishedRun)]
    gallery = Gallery()
    name = set_slug(results)
    pages = f"{folder}/{name}"
    days = sorted(run.record.created[:10] for run in finished)
    protocol = _protocol(finished or runs)
    (category,) = choose_categories(results.categories, FIGURE_STUDIES["9"].categories)
    rankings = [rank_methods(results, shots) for shots in results.shots]
    return Section(
        results=results,
        slug=name,
        comparable=results.dataset == COMPARABLE,
        counts={status: int(count) for status, count in results.runs["status"].value_counts().items()},
        hours=sum(run.seconds for run in finished) / 3600,
        dates=(days[0], days[-1]) if days else ("", ""),
        notes=list(dict.fromkeys((run.category, note) for run in finished for note in run.record.notes)),
        failures=[
            (f"{run.category} {run.label} {run.shots}-shot seed {run.seed}", run.record.error)
            for run in runs
            if isinstance(run, FailedRun)
        ],
        verdicts=verdicts,
        rankings=rankings,
        ranks=ranks,
        tables=[table_view(table, results, pages) for table in tables],
        switches=switches,
        converged_tables=[table_view(table, replace(results, averaged="converged"), pages) for table in converged],
        replications=replications(results),
        statistics=statistics,
        metrics=metrics,
        metrics_notes=metrics_notes,
        qualitative=[_qualitative(number, results, finished, gallery) for number in ("6", "8")],
        roc=_roc_charts(results, runs, name),
        learning=_iteration_charts(learning_chart, results, runs, category, f"{name}-iou"),
        gradients=_iteration_charts(gradient_chart, results, runs, category, f"{name}-gradients"),
        dead_features=dead_features(results, finished),
        learning_category=category,
        pasted=_pasted(results, finished, gallery),
        strip=_strip(rankings[0], results, finished, gallery),
        details=[
            (category, [(shots, f"{pages}/{detail_name(category, shots)}") for shots in _shots(runs, category)])
            for category in results.categories
        ],
        runs=[(run, f"{pages}/{_address(run.category, run.shots, run.method)}") for run in runs],
        runs_csv=_download(results.runs.map(quote_formula).to_csv(index=False, lineterminator="\n"), "csv"),
        timings=timings(results, finished),
        protocol=protocol,
        environments=sorted({_environment(run) for run in finished}),
        problems=list(dict.fromkeys(gallery.problems)),
    )


def detail_pages(results: ResultSet, stored: Mapping[str, PageRun], report: str) -> list[DetailPage]:
    """Return the input of each detail page of a result set.

    Parameters
    ----------
    results : ResultSet
    stored : mapping
        Every run by id.
    report : str
        Address of the report, relative to the pages.
    """
    runs = [stored[run_id] for run_id in results.runs["id"]]
    methods = tuple((method, results.label(method)) for method in results.methods)
    return [
        DetailPage(
            category,
            shots,
            results.title,
            results.dataset == COMPARABLE,
            f"{report}#set-{set_slug(results)}",
            methods,
            len(results.seeds(shots)),
            tuple(run for run in runs if run.category == category and run.shots == shots),
        )
        for category in results.categories
        for shots in _shots(runs, category)
    ]


def table_view(table: Table, results: ResultSet, folder: str) -> TableView:
    """Add to a table the addresses of its cells and its downloads."""
    stored = {tuple(key) for key in results.runs[["category", "shots", "method"]].itertuples(index=False)}

    def address(row: Row, method: str) -> str:
        shots = re.fullmatch(r"(\d+)-shot", row.section)
        key = (row.key, int(shots[1]) if shots else -1, method)
        return f"{folder}/{_address(*key)}" if key in stored else ""

    blocks = [
        (section, [(row, [address(row, key) for key in table.keys]) for row in rows]) for section, rows in table.blocks
    ]
    converged = "_converged" if results.averaged == "converged" else ""
    stem = f"table_{table.number.lower()}{converged}_{set_slug(results)}"
    downloads = (
        ("CSV", f"{stem}.csv", _download(as_csv(table, results.title), "csv")),
        ("LaTeX", f"{stem}.tex", _download(as_latex(table, results.title), "x-tex")),
    )
    compared = any(cell.published is not None for row in table.rows for cell in row.cells)
    return TableView(table, blocks, downloads, compared)


def dead_features(results: ResultSet, finished: Sequence[FinishedRun]) -> list[str]:
    """Return, for each method of Tables V to VII, in how many of its runs F hardly changes the predictions, if any."""
    lines = []
    for method in dict.fromkeys(name for number in _ABLATIONS for name in TABLE_STUDIES[number].methods):
        measured = [run.record.liveness for run in finished if run.method == method and run.record.liveness]
        dead = sum(not liveness.alive for liveness in measured)
        if dead:
            lines.append(f"{results.label(method)} ({dead} of {counted(len(measured), 'run')})")
    return lines


def timings(results: ResultSet, finished: Sequence[FinishedRun]) -> Listing:
    """Return the time taken by the finished runs of each method."""
    rows = []
    for method in results.methods:
        runs = [run for run in finished if run.method == method]
        if not runs:
            continue
        train = sum(run.record.timings.train_seconds for run in runs)
        score = sum(run.record.timings.score_seconds for run in runs)
        each = (train + score) / len(runs)
        numbers = (f"{value:.2f}" for value in (train / 60, score / 60, each))
        rows.append((results.label(method), str(len(runs)), *numbers))
    head = ("Method", "Finished runs", "Training, minutes", "Scoring, minutes", "Seconds per run")
    return Listing("Time of training and scoring, by method", head, tuple(rows))


def _qualitative(
    number: str, results: ResultSet, finished: Sequence[FinishedRun], gallery: Gallery
) -> QualitativeFigure:
    study = FIGURE_STUDIES[number]
    lowest = [run for run in finished if run.shots == min(results.shots)]
    methods = [method for method in study.methods if any(run.method == method for run in lowest)]
    lines = figure_lines(lowest, choose_categories(results.categories, study.categories), methods, gallery)
    labels = tuple(results.label(method) for method in methods)
    return QualitativeFigure(number, f"{study.title}, {min(results.shots)}-shot", labels, lines)


def _strip(
    ranking: Ranking, results: ResultSet, finished: Sequence[FinishedRun], gallery: Gallery
) -> QualitativeFigure:
    """Return predictions of the three best methods for one image; of any three where there is no ranking."""
    runs = [run for run in finished if run.shots == ranking.shots]
    methods = [rank.method for rank in ranking.ranks] or [
        method for method in results.methods if any(run.method == method for run in runs)
    ]
    methods = methods[:_STRIP_METHODS]
    lines = figure_lines(runs, list(ranking.categories or results.categories)[:1], methods, gallery)
    return QualitativeFigure("", f"{ranking.shots}-shot", tuple(map(results.label, methods)), lines)


def _pasted(results: ResultSet, finished: Sequence[FinishedRun], gallery: Gallery) -> list[PastedLine]:
    study = FIGURE_STUDIES["10"]
    pasting = [run for run in finished if run.shots == min(results.shots) and run.samples("pasted")]
    available = [category for category in results.categories if any(run.category == category for run in pasting)]
    return pasted_lines(pasting, choose_categories(available, study.categories), study.methods, gallery)


def _methods(results: ResultSet, study: Study) -> list[tuple[str, str]]:
    return [
        (method, results.label(method)) for method in results.methods if study.open_ended or method in study.methods
    ]


def _roc_charts(results: ResultSet, runs: Sequence[PageRun], name: str) -> list[Drawing]:
    styles, methods = line_styles(results.methods), _methods(results, FIGURE_STUDIES["7"])
    charts = (
        roc_chart(
            [run for run in runs if run.shots == shots],
            methods,
            len(results.categories) * len(results.seeds(shots)),
            f"{name}-roc-{shots}",
            f"{shots}-shot",
        )
        for shots in results.shots
    )
    return [draw(chart, styles) for chart in charts if chart.series]


def _iteration_charts(
    chart_of: Callable[..., Chart], results: ResultSet, runs: Sequence[PageRun], category: str, name: str
) -> list[Drawing]:
    styles, methods = line_styles(results.methods), _methods(results, FIGURE_STUDIES["9"])
    charts = (
        chart_of(
            [run for run in runs if run.shots == shots and run.category == category],
            methods,
            len(results.seeds(shots)),
            f"{name}-{shots}",
            f"{category}, {shots}-shot",
        )
        for shots in results.shots
    )
    return [draw(chart, styles) for chart in charts if chart.series]


def _shots(runs: Sequence[PageRun], category: str) -> list[int]:
    return sorted({run.shots for run in runs if run.category == category})


def _address(category: str, shots: int, method: str) -> str:
    return f"{detail_name(category, shots)}#{method_anchor(method)}"


def _download(text: str, kind: str) -> str:
    return f"data:text/{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def _protocol(runs: Sequence[PageRun]) -> dict[str, str]:
    """Return every setting by name; the batch size for each K."""
    fields = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in to_builtins(runs[0].protocol).items()
    }
    sizes = {run.shots: run.protocol.batch_size for run in runs}
    return fields | {"batch_size": ", ".join(f"{size} for {shots}-shot" for shots, size in sorted(sizes.items()))}


def _environment(run: FinishedRun) -> str:
    return ", ".join(f"{name} {value}" for name, value in run.record.environment.items())

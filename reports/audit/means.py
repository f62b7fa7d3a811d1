"""Checks of means over categories: against their own cells, and against each other across tables."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from benchmark.score import Metric
from reports.audit.finding import Finding, Severity, slug, tables
from reports.paper import CATEGORY_TABLES, MEAN
from reports.paper.ledger import SameTraining
from reports.paper.printed import Paper, PrintedCell, label, shown, spaced
from reports.wording import joined

# A printed mean is off by half a unit of its last digit at most, and so is the mean of printed cells.
MARGIN = 1
MARGIN_NOTE = f"Rounding of the cells and of the mean can account for {shown(MARGIN)} at most."
ABLATIONS = ("V", "VI", "VII")


class _MeanOfCells(NamedTuple):
    """A printed mean of Table II or III, and the cells above it."""

    shots: int
    method: str
    printed: int
    cells: list[PrintedCell]

    @property
    def total(self) -> int:
        return sum(cell.units for cell in self.cells)

    @property
    def mean(self) -> float:
        return self.total / len(self.cells)


def rows_of_means(paper: Paper) -> Iterator[Finding]:
    """The printed row of means of Tables II and III against the cells above it.

    Examples
    --------
    >>> next(rows_of_means(Paper.published())).id
    'row-of-means-ii-5-albunet-nbr-cap'
    """
    for metric, number in CATEGORY_TABLES.items():
        steps = []
        for row in _means_of_cells(paper, number):
            if abs(row.printed - row.mean) > MARGIN:
                yield _wrong_mean(paper, metric, number, row)
            elif abs(row.printed - row.mean) > MARGIN / 2:
                steps.append(
                    f"{label(row.method)}, {row.shots}-shot: {shown(row.total)} / {len(row.cells)} = "
                    f"{shown(row.mean)}; printed {shown(row.printed)}"
                )
        if steps:
            yield Finding(
                id=slug("row-of-means-rounding", number),
                where=f"Table {number}",
                title=f"{len(steps)} printed {'mean differs' if len(steps) == 1 else 'means differ'} "
                "from the mean of the printed cells in the last digit",
                printed="the row of means",
                recomputed=f"differences below {shown(MARGIN)}, which rounding explains",
                arithmetic="\n".join(steps),
                severity=Severity.ROUNDING,
            )


def _wrong_mean(paper: Paper, metric: Metric, number: str, row: _MeanOfCells) -> Finding:
    count = len(row.cells)
    missing = row.printed * count - row.total
    steps = [
        f"{' + '.join(shown(cell.units) for cell in row.cells)} = {shown(row.total)}",
        f"{shown(row.total)} / {count} = {shown(row.mean)}; printed {shown(row.printed)}: difference "
        f"{shown(abs(row.printed - row.mean))}. {MARGIN_NOTE}",
        f"For the printed mean the cells would have to sum to {shown(row.printed * count)}, {shown(abs(missing))} "
        f"{'more' if missing > 0 else 'less'}.",
    ]
    for category in sorted(_blank_categories(paper, number)):
        rest = [cell.units for cell in row.cells if cell.category != category]
        if len(rest) < count:
            steps.append(
                f"Without {spaced(category)}, which has no numbers at another K: {shown(sum(rest))} / {len(rest)} = "
                f"{shown(sum(rest) / len(rest))}."
            )
    return Finding(
        id=slug("row-of-means", number, row.shots, row.method),
        where=f"Table {number}",
        title=f"Mean {metric.upper()} of {label(row.method)}, {row.shots}-shot, is not the mean of its cells",
        printed=shown(row.printed),
        recomputed=shown(round(row.mean)),
        arithmetic="\n".join(steps),
        severity=Severity.CONTRADICTION,
    )


def _means_of_cells(paper: Paper, number: str) -> Iterator[_MeanOfCells]:
    cells = paper.cells(number)
    for (shots, method, _), printed in paper.means(number).items():
        column = [cell for cell in cells if (cell.shots, cell.method) == (shots, method)]
        yield _MeanOfCells(shots, method, printed, column)


def _blank_categories(paper: Paper, number: str) -> set[str]:
    """Return the categories with a dash somewhere in a table."""
    table = paper.tables[number]
    return set(table[(table["category"] != MEAN) & table["mean"].isna()]["category"])


def repeated_means(paper: Paper) -> Iterator[Finding]:
    """Means of the same method, K and metric in two or more of Tables II, III and V to VII.

    Examples
    --------
    >>> next(repeated_means(Paper.published())).id
    'repeated-mean-1-albunet'
    """
    printed: dict[tuple[int, str], dict[Metric, dict[str, int]]] = {}
    for number in (*CATEGORY_TABLES.values(), *ABLATIONS):
        for (shots, method, metric), value in paper.means(number).items():
            printed.setdefault((shots, method), {}).setdefault(metric, {})[number] = value
    for (shots, method), by_metric in printed.items():
        differences = {metric: max(values.values()) - min(values.values()) for metric, values in by_metric.items()}
        if not any(differences.values()):
            continue
        certain = max(differences.values()) > MARGIN
        numbers = sorted({number for values in by_metric.values() for number in values})
        steps = [step for metric, values in by_metric.items() for step in _steps(paper, shots, method, metric, values)]
        unsure = _unsure_base(paper, method)
        if unsure is not None:
            steps += _both_readings(unsure, by_metric)
        condition = "they are from the same method" if unsure is None else _pastes_too(unsure)
        yield Finding(
            id=slug("repeated-mean", shots, method),
            where=tables(numbers),
            title=f"Tables print different means for {label(method)}, {shots}-shot",
            printed="; ".join(f"{metric.upper()} {_by_table(values)}" for metric, values in by_metric.items()),
            recomputed=f"equal numbers, if {condition}; they differ by "
            + joined([f"{shown(value)} ({metric.upper()})" for metric, value in differences.items() if value]),
            arithmetic="\n".join(steps),
            severity=Severity.CONTRADICTION if certain else Severity.ROUNDING,
        )


def _unsure_base(paper: Paper, method: str) -> SameTraining | None:
    """Return the statement by which a method may be another training in the ablation than in other tables, if any."""
    return next((item for item in paper.ledger.same_trainings if item.base == method), None)


def _pastes_too(statement: SameTraining) -> str:
    return f"{label(statement.base)} of Table {statement.first.table} pastes as in {tables(statement.base_tables)}"


def _both_readings(statement: SameTraining, by_metric: dict[Metric, dict[str, int]]) -> list[str]:
    """Return what the differences mean if the method pastes in the ablation, and if it does not."""
    effects = [
        f"{shown(values[number] - values[statement.first.table])} ({metric.upper()})"
        for metric, values in by_metric.items()
        for number in statement.base_tables
        if {number, statement.first.table} <= set(values)
    ]
    if not effects:
        return []
    return [
        f"If {_pastes_too(statement)} (Section {statement.section}), the numbers are of the same training: only other "
        "runs or other categories can explain the differences.",
        f"If it does not paste, against Section {statement.section}, they are of different trainings, and pasting "
        f"changes the mean by {joined(effects)}.",
    ]


def _by_table(values: dict[str, int]) -> str:
    """Return numbers with the tables that print them: ``0.6296 (II), 0.6445 (V, VI, VII)``."""
    where: dict[int, list[str]] = {}
    for number, value in values.items():
        where.setdefault(value, []).append(number)
    return ", ".join(f"{shown(value)} ({', '.join(numbers)})" for value, numbers in where.items())


def _steps(paper: Paper, shots: int, method: str, metric: Metric, values: dict[str, int]) -> list[str]:
    """Return the difference of one metric, and how much of it a second set of runs could explain."""
    difference = max(values.values()) - min(values.values())
    if not difference:
        same = f"{metric.upper()} is the same in every table, as the same runs would give"
        return [f"{same}: {_by_table(values)}."]
    steps = [f"{metric.upper()}: {shown(max(values.values()))} - {shown(min(values.values()))} = {shown(difference)}."]
    number = CATEGORY_TABLES[metric]
    cells = [cell for cell in paper.cells(number) if (cell.shots, cell.method) == (shots, method)]
    if number in values and cells:
        seeds = paper.ledger.settings.seeds
        error = sqrt(2 * sum(cell.deviation**2 for cell in cells) / seeds) / len(cells)
        mean = sum(cell.units for cell in cells) / len(cells)
        steps.append(
            f"The cells of Table {number} average {shown(round(mean))}. If the tables came from two sets of {seeds} "
            f"runs per category, the standard error of their difference would be sqrt(2 / {seeds} x sum of squared "
            f"deviations) / {len(cells)} = {shown(round(error))}; the difference is {difference / error:.1f} times as "
            "large."
        )
        steps += _with_missing(paper, cells, values)
    return steps


def _with_missing(paper: Paper, cells: list[PrintedCell], values: dict[str, int]) -> list[str]:
    """Return the mean of cells over every category, counting those without a number as 0, if there are any."""
    categories = len(paper.image_counts())
    if len(cells) == categories:
        return []
    mean = sum(cell.units for cell in cells) / categories
    same = [number for number, value in values.items() if abs(value - mean) <= MARGIN]
    match = f", which is the number of {tables(same)}" if same else ""
    return [
        f"Over all {categories} categories, 0 for those without a number, they average {shown(round(mean))}{match}."
    ]


def categories_behind_means(paper: Paper) -> Iterator[Finding]:
    """Means over all the categories, where some categories have no number.

    Examples
    --------
    >>> [finding.id for finding in categories_behind_means(Paper.published())]
    ['categories-behind-means']
    """
    every = {row.category for row in paper.image_counts()}
    steps, sizes, numbers = [], {}, []
    for number in CATEGORY_TABLES.values():
        averaged: dict[int, set[str]] = {}
        for cell in paper.cells(number):
            averaged.setdefault(cell.shots, set()).add(cell.category)
        if all(names == every for names in averaged.values()):
            continue
        numbers.append(number)
        for shots, names in sorted(averaged.items()):
            sizes[shots] = len(names)
            blank = joined([spaced(name) for name in sorted(every - names)] or ["none"])
            steps.append(f"Table {number}, {shots}-shot: {len(names)} of {len(every)} categories, without: {blank}.")
        steps += _over_common(paper, number, set.intersection(*averaged.values()), len(every))
    if not numbers:
        return
    yield Finding(
        id="categories-behind-means",
        where=f"{tables(numbers)}, footnote; Sections IV-G and IV-H",
        title="Means at different K are over different categories",
        printed="means over all the categories (IV-H), averaged across all the categories (IV-G)",
        recomputed="means over " + joined([f"{size} ({shots}-shot)" for shots, size in sizes.items()]) + " categories",
        arithmetic="\n".join(steps),
        severity=Severity.REMARK,
    )


def _over_common(paper: Paper, number: str, common: set[str], every: int) -> list[str]:
    """Return partial means over all categories with 0 for the rest, and the other means over the common categories."""
    fewer, more = [], []
    for row in _means_of_cells(paper, number):
        shared = [cell.units for cell in row.cells if cell.category in common]
        name, printed = label(row.method), f"({row.shots}-shot, printed {shown(row.printed)})"
        if len(row.cells) < every:
            fewer.append(f"{name} {shown(round(row.total / every))} {printed}")
        if len(shared) < len(row.cells):
            more.append(f"{name} {shown(round(sum(shared) / len(shared)))} {printed}")
    return [
        *[f"Over all {every}, 0 for those without a number: {joined(fewer)}."] * bool(fewer),
        *[f"Over the {len(common)} that have numbers at every K: {joined(more)}."] * bool(more),
    ]


def same_training(paper: Paper) -> Iterator[Finding]:
    """Rows whose training the text describes in the same way, but whose numbers differ.

    Examples
    --------
    >>> [finding.id for finding in same_training(Paper.published())]
    ['same-training-nbr-and-lambda-1']
    """
    for statement in paper.ledger.same_trainings:
        first, second = paper.means(statement.first.table), paper.means(statement.second.table)
        keys = [key for key in first if key[1] == statement.first.method]
        differences = {key: second[key[0], statement.second.method, key[2]] - first[key] for key in keys}
        if max(map(abs, differences.values())) <= 1:
            continue
        names = [label(row.method) for row in (statement.first, statement.second)]
        steps = [
            f"{key[0]}-shot {key[2].upper()}: {names[1]} {shown(first[key] + differences[key])} "
            f"(Table {statement.second.table}) - {names[0]} {shown(first[key])} "
            f"(Table {statement.first.table}) = {shown(differences[key])}"
            for key in keys
        ]
        base, number = f"{label(statement.base)} of Table {statement.first.table}", statement.first.table
        steps += [
            f"If {base} pastes, as that of {tables(statement.base_tables)} does, the two trainings are the same and "
            "only other runs can explain the differences.",
            f"If {base} was trained without pasting, so was {names[0]}, and the differences above are the effect of "
            f"pasting on it. {base} is then not that of {tables(statement.base_tables)}, against the text, and pasting "
            "changes it by:",
        ]
        steps += _effect_of_pasting(paper, statement.base, statement.base_tables, number)
        yield Finding(
            id=slug("same-training", statement.id),
            where=f"Sections {statement.section} and IV-H; Tables {statement.first.table} and {statement.second.table}",
            title=f"The text describes the same training for {joined(names)}, but their numbers differ",
            printed=statement.summary,
            recomputed="they differ by up to " + shown(max(differences.values(), key=abs)),
            arithmetic="\n".join(steps),
            severity=Severity.CONTRADICTION,
        )


def _effect_of_pasting(paper: Paper, base: str, pasting: tuple[str, ...], without: str) -> list[str]:
    plain = paper.means(without)
    return [
        f"{shots}-shot {metric.upper()}: {shown(value)} (Table {number}) - {shown(plain[shots, base, metric])} "
        f"(Table {without}) = {shown(value - plain[shots, base, metric])}"
        for number in pasting
        for (shots, method, metric), value in paper.means(number).items()
        if method == base
    ]

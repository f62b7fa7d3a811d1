"""Checks of means over categories: against their own cells, and against each other across tables."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import pandas as pd

from reports.audit.finding import Finding, joined, slug, tables
from reports.audit.source import CELL_TABLES, MEAN, METRICS, NAMES, Paper, in_words, label, shown

# A printed mean is off by half a unit of its last digit at most, and so is the mean of printed cells.
MARGIN = 1
MARGIN_WORDS = f"Rounding of the cells and of the mean can move this by {shown(MARGIN)} at most."
ABLATIONS = ("V", "VI", "VII")


def rows_of_means(paper: Paper) -> list[Finding]:
    """The printed row of means of Tables II and III against the cells above it."""
    found = []
    for number in CELL_TABLES.values():
        steps = []
        for shots, method, printed, cells in _rows(paper, number):
            mean = cells["units"].sum() / len(cells)
            if abs(printed - mean) > MARGIN:
                found.append(_wrong_mean(paper, number, shots, method, printed, cells))
            elif abs(printed - mean) > MARGIN / 2:
                steps.append(
                    f"{label(method)}, {shots}-shot: {shown(cells['units'].sum())} / {len(cells)} = {shown(mean)}; "
                    f"printed {shown(printed)}"
                )
        if steps:
            found.append(
                Finding(
                    id=slug("row-of-means-rounding", number),
                    where=f"Table {number}",
                    title=f"{len(steps)} printed {'mean differs' if len(steps) == 1 else 'means differ'} "
                    "from the mean of the printed cells in the last digit",
                    printed="the row of means",
                    recomputed=f"apart by less than {shown(MARGIN)}, which rounding explains",
                    arithmetic="\n".join(steps),
                    severity="rounding",
                )
            )
    return found


def _wrong_mean(paper: Paper, number: str, shots: int, method: str, printed: int, cells: pd.DataFrame) -> Finding:
    total, count = int(cells["units"].sum()), len(cells)
    mean = total / count
    missing = printed * count - total
    steps = [
        f"{' + '.join(shown(value) for value in cells['units'])} = {shown(total)}",
        f"{shown(total)} / {count} = {shown(mean)}; printed {shown(printed)}: apart by {shown(abs(printed - mean))}. "
        + MARGIN_WORDS,
        f"For the printed mean the cells would have to sum to {shown(printed * count)}, {shown(abs(missing))} "
        f"{'more' if missing > 0 else 'less'}.",
    ]
    for category in sorted(_blank(paper, number)):
        rest = cells[cells["category"] != category]["units"]
        if len(rest) < count:
            steps.append(
                f"Without {in_words(category)}, which has no numbers at another K: {shown(rest.sum())} / {len(rest)} = "
                f"{shown(rest.mean())}."
            )
    return Finding(
        id=slug("row-of-means", number, shots, method),
        where=f"Table {number}",
        title=f"Mean {NAMES[METRICS[number][0]]} of {label(method)}, {shots}-shot, is not the mean of its cells",
        printed=shown(printed),
        recomputed=shown(round(mean)),
        arithmetic="\n".join(steps),
        severity="contradiction",
    )


def _rows(paper: Paper, number: str) -> Iterator[tuple[int, str, int, pd.DataFrame]]:
    """Yield K, method, printed mean and cells of every column of means."""
    cells = paper.cells(number)
    for (shots, method, _), printed in paper.means(number).items():
        yield shots, method, printed, cells[(cells["shots"] == shots) & (cells["method"] == method)]


def _blank(paper: Paper, number: str) -> set[str]:
    """Return the categories with a dash somewhere in a table."""
    table = paper.tables[number]
    return set(table[(table["category"] != MEAN) & table["mean"].isna()]["category"])


def repeated_means(paper: Paper) -> list[Finding]:
    """Means of the same method, K and metric in two or more of Tables II, III and V to VII."""
    printed: dict[tuple[int, str], dict[str, dict[str, int]]] = {}
    for number in (*CELL_TABLES.values(), *ABLATIONS):
        for (shots, method, metric), value in paper.means(number).items():
            printed.setdefault((shots, method), {}).setdefault(metric, {})[number] = value
    found = []
    for (shots, method), by_metric in printed.items():
        apart = {metric: max(values.values()) - min(values.values()) for metric, values in by_metric.items()}
        if not any(apart.values()):
            continue
        certain = max(apart.values()) > MARGIN
        numbers = sorted({number for values in by_metric.values() for number in values})
        steps = [step for metric, values in by_metric.items() for step in _steps(paper, shots, method, metric, values)]
        found.append(
            Finding(
                id=slug("repeated-mean", shots, method),
                where=tables(numbers),
                title=f"Tables print different means for {label(method)}, {shots}-shot",
                printed="; ".join(f"{NAMES[metric]} {_by_table(values)}" for metric, values in by_metric.items()),
                recomputed="equal numbers, if they are one method's; apart by "
                + joined([f"{shown(value)} ({NAMES[metric]})" for metric, value in apart.items() if value]),
                arithmetic="\n".join(steps),
                severity="contradiction" if certain else "rounding",
            )
        )
    return found


def _by_table(values: dict[str, int]) -> str:
    """Return numbers with the tables that print them: ``0.6296 (II), 0.6445 (V, VI, VII)``."""
    where: dict[int, list[str]] = {}
    for number, value in values.items():
        where.setdefault(value, []).append(number)
    return ", ".join(f"{shown(value)} ({', '.join(numbers)})" for value, numbers in where.items())


def _steps(paper: Paper, shots: int, method: str, metric: str, values: dict[str, int]) -> list[str]:
    """Return the difference of one metric beside what a second set of runs would make of it."""
    apart = max(values.values()) - min(values.values())
    if not apart:
        return [f"{NAMES[metric]} is the same in every table, as the same runs would give: {_by_table(values)}."]
    steps = [f"{NAMES[metric]}: {shown(max(values.values()))} - {shown(min(values.values()))} = {shown(apart)}."]
    number = CELL_TABLES[metric]
    cells = paper.cells(number)
    cells = cells[(cells["shots"] == shots) & (cells["method"] == method)]
    if number in values and len(cells):
        seeds = paper.statements.protocol.seeds
        error = sqrt(2 * (cells["spread"] ** 2).sum() / seeds) / len(cells)
        steps.append(
            f"The cells of Table {number} average {shown(round(cells['units'].mean()))}. Were the tables two sets of "
            f"{seeds} runs per category, their difference would have the standard error sqrt(2 / {seeds} x sum of "
            f"squared deviations) / {len(cells)} = {shown(round(error))}; it is {apart / error:.1f} times as large."
        )
        steps += _with_missing(paper, cells, values)
    return steps


def _with_missing(paper: Paper, cells: pd.DataFrame, values: dict[str, int]) -> list[str]:
    """Return the mean of cells over every category, those without a number counting 0, where there are such."""
    everything = len(paper.tables["I"])
    if len(cells) == everything:
        return []
    mean = cells["units"].sum() / everything
    same = [number for number, value in values.items() if abs(value - mean) <= MARGIN]
    alike = f", which is the number of {tables(same)}" if same else ""
    return [
        f"Over all {everything} categories, 0 for those without a number, they average {shown(round(mean))}{alike}."
    ]


def categories_behind_means(paper: Paper) -> list[Finding]:
    """Means over all the categories, where some categories have no number."""
    everything = set(paper.tables["I"]["category"])
    steps, sizes, numbers = [], {}, []
    for number in CELL_TABLES.values():
        behind = {shots: set(cells["category"]) for shots, cells in paper.cells(number).groupby("shots")}
        if all(names == everything for names in behind.values()):
            continue
        numbers.append(number)
        for shots, names in behind.items():
            sizes[shots] = len(names)
            blank = joined([in_words(name) for name in sorted(everything - names)] or ["none"])
            steps.append(
                f"Table {number}, {shots}-shot: {len(names)} of {len(everything)} categories, without: {blank}."
            )
        steps += _over_common(paper, number, set.intersection(*behind.values()), len(everything))
    if not numbers:
        return []
    return [
        Finding(
            id="categories-behind-means",
            where=f"{tables(numbers)}, footnote; Sections IV-G and IV-H",
            title="Means at different K stand on different categories",
            printed="means over all the categories (IV-H), averaged across all the categories (IV-G)",
            recomputed="means over "
            + joined([f"{size} ({shots}-shot)" for shots, size in sizes.items()])
            + " categories",
            arithmetic="\n".join(steps),
            severity="remark",
        )
    ]


def _over_common(paper: Paper, number: str, common: set[str], everything: int) -> list[str]:
    """Return the means of fewer categories over all with 0 for the rest, and those of more over the common ones."""
    fewer, more = [], []
    for shots, method, printed, cells in _rows(paper, number):
        shared = cells[cells["category"].isin(common)]["units"]
        if len(cells) < everything:
            zeros = shown(round(cells["units"].sum() / everything))
            fewer.append(f"{label(method)} {zeros} ({shots}-shot, printed {shown(printed)})")
        if len(shared) < len(cells):
            more.append(f"{label(method)} {shown(round(shared.mean()))} ({shots}-shot, printed {shown(printed)})")
    return [
        *[f"Over all {everything}, 0 for those without a number: {joined(fewer)}."] * bool(fewer),
        *[f"Over the {len(common)} that have numbers at every K: {joined(more)}."] * bool(more),
    ]

"""Checks of single cells of Tables II and III: what IOU, DC and their deviations can be, bold marks, equal cells."""

from __future__ import annotations

from itertools import groupby
from math import sqrt
from typing import Any

import pandas as pd

from reports.audit.finding import Finding, joined, slug, tables
from reports.audit.source import CELL_TABLES, DIGITS, NAMES, Paper, in_words, label, shown

ONE = 10**DIGITS
HALF = 0.5  # a printed number stands for at most half a unit of its last digit more or less
# With five seeds a deviation of five units of the last digit is rare enough to be named.
SMALL_DEVIATION = 5
# d DC / d IOU lies between 1/2 and 2 for a single image; ten leaves wide room for images that move apart.
STEEP = 10
BOLD_SEEN = "Bold is inferred from the gap between number and deviation, see reports.paper.bold_marks."
CONCAVE = (
    "Per image DC = 2 IOU / (1 + IOU), a concave function of IOU: averaged over images, categories or seeds, "
    "DC is at most 2 m / (1 + m) where m is the mean IOU (Jensen's inequality), and at least m."
)


def dice_bounds(paper: Paper) -> list[Finding]:
    """Mean DC against mean IOU of the same cell, row of means, or row of Tables V to VII."""
    found = []
    for where, name, key, iou, dice in _pairs(paper):
        highest = _highest_dice(iou + HALF)
        if dice > _highest_dice(iou):
            excess, bound = dice - HALF - highest, f"{highest / ONE:.5f}"
            steps = [
                CONCAVE,
                f"Mean IOU {shown(iou)} is at most {shown(iou + HALF)} before rounding: DC is at most "
                f"2 x {shown(iou + HALF)} / (1 + {shown(iou + HALF)}) = {bound}.",
                f"Mean DC {shown(dice)} is at least {shown(dice - HALF)} before rounding: "
                f"{shown(dice - HALF)} - {bound} = {excess / ONE:+.5f}.",
            ]
            found.append(
                _dice_finding("above", key, where, name, (iou, dice), f"DC at most {bound}", steps, excess > 0)
            )
        elif dice < iou:
            steps = [CONCAVE, f"DC - IOU = {shown(dice)} - {shown(iou)} = {shown(dice - iou)}."]
            found.append(
                _dice_finding(
                    "below", key, where, name, (iou, dice), f"DC at least {shown(iou)}", steps, iou - dice > 1
                )
            )
    return found


def _dice_finding(
    side: str,
    key: str,
    where: str,
    name: str,
    values: tuple[int, int],
    recomputed: str,
    steps: list[str],
    certain: bool,
) -> Finding:
    limit = "higher than its mean IOU allows" if side == "above" else "lower than its mean IOU"
    return Finding(
        id=slug("dice", side, key),
        where=where,
        title=f"The mean DC of {name} is {limit}",
        printed=f"IOU {shown(values[0])}, DC {shown(values[1])}",
        recomputed=recomputed,
        arithmetic="\n".join(steps),
        severity="contradiction" if certain else "rounding",
    )


def _pairs(paper: Paper) -> list[tuple[str, str, str, int, int]]:
    """Return every printed pair of IOU and DC: where, of what, an id for that, and both numbers."""
    pairs = [
        (tables(("II", "III")), _named(row), slug(row.shots, row.category, row.method), row.units, row.units_dice)
        for row in _both_metrics(paper).itertuples()
    ]
    means = {number: paper.means(number) for number in paper.tables if number not in ("I", "IV")}
    together = {("II", "III"): means.pop("II") | means.pop("III")} | {(number,): rows for number, rows in means.items()}
    for numbers, rows in together.items():
        for (shots, method, metric), iou in rows.items():
            if metric == "iou" and (shots, method, "dc") in rows:
                name = f"{label(method)} over all categories ({shots}-shot)"
                pairs.append((tables(numbers), name, slug(*numbers, shots, method), iou, rows[shots, method, "dc"]))
    return pairs


def _both_metrics(paper: Paper) -> pd.DataFrame:
    """Return the cells of Table II beside those of Table III (``units_dice``, ``spread_dice``)."""
    keys = ["shots", "category", "method"]
    return paper.cells("II").merge(paper.cells("III"), on=keys, suffixes=("", "_dice"))


def _highest_dice(iou: float) -> float:
    return 2 * iou / (1 + iou / ONE)


def bold_cells(paper: Paper) -> list[Finding]:
    """Bold marks against the numbers of their row, as far as bold is known."""
    found = []
    for number in CELL_TABLES.values():
        cells = paper.cells(number)
        marks = paper.bold[paper.bold["table"] == number]
        for (shots, category), row in cells.groupby(["shots", "category"], sort=False):
            marked = marks[(marks["shots"] == shots) & (marks["category"] == category)]["method"]
            bold = row[row["method"].isin(marked)]
            better = row[row["units"] > bold["units"].min()]
            if bold.empty or better.empty:
                continue
            steps = [BOLD_SEEN] + [
                f"{label(cell.method)}: {shown(cell.units)}{' (bold)' if cell.method in set(marked) else ''}"
                for cell in row.sort_values("units", ascending=False).itertuples()
            ]
            found.append(
                Finding(
                    id=slug("bold", number, shots, category),
                    where=f"Table {number}",
                    title=f"{in_words(category).capitalize()}, {shots}-shot: the bold value is not the best of its row",
                    printed="bold, 'the best values': " + _values(bold),
                    recomputed="higher: " + _values(better),
                    arithmetic="\n".join(steps),
                    severity="contradiction",
                )
            )
    return found


def _values(cells: pd.DataFrame) -> str:
    return joined([f"{label(cell.method)} {shown(cell.units)}" for cell in cells.itertuples()])


def largest_deviations(paper: Paper) -> list[Finding]:
    """Deviations against the largest that numbers between 0 and 1 of that mean can have."""
    found = []
    seeds = paper.statements.protocol.seeds
    for metric, number in CELL_TABLES.items():
        for cell in paper.cells(number).itertuples():
            # Within rounding, the mean nearest to 1/2 allows most.
            nearest = min(max(ONE / 2, cell.units - HALF), cell.units + HALF)
            limits = [sqrt(seeds / (seeds - 1) * mean * (ONE - mean)) for mean in (cell.units, nearest)]
            if cell.spread <= limits[0]:
                continue
            found.append(
                Finding(
                    id=slug("deviation-above", number, cell.shots, cell.category, cell.method),
                    where=f"Table {number}",
                    title=f"The deviation of {_named(cell)} is more than {NAMES[metric]} can have",
                    printed=_cell(cell),
                    recomputed=f"deviation at most {limits[1] / ONE:.5f}",
                    arithmetic=f"{seeds} values between 0 and 1 of mean m have a sample deviation of at most "
                    f"sqrt({seeds}/{seeds - 1} m (1 - m)) = {limits[0] / ONE:.5f} for m = {shown(cell.units)}; "
                    f"{limits[1] / ONE:.5f} with the margin of rounding.",
                    severity="contradiction" if cell.spread - HALF > limits[1] else "rounding",
                )
            )
    return found


def smallest_deviations(paper: Paper) -> list[Finding]:
    """Deviations that are next to nothing, counted per table."""
    found = []
    seeds = paper.statements.protocol.seeds
    for number in CELL_TABLES.values():
        cells = paper.cells(number)
        small = cells[cells["spread"] <= SMALL_DEVIATION]
        if small.empty:
            continue
        median = float(cells["spread"].median())
        times = median / small["spread"].max()
        found.append(
            Finding(
                id=slug("deviations-small", number),
                where=f"Table {number}; Sections IV-B and IV-F",
                title=f"{len(small)} of {len(cells)} deviations are {shown(SMALL_DEVIATION)} or less",
                printed=f"{seeds} repetitions with other seeds; training images are randomly selected",
                recomputed=f"median deviation {shown(median)}, at least {times:.0f} times these",
                arithmetic="\n".join(f"{_named(cell)}: {_cell(cell)}" for cell in small.itertuples()),
                severity="remark",
            )
        )
    return found


def slopes_of_deviations(paper: Paper) -> list[Finding]:
    """Deviations of IOU and DC of the same cell that are of different orders."""
    found = []
    for cell in _both_metrics(paper).itertuples():
        steep = max(cell.spread_dice - HALF, 0) / (cell.spread + HALF)
        flat = (cell.spread_dice + HALF) / max(cell.spread - HALF, HALF)
        if steep < STEEP and flat > 1 / STEEP:
            continue
        low = 2 / (1 + cell.units / ONE) ** 2
        dice = f"{shown(cell.units_dice)}({shown(cell.spread_dice)})"
        ratio = steep if steep >= STEEP else flat
        found.append(
            Finding(
                id=slug("deviation-ratio", cell.shots, cell.category, cell.method),
                where=tables(("II", "III")),
                title=f"IOU and DC of {_named(cell)} vary by different orders between seeds",
                printed=f"IOU {_cell(cell)}, DC {dice}",
                recomputed=f"a ratio of deviations between 1/2 and 2 if all images move alike, here {ratio:.2g}",
                arithmetic="The slope of DC = 2 IOU / (1 + IOU) is 2 / (1 + IOU)^2, between 1/2 and 2; "
                f"at the mean IOU {low:.2f}.\n"
                f"Deviation of DC / deviation of IOU = {shown(cell.spread_dice)} / {shown(cell.spread)}; "
                f"with the margin of rounding {'at least' if steep >= STEEP else 'at most'} {ratio:.2g}.\n"
                "Images that move against each other could do this.",
                severity="remark",
            )
        )
    return found


def equal_cells(paper: Paper) -> list[Finding]:
    """Cells of one table that agree in mean and deviation to the last digit."""
    found = []
    for metric, number in CELL_TABLES.items():
        cells = paper.cells(number).sort_values(["units", "spread"], kind="stable")
        for _, alike in groupby(cells.itertuples(), key=lambda cell: (cell.units, cell.spread)):
            same = list(alike)
            if len(same) < 2:
                continue
            other = next(table for name, table in CELL_TABLES.items() if name != metric)
            beside = paper.cells(other).set_index(["shots", "category", "method"])
            keys = [(cell.shots, cell.category, cell.method) for cell in same]
            steps = [
                f"Table {other} for {_named(cell)}: {_cell(beside.loc[key])}"
                for cell, key in zip(same, keys, strict=True)
                if key in beside.index
            ]
            found.append(
                Finding(
                    id=slug("equal", number, *(part for key in keys for part in key)),
                    where=f"Table {number}",
                    title=f"{joined([_named(cell) for cell in same])} have the same mean and deviation",
                    printed=f"{_cell(same[0])}, {len(same)} times",
                    recomputed="numbers of different networks would be expected to differ; a copied cell could look so",
                    arithmetic="\n".join(steps) or "The other table does not print these cells.",
                    severity="remark",
                )
            )
    return found


def equal_means(paper: Paper) -> list[Finding]:
    """Cells of one row that agree in the mean, but not in the deviation, counted per table."""
    found = []
    for number in CELL_TABLES.values():
        rows = paper.cells(number).groupby(["shots", "category", "units"], sort=False)
        pairs = [row for _, row in rows if row["spread"].nunique() > 1]
        if not pairs:
            continue
        count = sum(len(row) * (len(row) - 1) // 2 for _, row in paper.cells(number).groupby(["shots", "category"]))
        found.append(
            Finding(
                id=slug("equal-means", number),
                where=f"Table {number}",
                title=f"{len(pairs)} {'row has' if len(pairs) == 1 else 'rows have'} the same mean for two methods, "
                "with different deviations",
                printed="; ".join(joined([f"{_named(c)} {_cell(c)}" for c in row.itertuples()]) for row in pairs),
                recomputed="nothing: this happens by chance now and then",
                arithmetic=f"The table's rows hold {count} pairs of methods.",
                severity="remark",
            )
        )
    return found


def _named(cell: Any) -> str:
    return f"{label(cell.method)} on {in_words(cell.category)} ({cell.shots}-shot)"


def _cell(cell: Any) -> str:
    return f"{shown(cell.units)}({shown(cell.spread)})"

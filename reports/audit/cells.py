"""Checks of single cells of Tables II and III: possible values of IOU, DC and deviations, bold marks, equal cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from math import sqrt
from statistics import median
from typing import NamedTuple

from reports.audit.finding import Finding, Severity, slug, tables
from reports.paper import CATEGORY_TABLES
from reports.paper.printed import DIGITS, Paper, PrintedCell, label, shown, spaced
from reports.wording import joined

ONE: int = 10**DIGITS
HALF = 0.5  # a printed number stands for at most half a unit of its last digit more or less
# With five seeds a deviation of five units of the last digit is rare enough to be reported.
SMALL_DEVIATION = 5
# d DC / d IOU lies between 1/2 and 2 for a single image; ten leaves ample room for images that change differently.
MAX_RATIO = 10
# A method's gaps below the bound of DC do not follow those of the others where they are typically off by half of them,
# and this many times as much as is typical of the other methods.
GAP_SCATTER, UNLIKE_OTHERS = 0.5, 3
BOLD_INFERRED = "Bold is inferred from the space between number and deviation, see reports.paper.bold_marks."
CONCAVE = (
    "Per image DC = 2 IOU / (1 + IOU), a concave function of IOU: averaged over images, categories or seeds, "
    "DC is at most 2 m / (1 + m) where m is the mean IOU (Jensen's inequality), and at least m."
)


class _Pair(NamedTuple):
    """A mean IOU and a mean DC of the same thing: where they are printed, its name, an id for it."""

    where: str
    name: str
    key: str
    iou: int
    dice: int


def dice_bounds(paper: Paper) -> Iterator[Finding]:
    """Mean DC against mean IOU of the same cell, row of means, or row of Tables V to VII.

    Examples
    --------
    >>> [finding.id for finding in dice_bounds(Paper.published())][-1]
    'dice-above-1-screw-unet'
    """
    for pair in _pairs(paper):
        iou, dice = pair.iou, pair.dice
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
            problem = "higher than its mean IOU allows"
            yield _dice_finding(pair, "above", problem, f"at most {bound}", steps, excess > 0)
        elif dice < iou:
            steps = [CONCAVE, f"DC - IOU = {shown(dice)} - {shown(iou)} = {shown(dice - iou)}."]
            problem = "lower than its mean IOU"
            yield _dice_finding(pair, "below", problem, f"at least {shown(iou)}", steps, iou - dice > 1)


def _dice_finding(pair: _Pair, side: str, problem: str, bound: str, steps: list[str], certain: bool) -> Finding:
    return Finding(
        id=slug("dice", side, pair.key),
        where=pair.where,
        title=f"The mean DC of {pair.name} is {problem}",
        printed=f"IOU {shown(pair.iou)}, DC {shown(pair.dice)}",
        recomputed=f"DC {bound}",
        arithmetic="\n".join(steps),
        severity=Severity.CONTRADICTION if certain else Severity.ROUNDING,
    )


def _pairs(paper: Paper) -> list[_Pair]:
    """Return every printed pair of mean IOU and mean DC."""
    pairs = [
        _Pair(tables(("II", "III")), iou.name, slug(*iou.key), iou.units, dice.units)
        for iou, dice in _both_metrics(paper)
    ]
    means = {number: paper.means(number) for number in paper.tables if number not in ("I", "IV")}
    together = {("II", "III"): means.pop("II") | means.pop("III")} | {(number,): rows for number, rows in means.items()}
    for numbers, rows in together.items():
        for (shots, method, metric), iou in rows.items():
            if metric == "iou" and (shots, method, "dc") in rows:
                name = f"{label(method)} over all categories ({shots}-shot)"
                key = slug(*numbers, shots, method)
                pairs.append(_Pair(tables(numbers), name, key, iou, rows[shots, method, "dc"]))
    return pairs


def _both_metrics(paper: Paper) -> list[tuple[PrintedCell, PrintedCell]]:
    """Return each cell of Table II with that of Table III."""
    dice = {cell.key: cell for cell in paper.cells("III")}
    return [(cell, dice[cell.key]) for cell in paper.cells("II") if cell.key in dice]


def _highest_dice(iou: float) -> float:
    return 2 * iou / (1 + iou / ONE)


def gaps_below_bound(paper: Paper) -> Iterator[Finding]:
    """Methods whose gaps between mean DC and its bound do not follow those of the other methods.

    The gap grows with the spread of the scores over images, which categories determine for the most part: its ratio to
    the median gap of the other methods on that category should be much the same everywhere.

    Examples
    --------
    >>> [finding.id for finding in gaps_below_bound(Paper.published())]
    ['dice-gaps-1-ternausnet16']
    """
    for shots in paper.ledger.settings.shots:
        gaps: dict[str, dict[str, float]] = {}
        for iou, dice in _both_metrics(paper):
            if iou.shots == shots:
                gaps.setdefault(iou.method, {})[iou.category] = _highest_dice(iou.units) - dice.units
        ratios = {method: _ratios(gaps, method) for method in gaps}
        spread = {method: _median_distance(list(of.values())) for method, of in ratios.items() if of}
        for method, own in spread.items():
            others = [value for other, value in spread.items() if other != method]
            if not others or own <= max(GAP_SCATTER, UNLIKE_OTHERS * median(others), *others):
                continue
            apart = {name: ratio for name, ratio in ratios[method].items() if not 0.5 <= ratio <= 2}
            yield Finding(
                id=slug("dice-gaps", shots, method),
                where=tables(("II", "III")),
                title=f"The DC of {label(method)} at {shots}-shot does not follow its IOU as that of the other methods "
                "does",
                printed=f"IOU and DC of {label(method)}, {len(ratios[method])} categories",
                recomputed=f"gaps below the bound scatter by {own:.2f} of those of the others; other methods by "
                f"{min(others):.2f} to {max(others):.2f}",
                arithmetic="\n".join(
                    [
                        CONCAVE,
                        "Gap = 2 m / (1 + m) - DC. Ratio = gap / median gap of the other methods on the same category. "
                        "Scatter = median distance of a method's ratios from their median.",
                        *(f"{spaced(name)}: {ratio:.2f}" for name, ratio in ratios[method].items()),
                        f"Outside 1/2 to 2: {len(apart)} of {len(ratios[method])}. Scatter: "
                        + ", ".join(f"{label(name)} {value:.2f}" for name, value in spread.items())
                        + ".",
                        "IOU and DC from different runs, or swapped cells, would look like this; so would a network "
                        "that fails on some images of some categories only.",
                    ]
                ),
                severity=Severity.REMARK,
            )


def _ratios(gaps: dict[str, dict[str, float]], method: str) -> dict[str, float]:
    """Return a method's gap on each category over the median gap of the other methods, where that is above 0."""
    ratios = {}
    for category, gap in gaps[method].items():
        others = [of[category] for name, of in gaps.items() if name != method and category in of]
        if others and (middle := median(others)) > 0:
            ratios[category] = gap / middle
    return ratios


def _median_distance(values: Sequence[float]) -> float:
    middle = median(values)
    return float(median(abs(value - middle) for value in values))


def bold_cells(paper: Paper) -> Iterator[Finding]:
    """Bold marks against the numbers of their row, as far as bold is known.

    Examples
    --------
    >>> [finding.id for finding in bold_cells(Paper.published())]
    ['bold-iii-5-grid']
    """
    for number in CATEGORY_TABLES.values():
        marked = paper.bold_keys(number)
        for (shots, category), row in paper.rows(number).items():
            bold = [cell for cell in row if cell.key in marked]
            better = [cell for cell in row if cell.units > min((mark.units for mark in bold), default=ONE)]
            if not better:
                continue
            steps = [BOLD_INFERRED] + [
                f"{label(cell.method)}: {shown(cell.units)}{' (bold)' if cell in bold else ''}"
                for cell in sorted(row, key=lambda cell: -cell.units)
            ]
            yield Finding(
                id=slug("bold", number, shots, category),
                where=f"Table {number}",
                title=f"{spaced(category).capitalize()}, {shots}-shot: the bold value is not the best of its row",
                printed="bold, 'the best values': " + _values(bold),
                recomputed="higher: " + _values(better),
                arithmetic="\n".join(steps),
                severity=Severity.CONTRADICTION,
            )


def _values(cells: Sequence[PrintedCell]) -> str:
    return joined([f"{label(cell.method)} {shown(cell.units)}" for cell in cells])


def largest_deviations(paper: Paper) -> Iterator[Finding]:
    """Deviations against the largest possible for numbers between 0 and 1 of that mean.

    Examples
    --------
    >>> list(largest_deviations(Paper.published()))
    []
    """
    seeds = paper.ledger.settings.seeds
    for metric, number in CATEGORY_TABLES.items():
        for cell in paper.cells(number):
            # Within rounding, the mean nearest to 1/2 allows the largest deviation.
            nearest = min(max(ONE / 2, cell.units - HALF), cell.units + HALF)
            limits = [sqrt(seeds / (seeds - 1) * mean * (ONE - mean)) for mean in (cell.units, nearest)]
            if cell.deviation <= limits[0]:
                continue
            yield Finding(
                id=slug("deviation-above", number, *cell.key),
                where=f"Table {number}",
                title=f"The deviation of {cell.name} is larger than {metric.upper()} can have",
                printed=cell.text,
                recomputed=f"deviation at most {limits[1] / ONE:.5f}",
                arithmetic=f"{seeds} values between 0 and 1 with mean m have a sample deviation of at most "
                f"sqrt({seeds}/{seeds - 1} m (1 - m)) = {limits[0] / ONE:.5f} for m = {shown(cell.units)}; "
                f"{limits[1] / ONE:.5f} allowing for rounding.",
                severity=Severity.CONTRADICTION if cell.deviation - HALF > limits[1] else Severity.ROUNDING,
            )


def smallest_deviations(paper: Paper) -> Iterator[Finding]:
    """Deviations close to zero, counted per table.

    Examples
    --------
    >>> [finding.where for finding in smallest_deviations(Paper.published())]
    ['Table II; Sections IV-B and IV-F', 'Table III; Sections IV-B and IV-F']
    """
    seeds = paper.ledger.settings.seeds
    for number in CATEGORY_TABLES.values():
        cells = paper.cells(number)
        small = [cell for cell in cells if cell.deviation <= SMALL_DEVIATION]
        if not small:
            continue
        middle = median(cell.deviation for cell in cells)
        times = middle / max(cell.deviation for cell in small)
        yield Finding(
            id=slug("deviations-small", number),
            where=f"Table {number}; Sections IV-B and IV-F",
            title=f"{len(small)} of {len(cells)} deviations are {shown(SMALL_DEVIATION)} or less",
            printed=f"{seeds} repetitions with different seeds; training images are randomly selected",
            recomputed=f"median deviation {shown(middle)}, at least {times:.0f} times these",
            arithmetic="\n".join(f"{cell.name}: {cell.text}" for cell in small),
            severity=Severity.REMARK,
        )


def ratios_of_deviations(paper: Paper) -> Iterator[Finding]:
    """Deviations of IOU and DC of the same cell that differ by an order of magnitude.

    Examples
    --------
    >>> [finding.id for finding in ratios_of_deviations(Paper.published())]
    ['deviation-ratio-5-carpet-unet-plus-plus', 'deviation-ratio-5-cable-ternausnet11']
    """
    for iou, dice in _both_metrics(paper):
        lowest = max(dice.deviation - HALF, 0) / (iou.deviation + HALF)
        highest = (dice.deviation + HALF) / max(iou.deviation - HALF, HALF)
        if lowest < MAX_RATIO and highest > 1 / MAX_RATIO:
            continue
        slope = 2 / (1 + iou.units / ONE) ** 2
        bound, ratio = ("at least", lowest) if lowest >= MAX_RATIO else ("at most", highest)
        yield Finding(
            id=slug("deviation-ratio", *iou.key),
            where=tables(("II", "III")),
            title=f"The deviations of IOU and DC of {iou.name} differ by an order of magnitude",
            printed=f"IOU {iou.text}, DC {dice.text}",
            recomputed=f"a ratio between 1/2 and 2 if all images change alike, here {ratio:.2g}",
            arithmetic="The slope of DC = 2 IOU / (1 + IOU) is 2 / (1 + IOU)^2, between 1/2 and 2; "
            f"at the mean IOU {slope:.2f}.\n"
            f"Deviation of DC / deviation of IOU = {shown(dice.deviation)} / {shown(iou.deviation)}; "
            f"allowing for rounding {bound} {ratio:.2g}.\n"
            "Images whose scores change in opposite directions could cause this.",
            severity=Severity.REMARK,
        )


def equal_cells(paper: Paper) -> Iterator[Finding]:
    """Cells of one table that agree in mean and deviation to the last digit.

    Examples
    --------
    >>> [finding.id for finding in equal_cells(Paper.published())]
    ['equal-ii-1-capsule-ternausnet11-1-capsule-ternausnet16']
    """
    for number in CATEGORY_TABLES.values():
        cells = sorted(paper.cells(number), key=lambda cell: (cell.units, cell.deviation))
        for _, group in groupby(cells, key=lambda cell: (cell.units, cell.deviation)):
            same = list(group)
            if len(same) < 2:
                continue
            (other,) = (table for table in CATEGORY_TABLES.values() if table != number)
            others = {cell.key: cell for cell in paper.cells(other)}
            steps = [f"Table {other} for {cell.name}: {others[cell.key].text}" for cell in same if cell.key in others]
            yield Finding(
                id=slug("equal", number, *(part for cell in same for part in cell.key)),
                where=f"Table {number}",
                title=f"{joined([cell.name for cell in same])} have the same mean and deviation",
                printed=f"{same[0].text}, {len(same)} times",
                recomputed="different networks would be expected to give different numbers; one may be a copy",
                arithmetic="\n".join(steps) or "The other table does not print these cells.",
                severity=Severity.REMARK,
            )


def equal_means(paper: Paper) -> Iterator[Finding]:
    """Cells of one row that agree in the mean, but not in the deviation, counted per table.

    Examples
    --------
    >>> [finding.id for finding in equal_means(Paper.published())]
    ['equal-means-ii', 'equal-means-iii']
    """
    for number in CATEGORY_TABLES.values():
        rows = paper.rows(number).values()
        ties = []
        for row in rows:
            for _, group in groupby(sorted(row, key=lambda cell: cell.units), key=lambda cell: cell.units):
                tied = list(group)
                if len({cell.deviation for cell in tied}) > 1:
                    ties.append(joined([f"{cell.name} {cell.text}" for cell in tied]))
        if not ties:
            continue
        count = sum(len(list(combinations(row, 2))) for row in rows)
        yield Finding(
            id=slug("equal-means", number),
            where=f"Table {number}",
            title=f"{len(ties)} {'row has' if len(ties) == 1 else 'rows have'} the same mean for two methods, "
            "with different deviations",
            printed="; ".join(ties),
            recomputed="nothing: this happens by chance now and then",
            arithmetic=f"The table's rows contain {count} pairs of methods.",
            severity=Severity.REMARK,
        )

"""Checks with the printed deviations: whether bold cells are shown to be better, and how the deviations scatter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import exp, hypot, lgamma, pi, sqrt
from typing import NamedTuple

import numpy as np

from reports.audit.finding import Finding, Severity, slug
from reports.paper import CATEGORY_TABLES
from reports.paper.printed import Paper, PrintedCell, label, shown, spaced
from reports.statistics import ALPHA, holm
from reports.wording import joined

HALF = 0.5  # a printed number stands for at most half a unit of its last digit more or less
# The scatter of deviations is called too large outside the central 99 % of this many simulated tables.
SIMULATED = 1000
# Whether so few runs would explain them is told besides.
FEWEST_RUNS = 2
CENTRAL = 0.99
# Rounding changes a deviation of five units of the last digit by a tenth at most.
WELL_PRINTED = 5


def welch_p(differences: Sequence[float], first: Sequence[float], second: Sequence[float], n: int) -> np.ndarray:
    """Return two-sided p-values of Welch's test for pairs of means of n values each.

    The tail of Student's t with v degrees of freedom is, for t = sqrt(v) tan(a), the integral of cos^(v - 1) from a to
    pi / 2 over that from 0 to pi / 2; Gauss-Legendre quadrature gives it to five digits or more. SciPy, which has the
    test, would take longer to import than all checks together.

    Parameters
    ----------
    differences : sequence of float
        Of the two means.
    first, second : sequence of float
        Their sample deviations, above 0.
    n : int

    Returns
    -------
    np.ndarray
        One p-value per difference.

    Examples
    --------
    >>> welch_p([0.0004], [0.0231], [0.0029], 5).round(3).tolist()
    [0.971]
    """
    variances = np.square([first, second], dtype=float) / n
    total = variances.sum(axis=0)
    freedom = (n - 1) * total**2 / np.square(variances).sum(axis=0)
    angle = np.arctan(np.abs(np.asarray(differences, dtype=float)) / np.sqrt(total * freedom))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    half = (pi / 2 - angle) / 2
    sines = np.sin(half[:, np.newaxis] * (1 + nodes))  # cos(pi / 2 - x) for x from 0 to pi / 2 - angle
    tail = half * (weights * sines ** (freedom[:, np.newaxis] - 1)).sum(axis=1)
    whole = np.array([sqrt(pi) / 2 * exp(lgamma(v / 2) - lgamma((v + 1) / 2)) for v in freedom])
    p_values: np.ndarray = np.minimum(tail / whole, 1.0)
    return p_values


class _Comparison(NamedTuple):
    """A bold cell and another one of its row."""

    bold: PrintedCell
    other: PrintedCell

    @property
    def lead(self) -> int:
        return self.bold.units - self.other.units


def _comparisons(paper: Paper, number: str, shots: int) -> list[_Comparison]:
    """Return each bold cell of a table and K with each other cell of its row."""
    bold = paper.bold_keys(number)
    return [
        _Comparison(cell, other)
        for (k, _), row in paper.rows(number).items()
        if k == shots
        for cell in row
        if cell.key in bold
        for other in row
        if other.key not in bold
    ]


def bold_cells_not_shown_better(paper: Paper) -> Iterator[Finding]:
    """Comparisons of a bold cell with the others of its row that Welch's test leaves open, counted per table.

    Examples
    --------
    >>> [finding.recomputed for finding in bold_cells_not_shown_better(Paper.published())]
    ['16 of 84 (1-shot) and 18 of 90 (5-shot) comparisons', '24 of 84 (1-shot) and 27 of 90 (5-shot) comparisons']
    """
    seeds = paper.ledger.settings.seeds
    for number in CATEGORY_TABLES.values():
        counts, steps = [], []
        for shots in paper.ledger.settings.shots:
            pairs = _comparisons(paper, number, shots)
            open_pairs = _not_better(pairs, seeds)
            if not open_pairs:
                continue
            counts.append(f"{len(open_pairs)} of {len(pairs)} ({shots}-shot)")
            steps.append(_explained(pairs, open_pairs, shots, seeds))
        if not steps:
            continue
        yield Finding(
            id=slug("bold-not-shown", number),
            where=f"Table {number}; Section IV-F",
            title="In some comparisons with the other cells of its row, a bold cell is not shown to be better",
            printed=f"bold, 'the best values'; means and deviations of {seeds} seeds",
            recomputed=f"{joined(counts)} comparisons",
            arithmetic="\n".join(
                [
                    f"Welch's two-sided test of each bold cell against each other cell of its row, n = {seeds}, from "
                    f"the printed deviations; Holm's correction over all of a table and K; significant up to {ALPHA}.",
                    *steps,
                    "Not significant does not mean equal: five seeds leave much open. A test over categories "
                    "(claims --published) asks another question.",
                ]
            ),
            severity=Severity.REMARK,
        )


def _explained(pairs: list[_Comparison], open_pairs: list[_Comparison], shots: int, seeds: int) -> str:
    every = len({pair.bold.category for pair in pairs})
    runners_up = {}
    for pair in sorted(pairs, key=lambda pair: pair.other.units):
        runners_up[pair.bold.category] = pair
    behind = [spaced(pair.bold.category) for pair in _not_better(list(runners_up.values()), seeds)]
    return (
        f"{shots}-shot: {len(open_pairs)} of {len(pairs)} not shown better, in "
        f"{len({pair.bold.category for pair in open_pairs})} of {every} rows; without Holm "
        f"{len(_not_better(pairs, seeds, corrected=False))}; if every number is rounded in favour of the bold cell "
        f"{len(_not_better(pairs, seeds, slack=HALF))}. Against the runner-up alone, Holm over {every} rows: "
        f"{len(behind)}{f' ({joined(behind)})' if behind else ''}."
    )


def _not_better(pairs: list[_Comparison], seeds: int, corrected: bool = True, slack: float = 0.0) -> list[_Comparison]:
    """Return the pairs whose bold cell is not significantly better, with ``slack`` units of rounding in its favour."""
    if not pairs:
        return []
    leads = [pair.lead + 2 * slack for pair in pairs]
    # A deviation printed as 0 stands for up to half a unit.
    first, second = ([max(cell.deviation - slack, HALF) for cell in cells] for cells in zip(*pairs, strict=True))
    p_values: Sequence[float | None] = welch_p(leads, first, second, seeds).tolist()
    if corrected:
        p_values = holm(p_values)
    return [
        pair for pair, lead, p in zip(pairs, leads, p_values, strict=True) if lead <= 0 or (p is not None and p > ALPHA)
    ]


def bold_leads(paper: Paper) -> Iterator[Finding]:
    """Bold cells ahead of the runner-up by less than the standard error of the difference.

    Examples
    --------
    >>> [finding.id for finding in bold_leads(Paper.published())]
    ['bold-lead-ii-5-grid', 'bold-lead-ii-5-wood', 'bold-lead-iii-5-wood']
    """
    seeds = paper.ledger.settings.seeds
    for number, shots in product(CATEGORY_TABLES.values(), paper.ledger.settings.shots):
        pairs = _comparisons(paper, number, shots)
        for pair in pairs:
            row = [other for bold, other in pairs if bold == pair.bold]
            error = hypot(pair.bold.deviation, pair.other.deviation) / sqrt(seeds)
            if pair.other != max(row, key=lambda cell: cell.units) or not 0 <= pair.lead < error:
                continue
            (p,) = welch_p([pair.lead], [max(pair.bold.deviation, HALF)], [max(pair.other.deviation, HALF)], seeds)
            yield Finding(
                id=slug("bold-lead", number, shots, pair.bold.category),
                where=f"Table {number}",
                title=f"{spaced(pair.bold.category).capitalize()}, {shots}-shot: the bold value leads by less than the "
                "standard error of its lead",
                printed=f"bold {pair.bold.text}; {label(pair.other.method)} {pair.other.text}",
                recomputed=f"lead {shown(pair.lead)}, standard error {shown(round(error))}",
                arithmetic=f"{shown(pair.bold.units)} - {shown(pair.other.units)} = {shown(pair.lead)}; standard error "
                f"sqrt(({shown(pair.bold.deviation)}^2 + {shown(pair.other.deviation)}^2) / {seeds}) = "
                f"{shown(round(error))}; Welch's test: p = {p:.2f}.\n"
                f"Deviations of the row, bold first: {shown(pair.bold.deviation)}; "
                f"{', '.join(shown(cell.deviation) for cell in row)}.",
                severity=Severity.REMARK,
            )


def scatter_of_deviations(paper: Paper) -> Iterator[Finding]:
    """Deviations that scatter more than those of the stated number of seeds can.

    The logarithms of the deviations of a table and K are fitted by an effect of the category and one of the method.
    If runs scatter normally and a category and a method each multiply the deviation, what remains scatters as half the
    logarithm of a chi-square variable with n - 1 degrees of freedom, whatever the effects are.

    Examples
    --------
    >>> [finding.recomputed for finding in scatter_of_deviations(Paper.published())]
    ['0.87 (1-shot) and 1.39 (5-shot); 5 seeds: 0.31 to 0.52', '0.95 (1-shot) and 1.39 (5-shot); 5 seeds: 0.31 to 0.52']
    """
    seeds = paper.ledger.settings.seeds
    for metric, number in CATEGORY_TABLES.items():
        found, steps, limits = [], [], []
        for shots in paper.ledger.settings.shots:
            units = _deviations(paper, number, shots)
            if min(units.shape) < 2:
                continue
            scatter = _scatter(np.log(units))
            expected = {n: expected_scatter(units.shape, n) for n in (FEWEST_RUNS, seeds)}
            if scatter <= expected[seeds][1]:
                continue
            limits.append(expected[seeds])
            found.append(f"{scatter:.2f} ({shots}-shot)")
            further = sqrt(scatter**2 - expected_square(seeds))
            steps += [
                f"{shots}-shot, {units.shape[0]} categories x {units.shape[1]} methods: {scatter:.2f}; with deviations "
                f"below {shown(WELL_PRINTED)} raised to it {_scatter(np.log(units.clip(WELL_PRINTED))):.2f}. Expected: "
                + "; ".join(f"n = {n} {low:.2f} to {high:.2f}" for n, (low, high) in expected.items())
                + ".",
                f"With n = {seeds}, deviations would have to differ by a further factor of {exp(further):.1f} (one "
                "standard deviation) between cells, beyond category and method.",
            ]
        if found:
            low, high = min(low for low, _ in limits), max(high for _, high in limits)
            yield Finding(
                id=slug("deviations-scatter", number),
                where=f"Table {number}; Section IV-F",
                title=f"The deviations of {metric.upper()} scatter more than those of {seeds} normally scattering runs",
                printed=f"deviations over {seeds} seeds",
                recomputed=f"{joined(found)}; {seeds} seeds: {low:.2f} to {high:.2f}",
                arithmetic="\n".join([_METHOD, *steps, _INFERENCE]),
                severity=Severity.REMARK,
            )


_METHOD = (
    "Residual deviation of ln(deviation) after an effect of the category and one of the method, degrees of freedom "
    f"(rows - 1)(columns - 1). Expected for n runs: central {CENTRAL:.0%} of {SIMULATED} simulated tables of normally "
    "scattering runs."
)
_INFERENCE = (
    "An inference, not a proof: fewer runs per cell than stated would look like this, and so would runs that do not "
    "scatter normally (single runs that fail) or whose spread depends on category and method together. Tables II and "
    "III come from the same runs and are one piece of evidence."
)


def _deviations(paper: Paper, number: str, shots: int) -> np.ndarray:
    """Return deviations by category and method, in units of the last digit; categories without a dash only."""
    rows = [row for (k, _), row in paper.rows(number).items() if k == shots]
    widest = max((len(row) for row in rows), default=0)
    lines = [[max(cell.deviation, HALF) for cell in _by_method(row)] for row in rows if len(row) == widest]
    return np.array(lines, dtype=float).reshape(len(lines), widest)


def _by_method(row: list[PrintedCell]) -> list[PrintedCell]:
    return sorted(row, key=lambda cell: cell.method)


def _scatter(values: np.ndarray) -> float:
    return float(_scatters(values[np.newaxis])[0])


def _scatters(tables: np.ndarray) -> np.ndarray:
    """Return the residual deviation of each of several tables after effects of rows and columns."""
    rest = tables - tables.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=2, keepdims=True)
    _, rows, columns = tables.shape
    deviations: np.ndarray = np.sqrt(np.square(rest).sum(axis=(1, 2)) / ((rows - 1) * (columns - 1)))
    return deviations


@lru_cache
def expected_scatter(shape: tuple[int, int], n: int) -> tuple[float, float]:
    """Return the central range of the scatter of a table of deviations of n normal runs each.

    Examples
    --------
    >>> low, high = expected_scatter((15, 10), 5)
    >>> bool(low < np.sqrt(expected_square(5)) < high)
    True
    """
    draws = np.random.default_rng(0).chisquare(n - 1, (SIMULATED, *shape))
    low, high = np.quantile(_scatters(np.log(draws) / 2), [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2])
    return float(low), float(high)


def expected_square(n: int) -> float:
    """Return the variance of the logarithm of the sample deviation of n normal values: trigamma((n - 1) / 2) / 4.

    Examples
    --------
    >>> round(expected_square(2), 4), round(expected_square(5), 4)
    (1.2337, 0.1612)
    """
    # trigamma(1/2) = pi^2 / 2, trigamma(1) = pi^2 / 6, trigamma(x + 1) = trigamma(x) - 1 / x^2
    first = 1 if n % 2 == 0 else 2
    value = pi**2 / (2 if first == 1 else 6)
    return (value - sum(4 / twice**2 for twice in range(first, n - 1, 2))) / 4

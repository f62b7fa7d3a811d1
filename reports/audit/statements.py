"""Statements of the text against the means that the tables print: what ``claims`` judges, checked to the last digit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import cast

from msgspec.structs import replace

from benchmark.score import Metric
from reports.audit.finding import Finding, Severity, slug, tables
from reports.paper.ledger import Statement
from reports.paper.printed import Lead, Paper, label, shown, units
from reports.wording import joined

IMAGE_CHANNELS = 3
HALF = 0.5
POINT = 100  # a percentage point, in units of the last digit


def statements(paper: Paper) -> Iterator[Finding]:
    """Statements about tables that the numbers there do not bear out, in the order of the paper.

    Examples
    --------
    >>> [finding.id for finding in statements(Paper.published())][:2]
    ['order-unet-first-at-1-shot-1-ternausnet11', 'order-unet-first-at-1-shot-1-albunet']
    """
    for statement in paper.ledger.statements:
        if statement.tables and statement.kind in _RULES:
            yield from _RULES[statement.kind](paper, statement)


def _quotations(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check numbers of a table that the text repeats."""
    for claim in statement.claims:
        (number,), (shots,), (method,), (metric,) = claim.tables, claim.shots, claim.methods, claim.metrics
        printed, stated = paper.means(number)[shots, method, cast(Metric, metric)], units(claim.value or 0.0)
        if printed != stated:
            yield Finding(
                id=slug("quoted", statement.id, metric),
                where=_where(statement),
                title=f"The text states a different {metric.upper()} than the table prints",
                printed=f"{shown(stated, number)} in Section {statement.section}",
                recomputed=f"{shown(printed, number)} in Table {number}",
                arithmetic=f"{label(method)}, {shots}-shot: {shown(stated, number)} - {shown(printed, number)} = "
                f"{shown(stated - printed, number)}",
                severity=Severity.CONTRADICTION,
            )


def _where(statement: Statement) -> str:
    return f"Section {statement.section}; {tables(statement.tables)}"


def _orders(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check that methods are better than others."""
    pairs: dict[tuple[int, str, str], list[Lead]] = {}
    for lead in paper.leads(statement):
        pairs.setdefault((lead.shots, lead.method, lead.other), []).append(lead)
    for (shots, method, other), leads in pairs.items():
        lost = [lead for lead in leads if lead.units <= 0]
        if not lost:
            continue
        several = [method] if len(statement.methods) > 1 else []
        yield Finding(
            id=slug("order", statement.id, shots, *several, other),
            where=_where(statement),
            title=f"{label(method)} does not beat {label(other)} at {shots}-shot",
            printed=f'"{statement.quote}"',
            recomputed=joined([f"{lead.metric.upper()} {' against '.join(lead.values)}" for lead in lost]),
            arithmetic=_steps(leads),
            # A number printed lower is at most as high before rounding; of two printed equal either may be higher.
            severity=Severity.CONTRADICTION if any(lead.units < 0 for lead in lost) else Severity.ROUNDING,
        )


def _steps(leads: list[Lead]) -> str:
    return "\n".join(lead.step for lead in leads)


def _differences(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check how far methods are stated to be apart."""
    if statement.leaning is not None:
        yield from _comparable(paper, statement)
    if statement.percent:
        yield from _gain(paper, statement)


def _comparable(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check methods stated to be about as good as others: do the numbers lean the other way than the text?"""
    sign = 1 if statement.leaning == "ahead" else -1
    (method,), (shots,) = statement.methods, statement.shots
    every = list(paper.leads(replace(statement, shots=paper.ledger.settings.shots)))
    every.sort(key=lambda lead: (statement.against.index(lead.other), statement.metrics.index(lead.metric)))
    contrary = [
        label(other)
        for other in statement.against
        if all(sign * lead.units < 0 for lead in every if (lead.other, lead.shots) == (other, shots))
    ]
    if contrary:
        side = "above" if statement.leaning == "behind" else "below"
        yield Finding(
            id=slug("comparable", statement.id),
            where=_where(statement),
            title=f"{label(method)} is {side} {joined(contrary)} at {shots}-shot",
            printed=f'"{statement.quote}"',
            recomputed=f"{side} {len(contrary)} of {len(statement.against)} in every metric; "
            "'comparable' states no number to check this against",
            arithmetic=_steps(every),
            severity=Severity.REMARK,
        )


def _shrinking(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check that gains are smaller at the second K."""
    first, second = (list(paper.leads(replace(statement, shots=(shots,)))) for shots in statement.shots)
    for other in statement.against:
        pairs = [(before, after) for before, after in zip(first, second, strict=True) if before.other == other]
        grown = [(before.metric, after.units - before.units) for before, after in pairs if after.units >= before.units]
        if not grown:
            continue
        margin = 2  # four printed numbers, each off by half a unit of its last digit at most
        yield Finding(
            id=slug("shrinking", statement.id, other),
            where=_where(statement),
            title=f"The gain over {label(other)} does not shrink",
            printed=f'"{statement.quote}"',
            recomputed="grows by " + joined([f"{shown(growth)} ({metric.upper()})" for metric, growth in grown]),
            arithmetic=_steps([lead for pair in pairs for lead in pair]),
            severity=Severity.CONTRADICTION if any(growth > margin for _, growth in grown) else Severity.ROUNDING,
        )


def _gain(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check a gain stated as "around P %", read as points of the metric and as per cent of the lower number.

    "Around" is read as within one unit of the last digit of P, in addition to the rounding of the table.
    """
    points, relative, steps, differences = True, True, [], []
    for lead in paper.leads(statement):
        percent = statement.percent[lead.shots]
        points &= _agrees(percent, (lead.units - 2 * HALF) / POINT, (lead.units + 2 * HALF) / POINT)
        relative &= _agrees(percent, *_relative(lead))
        differences.append(f"{lead.units / POINT:.2f}")
        better, worse = lead.values
        steps.append(
            f"{lead.shots}-shot {lead.metric.upper()}: {better} - {worse} = {differences[-1]} points; "
            f"{better} / {worse} - 1 = {100 * (lead.left / lead.right - 1):.1f}%; stated: around {percent}%"
        )
    if relative:
        return
    yield Finding(
        id=slug("gain", statement.id),
        where=_where(statement),
        title="A gain in % is in percentage points of the metric, not in per cent of it"
        if points
        else "A gain in % is neither in percentage points of the metric nor in per cent of it",
        printed=f'"{statement.quote}"',
        recomputed=f"{joined(differences)} points",
        arithmetic="\n".join([*steps, "'Around' is read as within one unit of the last digit of the percentage."]),
        severity=Severity.REMARK if points else Severity.CONTRADICTION,
    )


def _agrees(percent: Decimal, low: float, high: float) -> bool:
    """Return whether a range comes within one unit of the last printed digit of a percentage."""
    around = Decimal(1).scaleb(int(percent.as_tuple().exponent))
    return low <= percent + around and high >= percent - around


def _relative(lead: Lead) -> tuple[float, float]:
    """Return the range of a gain in per cent of the lower number that rounding leaves."""
    return 100 * ((lead.left - HALF) / (lead.right + HALF) - 1), 100 * ((lead.left + HALF) / (lead.right - HALF) - 1)


def _capacity(paper: Paper, statement: Statement) -> Iterator[Finding]:
    """Check that a network has fewer parameters than others, with the channels of its own publication."""
    (smaller,), channels = statement.methods, paper.ledger.unet_channels
    own = unet_parameters(channels)
    larger = {name: paper.ledger.parameters[name] for name in statement.against}
    contrary = [name for name, parameters in larger.items() if parameters <= own]
    if not contrary:
        return
    yield Finding(
        id=slug("capacity", statement.id),
        where=f"Section {statement.section}; [3]",
        title=f"The {label(smaller)} of [3] does not have fewer parameters than "
        f"{joined([label(name) for name in contrary])}",
        printed=f'"{statement.quote}"',
        recomputed=f"{own:,} parameters; {joined([f'{label(name)} {larger[name]:,}' for name in contrary])}",
        arithmetic="\n".join(
            [
                f"{label(smaller)}, channels {', '.join(map(str, channels))}, two 3x3 convolutions per level, "
                f"2x2 up-convolutions, one output: {own:,}",
                *(f"{label(name)}, as built here: {parameters:,}" for name, parameters in larger.items()),
                "The paper prints no counts; narrower variants of U-Net are common.",
            ]
        ),
        severity=Severity.REMARK,
    )


def unet_parameters(widths: tuple[int, ...]) -> int:
    """Return the parameters of U-Net as published: RGB in, one map out, convolutions with bias, no batch norm.

    Examples
    --------
    >>> unet_parameters((64, 128, 256, 512, 1024))
    31031745
    """

    def convolution(size: int, inputs: int, outputs: int) -> int:
        return size * size * inputs * outputs + outputs

    down = sum(
        convolution(3, before, width) + convolution(3, width, width)
        for before, width in pairwise((IMAGE_CHANNELS, *widths))
    )
    up = sum(
        convolution(2, below, width) + convolution(3, 2 * width, width) + convolution(3, width, width)
        for width, below in pairwise(widths)
    )
    return down + up + convolution(1, widths[0], 1)


_RULES: dict[str, Callable[[Paper, Statement], Iterator[Finding]]] = {
    "better": _orders,
    "shrinks": _shrinking,
    "within": _differences,
    "value": _quotations,
    "smaller_is_better": _capacity,
}

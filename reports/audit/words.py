"""Checks of what the text states in words against the means that the tables print."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise, product
from typing import NamedTuple

from baselines.networks.cost import network_cost
from reports.audit.finding import Finding, Severity, slug, tables
from reports.audit.source import PERCENT_DIGITS, Paper, columns_of, label, metric_name, shown, units
from reports.paper.statements import Column, Order, Shrinking
from reports.wording import joined

IMAGE_CHANNELS = 3
HALF = 0.5


def quotations(paper: Paper) -> Iterator[Finding]:
    """Numbers of a table that the text repeats.

    Examples
    --------
    >>> list(quotations(Paper.published()))
    []
    """
    for quoted in paper.statements.quoted:
        means = paper.means(quoted.table)
        for metric, value in quoted.values.items():
            printed = means[quoted.shots, quoted.method, metric]
            stated = units(float(value), quoted.table)
            if printed != stated:
                yield Finding(
                    id=slug("quoted", quoted.id, metric),
                    where=f"Section {quoted.section}; Table {quoted.table}",
                    title=f"The text states a different {metric_name(metric)} than the table prints",
                    printed=f"{shown(stated, quoted.table)} in Section {quoted.section}",
                    recomputed=f"{shown(printed, quoted.table)} in Table {quoted.table}",
                    arithmetic=f"{label(quoted.method)}, {quoted.shots}-shot: {shown(stated, quoted.table)} - "
                    f"{shown(printed, quoted.table)} = {shown(stated - printed, quoted.table)}",
                    severity=Severity.CONTRADICTION,
                )


class _Lead(NamedTuple):
    """The numbers of two methods in one metric, in last digits, and their subtraction as text."""

    number: str
    metric: Column
    left: int
    right: int
    step: str

    @property
    def units(self) -> int:
        return self.left - self.right


def _leads(paper: Paper, numbers: tuple[str, ...], shots: int, method: str, other: str) -> list[_Lead]:
    """Compare a method with another one in every metric of some tables."""
    leads = []
    for number in numbers:
        means = paper.means(number)
        for metric in columns_of(number):
            left, right = (means[shots, name, metric] for name in (method, other))
            step = (
                f"{shots}-shot {metric_name(metric)} (Table {number}): {label(method)} {shown(left, number)} - "
                f"{label(other)} {shown(right, number)} = {shown(left - right, number)}"
            )
            leads.append(_Lead(number, metric, left, right, step))
    return leads


def orders(paper: Paper) -> Iterator[Finding]:
    """Methods stated to be better than others.

    Examples
    --------
    >>> [finding.id for finding in orders(Paper.published())]
    ['order-unet-first-at-1-shot-1-ternausnet11', 'order-unet-first-at-1-shot-1-albunet']
    """
    for order in paper.statements.orders:
        for shots, other in product(order.shots, order.beats):
            yield from _order(paper, order, shots, other)


def _order(paper: Paper, order: Order, shots: int, other: str) -> Iterator[Finding]:
    leads = _leads(paper, order.tables, shots, order.method, other)
    lost = [lead for lead in leads if lead.units <= 0]
    if not lost:
        return
    against = [
        f"{metric_name(lead.metric)} {shown(lead.left, lead.number)} against {shown(lead.right, lead.number)}"
        for lead in lost
    ]
    yield Finding(
        id=slug("order", order.id, shots, other),
        where=f"Section {order.section}; {tables(order.tables)}",
        title=f"{label(order.method)} does not beat {label(other)} at {shots}-shot",
        printed=order.summary,
        recomputed=joined(against),
        arithmetic="\n".join(lead.step for lead in leads),
        # A number printed lower is at most as high before rounding; of two printed equal either may be higher.
        severity=Severity.CONTRADICTION if any(lead.units < 0 for lead in lost) else Severity.ROUNDING,
    )


def comparables(paper: Paper) -> Iterator[Finding]:
    """Methods stated to be about as good as others, where the numbers lean the other way than the text.

    Examples
    --------
    >>> [finding.id for finding in comparables(Paper.published())]
    ['comparable-unet-at-5-shot', 'comparable-cosine-at-1-shot']
    """
    for statement in paper.statements.comparables:
        sign = 1 if statement.leaning == "ahead" else -1
        contrary, steps = [], []
        for other in statement.others:
            leads = {
                shots: _leads(paper, statement.tables, shots, statement.method, other)
                for shots in paper.statements.settings.shots
            }
            if all(sign * lead.units < 0 for lead in leads[statement.shots]):
                contrary.append(label(other))
            steps += [lead.step for same_metric in zip(*leads.values(), strict=True) for lead in same_metric]
        if contrary:
            side = "above" if statement.leaning == "behind" else "below"
            yield Finding(
                id=slug("comparable", statement.id),
                where=f"Section {statement.section}; {tables(statement.tables)}",
                title=f"{label(statement.method)} is {side} {joined(contrary)} at {statement.shots}-shot",
                printed=statement.summary,
                recomputed=f"{side} {len(contrary)} of {len(statement.others)} in every metric; "
                "'comparable' states no number to check this against",
                arithmetic="\n".join(steps),
                severity=Severity.REMARK,
            )


def shrinking_gains(paper: Paper) -> Iterator[Finding]:
    """Gains stated to be smaller at the second K.

    Examples
    --------
    >>> list(shrinking_gains(Paper.published()))
    []
    """
    for statement in paper.statements.shrinkings:
        for other in statement.over:
            yield from _shrinking(paper, statement, other)


def _shrinking(paper: Paper, statement: Shrinking, other: str) -> Iterator[Finding]:
    first, second = (_leads(paper, statement.tables, shots, statement.method, other) for shots in statement.shots)
    pairs = list(zip(first, second, strict=True))
    grown = [(before.metric, after.units - before.units) for before, after in pairs if after.units >= before.units]
    if not grown:
        return
    margin = 2  # four printed numbers, each off by half a unit of its last digit at most
    yield Finding(
        id=slug("shrinking", statement.id, other),
        where=f"Section {statement.section}; {tables(statement.tables)}",
        title=f"The gain over {label(other)} does not shrink",
        printed=statement.summary,
        recomputed="grows by " + joined([f"{shown(growth)} ({metric_name(metric)})" for metric, growth in grown]),
        arithmetic="\n".join(lead.step for pair in pairs for lead in pair),
        severity=Severity.CONTRADICTION if any(growth > margin for _, growth in grown) else Severity.ROUNDING,
    )


def gains(paper: Paper) -> Iterator[Finding]:
    """Gains stated as "around P %", read as points of the metric and as per cent of the lower number.

    "Around" is read as within one unit of the last digit of P, in addition to the rounding of the table.

    Examples
    --------
    >>> [finding.id for finding in gains(Paper.published())]
    ['gain-cap-over-nbr', 'gain-cosine-over-euclidean']
    """
    for gain in paper.statements.gains:
        points, relative, steps, differences = True, True, [], []
        for shots, percent in gain.percent.items():
            for metric in columns_of(gain.table):
                better, worse = (paper.means(gain.table)[shots, name, metric] for name in (gain.method, gain.over))
                points &= _agrees(percent, *_points(better, worse))
                relative &= _agrees(percent, *_relative(better, worse))
                differences.append(f"{(better - worse) / 100:.2f}")
                steps.append(
                    f"{shots}-shot {metric_name(metric)}: {shown(better)} - {shown(worse)} = {differences[-1]} points; "
                    f"{shown(better)} / {shown(worse)} - 1 = {100 * (better / worse - 1):.1f}%; "
                    f"stated: around {percent}%"
                )
        if relative:
            continue
        yield Finding(
            id=slug("gain", gain.id),
            where=f"Section {gain.section}; Table {gain.table}",
            title="A gain in % is in percentage points of the metric, not in per cent of it"
            if points
            else "A gain in % is neither in percentage points of the metric nor in per cent of it",
            printed=gain.summary,
            recomputed=f"{joined(differences)} points",
            arithmetic="\n".join([*steps, "'Around' is read as within one unit of the last digit of the percentage."]),
            severity=Severity.REMARK if points else Severity.CONTRADICTION,
        )


def _agrees(percent: Decimal, low: float, high: float) -> bool:
    """Return whether a range comes within one unit of the last printed digit of a percentage."""
    around = Decimal(1).scaleb(int(percent.as_tuple().exponent))
    return low <= percent + around and high >= percent - around


def _points(better: int, worse: int) -> tuple[float, float]:
    """Return the range of a difference in points (hundredths) that rounding leaves."""
    return (better - worse - 2 * HALF) / 10**PERCENT_DIGITS, (better - worse + 2 * HALF) / 10**PERCENT_DIGITS


def _relative(better: int, worse: int) -> tuple[float, float]:
    """Return the range of a gain in per cent of the lower number that rounding leaves."""
    return 100 * ((better - HALF) / (worse + HALF) - 1), 100 * ((better + HALF) / (worse - HALF) - 1)


def same_training(paper: Paper) -> Iterator[Finding]:
    """Rows whose training the text describes in the same way, but whose numbers differ.

    Examples
    --------
    >>> [finding.id for finding in same_training(Paper.published())]
    ['same-training-nbr-and-lambda-1']
    """
    for statement in paper.statements.same_trainings:
        first, second = paper.means(statement.first.table), paper.means(statement.second.table)
        keys = [
            (shots, statement.first.method, metric)
            for shots in paper.statements.settings.shots
            for metric in columns_of(statement.first.table)
        ]
        differences = {key: second[key[0], statement.second.method, key[2]] - first[key] for key in keys}
        if max(map(abs, differences.values())) <= 1:
            continue
        names = [label(row.method) for row in (statement.first, statement.second)]
        steps = [
            f"{key[0]}-shot {metric_name(key[2])}: {names[1]} {shown(first[key] + differences[key])} "
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
        f"{shots}-shot {metric_name(metric)}: {shown(value)} (Table {number}) - {shown(plain[shots, base, metric])} "
        f"(Table {without}) = {shown(value - plain[shots, base, metric])}"
        for number in pasting
        for (shots, method, metric), value in paper.means(number).items()
        if method == base
    ]


def capacity(paper: Paper) -> Iterator[Finding]:
    """The network stated to have fewer parameters, with the channels of its own publication.

    Examples
    --------
    >>> [finding.id for finding in capacity(Paper.published())]
    ['capacity-unet-capacity']
    """
    statement = paper.statements.capacity
    own = unet_parameters(statement.widths)
    larger = {name: network_cost(name).parameters for name in statement.larger}
    contrary = [name for name, parameters in larger.items() if parameters <= own]
    if not contrary:
        return
    yield Finding(
        id=slug("capacity", statement.id),
        where=f"Sections {statement.section}",
        title=f"The {label(statement.smaller)} of [3] does not have fewer parameters than "
        f"{joined([label(name) for name in contrary])}",
        printed=statement.summary,
        recomputed=f"{own:,} parameters; {joined([f'{label(name)} {larger[name]:,}' for name in contrary])}",
        arithmetic="\n".join(
            [
                f"{label(statement.smaller)}, channels {', '.join(map(str, statement.widths))}, two 3x3 "
                f"convolutions per level, 2x2 up-convolutions, one output: {own:,}",
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

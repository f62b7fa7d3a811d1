"""What the regression gate found, for people (a table), for programs (JSON) and for CI services (JUnit XML)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from junitparser import Failure, JUnitXml, TestCase, TestSuite
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.gate.assess import FOUND, count_false_alarms, find_losses
from benchmark.gate.baseline import Baseline, spreads_of
from benchmark.gate.judge import STATISTICAL, Change, Judgement, Line
from benchmark.gate.outcomes import mean_score, scores_of
from benchmark.gate.spread import FALSE_ALARMS, LEVELS, calibrate
from benchmark.score import METRICS
from reports.escapes import for_terminal

# Nothing is wrapped: a log is searched by line.
_WIDTH = 400


@dataclass(frozen=True)
class Report:
    """A judgement and what it was about.

    Attributes
    ----------
    judgement : Judgement
    baseline : Baseline
    path : str
        Of the baseline's file.
    machine : dict
        That the runs were done on.
    notes : tuple of str
        What else a reader should know.
    """

    judgement: Judgement
    baseline: Baseline
    path: str
    machine: dict[str, str]
    notes: tuple[str, ...] = ()


def as_text(report: Report) -> str:
    """Return a table with a line per comparison, what fails and why, and a last line that sums it up."""
    judgement = report.judgement
    with_tolerance = any(line.mode == STATISTICAL for line in judgement.lines)
    columns = ["category", "K", "method", "seeds"]
    for metric in METRICS:
        columns += [metric.upper(), "change", *(["tolerated"] if with_tolerance else [])]
    rows = [[*_where(line), *_numbers(line, with_tolerance), line.verdict] for line in judgement.lines]
    lines = [
        for_terminal(f"{report.baseline.profile} on {report.baseline.dataset}, against {report.path}"),
        *(for_terminal(f"{mode}: {why}") for mode, why in judgement.why.items()),
        *report.notes,
        "",
        _table([*columns, "verdict"], rows, numbers_from=3),
    ]
    for line in judgement.lines:
        if line.fails:
            lines += [for_terminal(f"{_title(line)}: {line.verdict}, {reason}") for reason in line.reasons]
    return "\n".join([*lines, _sum(judgement), ""])


def _sum(judgement: Judgement) -> str:
    counts: dict[str, int] = {}
    for line in judgement.lines:
        counts[line.verdict] = counts.get(line.verdict, 0) + 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"{'passed' if judgement.passed else 'FAILED'}: {said}"


def _where(line: Line) -> list[str]:
    return [
        line.category or "all",
        str(line.shots or "all"),
        line.method or "all",
        ",".join(map(str, line.seeds)),
    ]


def _title(line: Line) -> str:
    if line.category:
        return f"{line.category} {line.method} {line.shots}-shot"
    return f"{line.method} over its cells" if line.method else "all cells"


def _numbers(line: Line, with_tolerance: bool) -> list[str]:
    found = []
    for metric in METRICS:
        change = line.changes.get(metric)
        found += [_number(change.now if change else None), _signed(change)]
        if with_tolerance:
            found.append(f"-{change.tolerance:.4f}" if change and change.tolerance is not None else "")
    return found


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _signed(change: Change | None) -> str:
    if change is None or change.difference is None:
        return ""
    return f"{change.difference:+.4f}" if change.difference else "0"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int) -> str:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(head):
        right = numbers_from <= index and name != "verdict"
        table.add_column(Text(name), justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(for_terminal(word)) for word in row))
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def as_records(report: Report) -> dict[str, Any]:
    """Return everything that was found in plain types."""
    judgement, baseline = report.judgement, report.baseline
    return {
        "passed": judgement.passed,
        "profile": baseline.profile,
        "dataset": baseline.dataset,
        "baseline": report.path,
        "gate": judgement.why,
        "machine": report.machine,
        "baseline_machine": baseline.machine,
        "baseline_code": baseline.code,
        "notes": list(report.notes),
        "lines": [
            {
                "category": line.category or None,
                "method": line.method or None,
                "shots": line.shots or None,
                "seeds": list(line.seeds),
                "gate": line.mode,
                "verdict": line.verdict.lower(),
                "fails": line.fails,
                "reasons": list(line.reasons),
                "metrics": {
                    metric: {
                        "before": change.before,
                        "now": change.now,
                        "change": change.difference,
                        "tolerance": change.tolerance,
                        "verdict": change.verdict.lower(),
                    }
                    for metric, change in line.changes.items()
                },
            }
            for line in judgement.lines
        ],
    }


def as_junit(report: Report) -> bytes:
    """Return JUnit XML: a test case per line, whose class is the category and K, or ``all``."""
    suite = TestSuite(f"metrics of {report.baseline.profile} on {report.baseline.dataset}")
    for mode, why in report.judgement.why.items():
        suite.add_property(mode, _for_xml(why))
    for name, value in report.machine.items():
        suite.add_property(name, _for_xml(value))
    for line in report.judgement.lines:
        place = f"{line.category}.{line.shots}-shot" if line.category else "all"
        case = TestCase(_for_xml(line.method or "all methods"), classname=_for_xml(place), time=0)
        case.system_out = _for_xml(f"{line.mode}: {line.verdict}")
        if line.fails:
            failure = Failure(_for_xml("; ".join(line.reasons)), type_=line.verdict.lower())
            failure.text = _for_xml("\n".join(line.reasons))
            case.result = [failure]
        suite.add_testcase(case)
    document = JUnitXml("regression gate")
    document.add_testsuite(suite)
    document.update_statistics()
    return document.tostring()


def _for_xml(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


def describe_update(before: Baseline | None, after: Baseline) -> str:
    """Return what a new baseline changes: its conditions, and a line per cell that is not as it was."""
    said = [f"baseline of {len(after.outcomes)} cells, {len(after.seeds)} seeds each, {_with_differences(after)}"]
    if before is None:
        return "\n".join([*said, ""])
    for name in dict.fromkeys([*before.machine, *after.machine]):
        was, is_ = before.machine.get(name), after.machine.get(name)
        if was != is_:
            said.append(f"{name}: {was} -> {is_}")
    if before.seeds != after.seeds:
        said.append(f"seeds: {len(before.seeds)} -> {len(after.seeds)}")
    rows = []
    for cell in dict.fromkeys([*before.outcomes, *after.outcomes]):
        if before.outcomes.get(cell) != after.outcomes.get(cell):
            rows.append([cell.category, str(cell.shots), cell.method])
            for metric in METRICS:
                means = [
                    mean_score(scores_of(side.outcomes), [cell], metric, side.seeds) if cell in side.outcomes else None
                    for side in (before, after)
                ]
                rows[-1] += map(_number, means)
    if not rows:
        return "\n".join([*said, "every run came out as before", ""])
    head = ["category", "K", "method", *(word for metric in METRICS for word in (metric.upper(), "now"))]
    return "\n".join([*said, "means over seeds of what changed:", "", _table(head, rows, numbers_from=3)])


def _with_differences(baseline: Baseline) -> str:
    return "with differences to another machine" if baseline.differs else "without differences to another machine"


def describe_assessment(baseline: Baseline, m: int) -> str:
    """Return how often checks of m seeds raise a false alarm, and what they find.

    Raises
    ------
    InputError
        If the baseline has too few seeds for so many.
    """
    scores = scores_of(baseline.outcomes)
    parts = []
    for kind, spread in spreads_of(baseline.outcomes, baseline.differs).items():
        calibration = calibrate(spread, m)
        means = {
            found: mean_score(scores, found.cells, found.metric, baseline.seeds) or 0.0 for found in spread.comparisons
        }
        alarms, losses = count_false_alarms(spread, m), find_losses(spread, calibration, means)
        rows: dict[tuple[str, str, str], list[str]] = {}
        for found in sorted(spread.comparisons, key=lambda found: LEVELS.index(found.level)):
            where = (found.category or "all", str(found.shots or "all"), found.method or "all")
            tolerance, loss = calibration.tolerances[found], losses[found]
            rows.setdefault(where, []).extend(
                [
                    found.metric.upper(),
                    *(f"{value:.4f}" for value in (means[found], tolerance.spread, tolerance.allowed)),
                    "-" if loss is None else f"{loss:.0%}",
                ]
            )
        critical = ", ".join(f"{level} {value:.2f}" for level, value in calibration.critical.items())
        parts += [
            f"checks of {m} seeds, {kind}; a baseline of {spread.seeds}, resampled",
            f"false alarms on unchanged code: {FALSE_ALARMS:.2%} aimed at; "
            + ("not measured, too few seeds" if alarms is None else f"{alarms:.2%} with tolerances from half the seeds")
            + (" and checks of the other half" if alarms is not None else ""),
            f"tolerated, in standard errors: {critical}",
            "",
            _table(
                ["category", "K", "method", *["metric", "mean", "spread", "tolerated", "finds"] * len(METRICS)],
                [[*where, *words] for where, words in rows.items()],
                numbers_from=3,
            ),
        ]
    parts.append(
        f"finds: the smallest loss, as a share of the mean, that {FOUND:.0%} of checks find; - not even a loss of all\n"
    )
    return "\n".join(parts)

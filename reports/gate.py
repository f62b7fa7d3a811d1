"""Reports of the regression gate: a table, JSON, and JUnit XML for CI services."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from junitparser import Failure, JUnitXml, TestCase, TestSuite

from benchmark.atomic import replace_file
from benchmark.gate.assess import FOUND, Assessment
from benchmark.gate.baseline import Baseline
from benchmark.gate.judge import Change, Judgement, Line, Mode
from benchmark.gate.outcomes import MEASURE_LABELS, TERMS, describe_place, mean_score, scores_of
from benchmark.gate.spread import FALSE_ALARMS, Level
from benchmark.score import METRICS
from reports.escapes import for_terminal
from reports.text_tables import text_table


@dataclass(frozen=True)
class Report:
    """A judgement and its context.

    Attributes
    ----------
    judgement : Judgement
    baseline : Baseline
    path : str
        The baseline's file.
    machine : dict
        Hardware and versions of the runs.
    notes : tuple of str
        Further notes.
    """

    judgement: Judgement
    baseline: Baseline
    path: str
    machine: dict[str, str]
    notes: tuple[str, ...] = ()


def as_text(report: Report) -> str:
    """Return tables with a row per comparison, each failure with its reason, and a summary line."""
    judgement = report.judgement
    with_tolerance = any(line.mode is Mode.STATISTICAL for line in judgement.lines)
    columns = ["category", "K", "method", "seeds"]
    for metric in METRICS:
        columns += [metric.upper(), "change", *(["tolerated"] if with_tolerance else [])]
    rows = [[*_where(line), *_numbers(line, with_tolerance), line.verdict] for line in judgement.lines]
    lines = [
        for_terminal(f"{report.baseline.profile} on {report.baseline.dataset}, against {report.path}"),
        *(for_terminal(f"{mode}: {why}") for mode, why in judgement.why.items()),
        *report.notes,
        "",
        _table([*columns, "verdict"], rows),
        *_term_lines(judgement.lines),
    ]
    for line in judgement.lines:
        if line.verdict.fails:
            place = describe_place(line.category, line.method, line.shots)
            lines += [for_terminal(f"{place}: {line.verdict}, {reason}") for reason in line.reasons]
    return "\n".join([*lines, _summary(judgement), ""])


def _term_lines(lines: Sequence[Line]) -> list[str]:
    """Return a table of the training terms of those lines that have any."""
    rows = []
    for line in lines:
        changes = {term: line.changes[term] for term in TERMS if term in line.changes}
        if any(change.before is not None or change.now is not None for change in changes.values()):
            rows.append(_where(line))
            for term in TERMS:
                change = changes.get(term)
                tolerance = change.tolerance if change else None
                rows[-1] += [
                    _number(change.now if change else None),
                    _signed(change),
                    "" if tolerance is None else f"+-{tolerance:.4f}",
                ]
    head = ["category", "K", "method", "seeds"]
    for term in TERMS:
        head += [MEASURE_LABELS[term], "change", "tolerated"]
    return ["means of training terms over the second half:", "", _table(head, rows)] if rows else []


def _summary(judgement: Judgement) -> str:
    counts = Counter(line.verdict for line in judgement.lines)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"{'passed' if judgement.passed else 'FAILED'}: {verdicts}"


def _where(line: Line) -> list[str]:
    return [
        line.category or "all",
        str(line.shots or "all"),
        line.method or "all",
        ",".join(map(str, line.seeds)),
    ]


def _numbers(line: Line, with_tolerance: bool) -> list[str]:
    columns = []
    for metric in METRICS:
        change = line.changes.get(metric)
        columns += [_number(change.now if change else None), _signed(change)]
        if with_tolerance:
            columns.append(f"-{change.tolerance:.4f}" if change and change.tolerance is not None else "")
    return columns


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _signed(change: Change | None) -> str:
    if change is None or change.difference is None:
        return ""
    return f"{change.difference:+.4f}" if change.difference else "0"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first three columns and the verdict are words, the others numbers."""
    return text_table(head, [rows], "".join("l" if i < 3 or name == "verdict" else "r" for i, name in enumerate(head)))


def as_records(report: Report) -> dict[str, Any]:
    """Return everything in plain types, as JSON has it."""
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
                "fails": line.verdict.fails,
                "reasons": list(line.reasons),
                "metrics": {
                    measure: {
                        "before": change.before,
                        "now": change.now,
                        "change": change.difference,
                        "tolerance": change.tolerance,
                        "verdict": change.verdict.lower(),
                    }
                    for measure, change in line.changes.items()
                },
            }
            for line in judgement.lines
        ],
    }


def as_json(report: Report) -> str:
    """Return ``as_records`` as JSON."""
    return json.dumps(as_records(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_junit(report: Report) -> bytes:
    """Return JUnit XML with a test case per comparison; its class name is the category and K, or ``all``."""
    suite = TestSuite(f"metrics of {report.baseline.profile} on {report.baseline.dataset}")
    for mode, why in report.judgement.why.items():
        suite.add_property(mode, _for_xml(why))
    for name, value in report.machine.items():
        suite.add_property(name, _for_xml(value))
    for line in report.judgement.lines:
        place = f"{line.category}.{line.shots}-shot" if line.category else "all"
        case = TestCase(_for_xml(line.method or "all methods"), classname=_for_xml(place), time=0)
        case.system_out = _for_xml(f"{line.mode}: {line.verdict}")
        if line.verdict.fails:
            failure = Failure(_for_xml("; ".join(line.reasons)), type_=line.verdict.lower())
            failure.text = _for_xml("\n".join(line.reasons))
            case.result = [failure]
        suite.add_testcase(case)
    document = JUnitXml("regression gate")
    document.add_testsuite(suite)
    document.update_statistics()
    return bytes(document.tostring())


def _for_xml(text: str) -> str:
    """Return a string without characters that XML does not allow."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


def write_all(report: Report, folder: Path) -> None:
    """Write a report in every format: ``check.txt``, ``check.json`` and ``check.xml``.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    contents = {
        "check.txt": as_text(report).encode(),
        "check.json": as_json(report).encode(),
        "check.xml": as_junit(report),
    }
    for name, content in contents.items():
        with replace_file(folder / name) as temporary:
            temporary.write_bytes(content)


def describe_update(before: Baseline | None, after: Baseline) -> str:
    """Return what a new baseline changes: its conditions, and a row per cell whose runs changed."""
    size = f"baseline of {len(after.outcomes)} cells, {len(after.seeds)} seeds each"
    lines = [f"{size}, {'with' if after.differs else 'without'} differences to another machine"]
    if before is None:
        return "\n".join([*lines, ""])
    for name in dict.fromkeys([*before.machine, *after.machine]):
        old, new = before.machine.get(name), after.machine.get(name)
        if old != new:
            lines.append(f"{name}: {old} -> {new}")
    if before.seeds != after.seeds:
        lines.append(f"seeds: {len(before.seeds)} -> {len(after.seeds)}")
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
        return "\n".join([*lines, "no run changed", ""])
    head = ["category", "K", "method", *(word for metric in METRICS for word in (metric.upper(), "now"))]
    return "\n".join([*lines, "means over seeds of what changed:", "", _table(head, rows)])


def describe_assessments(assessments: Sequence[Assessment], m: int) -> str:
    """Return how often checks of m seeds raise a false alarm, and which losses they detect."""
    parts = []
    for assessment in assessments:
        alarms = "not measured, too few seeds"
        if assessment.false_alarms is not None:
            alarms = f"{assessment.false_alarms:.2%} with tolerances from half the seeds and checks of the other half"
        critical = ", ".join(f"{group} {value:.2f}" for group, value in assessment.calibration.critical.items())
        parts += [
            f"checks of {m} seeds, {assessment.pairing}; a baseline of {assessment.seeds}, resampled",
            f"false alarms on unchanged code: {FALSE_ALARMS:.2%} intended; {alarms}",
            f"tolerated, in standard errors: {critical}",
            "",
            _table(
                ["category", "K", "method", *["metric", "mean", "spread", "tolerated", "detects"] * len(METRICS)],
                _assessment_rows(assessment),
            ),
        ]
    legend = f"detects: the smallest loss, as a share of the mean, that {FOUND:.0%} of checks detect; - if not even all"
    return "\n".join([*parts, f"{legend}\n"])


def _assessment_rows(assessment: Assessment) -> list[list[str]]:
    """Return a row per cell, method and all cells, with the numbers of each metric."""
    levels = list(Level)
    rows: dict[tuple[str, str, int], list[str]] = {}
    metrics = [comparison for comparison in assessment.means if not comparison.two_sided]
    for comparison in sorted(metrics, key=lambda comparison: levels.index(comparison.level)):
        category, method, shots = comparison.place
        row = rows.setdefault(comparison.place, [category or "all", str(shots or "all"), method or "all"])
        tolerance, loss = assessment.calibration.tolerances[comparison], assessment.losses[comparison]
        numbers = (assessment.means[comparison], tolerance.spread, tolerance.allowed)
        row += [
            MEASURE_LABELS[comparison.measure],
            *(f"{value:.4f}" for value in numbers),
            "-" if loss is None else f"{loss:.0%}",
        ]
    return list(rows.values())

"""Reading and writing a baseline: one JSON file, a line per run and per comparison, so that its diffs are readable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from baselines.errors import InputError
from benchmark.atomic import replace_file
from benchmark.gate.baseline import Baseline, Pairing
from benchmark.gate.outcomes import MEASURES, Cell, Outcome, Outcomes, Scores, Terms, describe_place, scores_of
from benchmark.gate.spread import Calibration, Comparison, Group, Tolerance, list_comparisons
from benchmark.protocol.profile import FIELD_NAMES, Protocol, Seed
from benchmark.results.records import Status
from benchmark.schema import SchemaError, decode_versioned, to_builtins
from benchmark.score import Count, Metrics, Share

FORMAT = 3
_REWRITE = "restore it, or write it again with check --update"
_Differences = Annotated[tuple[float | None, ...], Meta(min_length=len(MEASURES), max_length=len(MEASURES))]


class _Critical(Struct, frozen=True, kw_only=True):
    """``Calibration.critical``; a group without comparisons is left out."""

    seeds: Count
    cell: float | UnsetType = UNSET
    method: float | UnsetType = UNSET
    all: float | UnsetType = UNSET
    cell_terms: float | UnsetType = UNSET
    method_terms: float | UnsetType = UNSET
    all_terms: float | UnsetType = UNSET


class _Tolerances(Struct, frozen=True, kw_only=True, rename={"pairing": "for"}):
    """The tolerances of one cell, method or of all cells; a measure that is not compared there is left out."""

    pairing: Pairing
    category: str
    method: str
    shots: Count
    iou: Tolerance | UnsetType = UNSET
    dc: Tolerance | UnsetType = UNSET
    auc: Tolerance | UnsetType = UNSET
    acc: Tolerance | UnsetType = UNSET
    segmentation: Tolerance | UnsetType = UNSET
    nbr: Tolerance | UnsetType = UNSET
    realism: Tolerance | UnsetType = UNSET
    applied: Tolerance | UnsetType = UNSET


class _Run(Struct, frozen=True, kw_only=True):
    """One run; ``differs`` has its difference to another machine for each of ``MEASURES``."""

    category: str
    method: str
    shots: Count
    seed: Seed
    status: Status
    iou: Share | None
    dc: Share | None
    auc: Share | None
    acc: Share | None
    segmentation: float | None
    nbr: float | None
    realism: float | None
    applied: float | None
    differs: _Differences | UnsetType = UNSET
    scored: Count
    defective: Count
    normal: Count
    draw: str
    pixels: str
    id: str

    @property
    def cell(self) -> Cell:
        return Cell(self.category, self.method, self.shots)

    @property
    def outcome(self) -> Outcome:
        metrics = Metrics(self.iou, self.dc, self.auc, self.acc, self.scored, self.defective, self.normal)
        terms = Terms(self.segmentation, self.nbr, self.realism, self.applied)
        return Outcome(self.id, self.status, self.draw, self.pixels, metrics, terms)


class _File(Struct, frozen=True, kw_only=True):
    """The file; attributes as of ``Baseline``, but for the last three."""

    format: Literal[3] = 3
    profile: str
    dataset: str
    code: str
    machine: dict[str, str]
    images: dict[str, str]
    protocols: dict[Count, Protocol]
    elsewhere: dict[str, str]
    critical: dict[Pairing, _Critical]
    tolerances: tuple[_Tolerances, ...]
    runs: Annotated[tuple[_Run, ...], Meta(min_length=1)]


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline, atomically.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    content = to_builtins(
        _File(
            profile=baseline.profile,
            dataset=baseline.dataset,
            code=baseline.code,
            machine=baseline.machine,
            images=baseline.images,
            protocols=baseline.protocols,
            elsewhere=baseline.elsewhere,
            critical={
                pairing: _Critical(seeds=calibration.seeds, **calibration.critical)
                for pairing, calibration in baseline.calibrations.items()
            },
            tolerances=tuple(_tolerance_lines(baseline)),
            runs=tuple(_run_lines(baseline)),
        )
    )
    lists = {name: _one_per_line(content.pop(name)) for name in ("tolerances", "runs")}
    for shots, protocol in content["protocols"].items():
        content["protocols"][shots] = {name: protocol[name] for name in FIELD_NAMES if name in protocol}
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
    tail = "".join(f',\n "{name}": [\n{lines}\n ]' for name, lines in lists.items())
    with replace_file(path) as temporary:
        temporary.write_text(f"{head}{tail}\n}}\n", encoding="utf-8", newline="\n")


def _one_per_line(records: Iterable[dict[str, Any]]) -> str:
    return ",\n".join(f"  {json.dumps(record, ensure_ascii=False, allow_nan=False)}" for record in records)


def _tolerance_lines(baseline: Baseline) -> Iterator[_Tolerances]:
    for pairing, calibration in baseline.calibrations.items():
        by_place: dict[tuple[str, str, int], dict[str, Tolerance]] = {}
        for comparison, tolerance in calibration.tolerances.items():
            rounded = Tolerance(round(tolerance.spread, 6), round(tolerance.allowed, 6))
            by_place.setdefault(comparison.place, {})[comparison.measure] = rounded
        for (category, method, shots), of_measures in by_place.items():
            yield _Tolerances(pairing=pairing, category=category, method=method, shots=shots, **of_measures)


def _run_lines(baseline: Baseline) -> Iterator[_Run]:
    for cell, runs in baseline.outcomes.items():
        for seed, run in sorted(runs.items()):
            differs = baseline.differs[cell][seed] if baseline.differs else None
            yield _Run(
                **cell._asdict(),
                seed=seed,
                status=run.status,
                iou=run.metrics.iou,
                dc=run.metrics.dc,
                auc=run.metrics.auc,
                acc=run.metrics.acc,
                segmentation=run.terms.segmentation,
                nbr=run.terms.nbr,
                realism=run.terms.realism,
                applied=run.terms.applied,
                differs=tuple(differs[measure] for measure in MEASURES) if differs else UNSET,
                scored=run.metrics.scored_images,
                defective=run.metrics.defective_images,
                normal=run.metrics.normal_images,
                draw=run.draw,
                pixels=run.pixels,
                id=run.id,
            )


def read_baseline(path: Path) -> Baseline:
    """Read a baseline that ``write_baseline`` wrote.

    Raises
    ------
    InputError
        If there is no such file, or a field of it is wrong or missing; the field is named.
    """
    try:
        return _to_baseline(decode_versioned(path.read_bytes(), _File, FORMAT))
    except FileNotFoundError:
        raise InputError(f"no baseline at {path}: name one with --baseline, or write it with check --update") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except SchemaError as error:
        raise InputError(f"{path} is not a baseline ({error}): {_REWRITE}") from error


def _to_baseline(file: _File) -> Baseline:
    outcomes: Outcomes = {}
    differs: Scores = {}
    for run in file.runs:
        outcomes.setdefault(run.cell, {})[run.seed] = run.outcome
        if run.differs is not UNSET:
            differs.setdefault(run.cell, {})[run.seed] = dict(zip(MEASURES, run.differs, strict=True))
        if run.shots not in file.protocols:
            raise SchemaError(f"protocols.{run.shots}", "missing")
        if run.category not in file.images:
            raise SchemaError(f"images.{run.category}", "missing")
    scores = {Pairing.OTHER_SEEDS: scores_of(outcomes)} | ({Pairing.SAME_SEEDS: differs} if differs else {})
    return Baseline(
        profile=file.profile,
        dataset=file.dataset,
        protocols=file.protocols,
        images=file.images,
        machine=file.machine,
        code=file.code,
        outcomes=outcomes,
        differs=differs,
        elsewhere=file.elsewhere,
        calibrations={pairing: _to_calibration(file, pairing, list_comparisons(of)) for pairing, of in scores.items()},
    )


def _to_calibration(file: _File, pairing: Pairing, comparisons: Iterable[Comparison]) -> Calibration:
    lines = {(line.category, line.method, line.shots): line for line in file.tolerances if line.pairing is pairing}
    tolerances: dict[Comparison, Tolerance] = {}
    for comparison in comparisons:
        tolerance = getattr(lines.get(comparison.place), comparison.measure, UNSET)
        if tolerance is UNSET:
            place = describe_place(*comparison.place)
            raise SchemaError("tolerances", f"missing for {pairing}, {place}, {comparison.measure}")
        tolerances[comparison] = tolerance
    if pairing not in file.critical:
        raise SchemaError(f"critical.{pairing}", "missing")
    stored = file.critical[pairing]
    critical = {group: value for group in Group if (value := getattr(stored, group)) is not UNSET}
    return Calibration(stored.seeds, critical, tolerances)

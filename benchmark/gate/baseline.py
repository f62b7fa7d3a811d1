"""The committed baseline: what every seed came to, on which machine, and how much lower a check may be.

One JSON file, a line per run and per comparison, so that a change of it reads well as a diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines import InputError
from benchmark.atomic import replace_file
from benchmark.gate.outcomes import Cell, Outcome, Outcomes, Scores, scores_of
from benchmark.gate.spread import (
    LEVELS,
    Calibration,
    Comparison,
    Spread,
    Tolerance,
    calibrate,
    list_comparisons,
    measure_spread,
)
from benchmark.protocol.profile import Protocol
from benchmark.schema import convert, to_builtins
from benchmark.score import METRICS

FORMAT = 1
# With which seeds a check is done: those of the baseline, on another machine, or others.
SAME, OTHER = "same seeds", "other seeds"
_IMAGES = ("scored", "defective", "normal")
_REWRITE = "restore it, or write it again with check --update"


@dataclass(frozen=True)
class Baseline:
    """What runs are held against.

    Attributes
    ----------
    profile, dataset : str
        Names, for people.
    protocols : dict
        Of each K, every profile field that can change a result.
    images : dict
        Of each category the digest of its images.
    machine : dict
        Hardware and versions under which the runs give the same bits, see ``environment.bit_conditions``.
    code : str
        Digest of the code that did the runs.
    outcomes : dict
    differs : dict
        How far each run's metrics are from these on another machine; empty where that was not measured.
    elsewhere : dict
        As ``machine``, of the other one; empty likewise.
    calibrations : dict
        For checks with ``SAME`` seeds (where ``differs`` is known) and with ``OTHER`` seeds.
    """

    profile: str
    dataset: str
    protocols: dict[int, Protocol]
    images: dict[str, str]
    machine: dict[str, str]
    code: str
    outcomes: Outcomes
    differs: Scores
    elsewhere: dict[str, str]
    calibrations: dict[str, Calibration]

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for runs in self.outcomes.values() for seed in runs})

    def calibration(self, seeds: Sequence[int]) -> tuple[str, Calibration]:
        """Return which tolerances hold for a check with some seeds, and these.

        Raises
        ------
        InputError
            If the baseline has too few seeds for so many.
        """
        kind = SAME if self.differs and set(seeds) <= set(self.seeds) else OTHER
        stored = self.calibrations[kind]
        if len(seeds) == stored.seeds:
            return kind, stored
        return kind, calibrate(spreads_of(self.outcomes, self.differs)[kind], len(seeds))


def spreads_of(outcomes: Outcomes, differs: Scores) -> dict[str, Spread]:
    """Return how far checks of unchanged code spread, by the seeds they are done with.

    Raises
    ------
    InputError
        As ``measure_spread``.
    """
    found = {OTHER: measure_spread(scores_of(outcomes))}
    return found | ({SAME: measure_spread(differs, paired=True)} if differs else {})


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline; it is there whole, or as it was.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    parts: dict[str, Any] = {
        "format": FORMAT,
        "profile": baseline.profile,
        "dataset": baseline.dataset,
        "code": baseline.code,
        "machine": baseline.machine,
        "images": baseline.images,
        "protocols": {str(shots): to_builtins(protocol) for shots, protocol in baseline.protocols.items()},
        "elsewhere": baseline.elsewhere,
        "critical": {kind: {"seeds": found.seeds, **found.critical} for kind, found in baseline.calibrations.items()},
    }
    head = json.dumps(parts, indent=1, ensure_ascii=False).removesuffix("\n}")
    tolerances = _lines(
        record for kind, found in baseline.calibrations.items() for record in _tolerance_records(kind, found)
    )
    runs = _lines(_run_records(baseline))
    text = f'{head},\n "tolerances": [\n{tolerances}\n ],\n "runs": [\n{runs}\n ]\n}}\n'
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _lines(records: Iterable[dict[str, Any]]) -> str:
    return ",\n".join(f"  {json.dumps(record, ensure_ascii=False, allow_nan=False)}" for record in records)


def _tolerance_records(kind: str, calibration: Calibration) -> list[dict[str, Any]]:
    """Return one record per thing that is compared; each metric has spread and tolerance."""
    records: dict[tuple[str, str, int], dict[str, Any]] = {}
    for comparison, found in calibration.tolerances.items():
        where = (comparison.category, comparison.method, comparison.shots)
        record = records.setdefault(where, {"for": kind, **dict(zip(Cell._fields, where, strict=True))})
        record[comparison.metric] = [round(found.spread, 6), round(found.allowed, 6)]
    return list(records.values())


def _run_records(baseline: Baseline) -> Iterator[dict[str, Any]]:
    for cell, runs in baseline.outcomes.items():
        for seed, run in sorted(runs.items()):
            record: dict[str, Any] = {**cell._asdict(), "seed": seed, "status": run.status}
            record |= {name: run.metrics[name] for name in METRICS}
            if baseline.differs:
                record["differs"] = [baseline.differs[cell][seed][name] for name in METRICS]
            images = dict(zip(_IMAGES, run.images, strict=True))
            yield record | images | {"draw": run.draw, "pixels": run.pixels, "id": run.id}


def read_baseline(path: Path) -> Baseline:
    """Return what ``write_baseline`` wrote.

    Raises
    ------
    InputError
        If the file is not there, or something in it is not what it should be.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(f"{path} has format {content['format']}, this version reads {FORMAT}: {_REWRITE}")
        outcomes = _read_runs(content["runs"])
        differs = _read_differences(content["runs"])
        for cell in outcomes:
            if str(cell.shots) not in content["protocols"] or cell.category not in content["images"]:
                raise ValueError(
                    f"it has no protocol for K = {cell.shots}, or no digest of the images of {cell.category}"
                )
        return Baseline(
            profile=str(content["profile"]),
            dataset=str(content["dataset"]),
            protocols={int(shots): convert(protocol, Protocol) for shots, protocol in content["protocols"].items()},
            images={str(category): str(digest) for category, digest in content["images"].items()},
            machine={str(name): str(value) for name, value in content["machine"].items()},
            code=str(content["code"]),
            outcomes=outcomes,
            differs=differs,
            elsewhere={str(name): str(value) for name, value in content["elsewhere"].items()},
            calibrations={
                kind: _read_calibration(content, kind, scores)
                for kind, scores in ((OTHER, scores_of(outcomes)), *(((SAME, differs),) if differs else ()))
            },
        )
    except FileNotFoundError:
        raise InputError(f"no baseline at {path}: name one with --baseline, or write it with check --update") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except KeyError as error:
        raise InputError(f"{path} is not a whole baseline, {error} is missing: {_REWRITE}") from error
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise InputError(f"{path} is not a baseline ({error}): {_REWRITE}") from error


def _read_runs(records: list[dict[str, Any]]) -> Outcomes:
    outcomes: Outcomes = {}
    for record in records:
        cell = Cell(str(record["category"]), str(record["method"]), int(record["shots"]))
        scored, defective, normal = (int(record[name]) for name in _IMAGES)
        outcomes.setdefault(cell, {})[int(record["seed"])] = Outcome(
            id=str(record["id"]),
            status=str(record["status"]),
            draw=str(record["draw"]),
            images=(scored, defective, normal),
            pixels=str(record["pixels"]),
            metrics={name: _share(record[name]) for name in METRICS},
        )
    if not outcomes:
        raise ValueError("it holds no runs")
    return outcomes


def _share(value: Any) -> float | None:
    if value is not None and not (type(value) in (int, float) and 0 <= value <= 1):
        raise ValueError(f"a metric is {value!r}, not a number from 0 to 1, or null")
    return value


def _read_differences(records: list[dict[str, Any]]) -> Scores:
    found: Scores = {}
    for record in records:
        if "differs" in record:
            cell = Cell(str(record["category"]), str(record["method"]), int(record["shots"]))
            values = [None if value is None else float(value) for value in record["differs"]]
            found.setdefault(cell, {})[int(record["seed"])] = dict(zip(METRICS, values, strict=True))
    return found


def _read_calibration(content: dict[str, Any], kind: str, scores: Scores) -> Calibration:
    records = {
        (line["category"], line["method"], line["shots"]): line for line in content["tolerances"] if line["for"] == kind
    }
    tolerances: dict[Comparison, Tolerance] = {}
    for comparison in list_comparisons(scores):
        spread, allowed = records[comparison.category, comparison.method, comparison.shots][comparison.metric]
        if not allowed > 0:
            raise ValueError(f"a tolerance is {allowed!r}, not above 0")
        tolerances[comparison] = Tolerance(float(spread), float(allowed))
    critical = {
        level: float(content["critical"][kind][level]) for level in LEVELS if level in content["critical"][kind]
    }
    return Calibration(int(content["critical"][kind]["seeds"]), critical, tolerances)

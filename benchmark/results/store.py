"""The store of runs: one folder per run, written atomically.

RESULTS/runs/ID/run.json         what was run, its metrics, timings and environment
RESULTS/runs/ID/images.csv       one row per test image with its pixel counts
RESULTS/runs/ID/predictions.npz  per image, how often each logit occurs on normal pixels and on each defect region
RESULTS/runs/ID/curve.csv        one row per training iteration
RESULTS/runs/ID/gradients.csv    norms of the gradients of both loss terms per encoder stage
RESULTS/runs/ID/roc.csv          points of the ROC curve over images
RESULTS/runs/ID/samples/*.png    a few inputs, truths and predictions
RESULTS/runs/ID/model.safetensors   the trained network, where it was asked for
RESULTS/failures/ID.json         what was tried and the error; never counted as a result
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import asdict

from baselines.errors import InputError
from benchmark.atomic import check_folder, new_folder, remove_stale_files, replace_file, replace_folder, writable
from benchmark.protocol.runs import RunSpec
from benchmark.results.model_file import MODEL_FILE, KeptModel, ModelDescription, digest_weights, write_model
from benchmark.results.predictions import PREDICTIONS_FILE, write_predictions
from benchmark.results.records import (
    FORMAT,
    DrawRecord,
    Environment,
    FailureRecord,
    RunHeader,
    RunRecord,
    SampleFiles,
    SampleRecord,
    Status,
)
from benchmark.results.run_result import RunResult, Sample
from benchmark.results.upgrade import UPGRADES, upgrade
from benchmark.schema import SchemaError, convert, decode_json, decode_versioned, to_builtins

# How many unreadable runs are named; the others are counted.
MOST_NAMED = 10

R = TypeVar("R", bound=RunHeader)


@dataclass(frozen=True)
class RecordedFailure:
    """The record of a failed run as stored; two are equal if the run was not recorded again in between."""

    content: str

    @property
    def error(self) -> str:
        """The error as one line."""
        try:
            return " ".join(decode_json(self.content, FailureRecord).error.split())
        except SchemaError:
            return "its record under failures/ cannot be read"


class ResultStore:
    """The stored runs below one folder.

    Parameters
    ----------
    root : Path
        Created when the first run is stored.
    with_models : bool
        Whether a run counts as stored only if its trained network was kept. One without is replaced by ``save``.

    Examples
    --------
    >>> ResultStore(Path("results")).has("no-such-run")
    False
    """

    def __init__(self, root: Path, with_models: bool = False) -> None:
        self.root = Path(root)
        self.with_models = with_models
        self.runs = self.root / "runs"
        self.failures = self.root / "failures"

    def has(self, run_id: str) -> bool:
        """Return whether a run is stored, converged or not; with its model, if this store asks for models."""
        files = ["run.json", MODEL_FILE] if self.with_models else ["run.json"]
        return all((self.runs / run_id / name).is_file() for name in files)

    def read_failures(self, specs: Iterable[RunSpec]) -> dict[str, RecordedFailure]:
        """Return the recorded failures of runs that are not stored, by the run's id."""
        recorded = {}
        for spec in specs:
            with suppress(FileNotFoundError):
                text = (self.failures / f"{spec.id}.json").read_text(encoding="utf-8", errors="replace")
                if not self.has(spec.id):
                    recorded[spec.id] = RecordedFailure(text)
        return recorded

    def check(self, ids: Iterable[str]) -> None:
        """Check before any training that runs can be stored, and that those already stored can be read.

        An unreadable run is neither done again nor shown: only its owner can decide to delete it.

        Raises
        ------
        InputError
            If not; nothing is created or removed.
        """
        for folder in (self.runs, self.failures):
            check_folder(folder)
        lines = []
        for run_id in ids:
            try:
                if os.path.lexists(self.runs / run_id):
                    read_run(self.runs / run_id)
            except InputError as error:
                lines.append(str(error))
        if len(lines) > MOST_NAMED:
            lines[MOST_NAMED:] = [f"and {len(lines) - MOST_NAMED} more"]
        if lines:
            raise InputError("; ".join(lines))

    def remove_stale_files(self) -> None:
        """Remove unfinished files of killed processes of this machine."""
        for folder in (self.root, self.runs, self.failures):
            remove_stale_files(folder)

    def save(self, spec: RunSpec, result: RunResult) -> None:
        """Store a finished run, atomically.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        replacing = self.with_models and (self.runs / spec.id).is_dir()
        with (replace_folder if replacing else new_folder)(self.runs / spec.id) as folder:
            result.images.to_csv(folder / "images.csv", index=False)
            result.curve.to_csv(folder / "curve.csv", index=False)
            result.roc.to_csv(folder / "roc.csv", index=False)
            result.gradients.to_csv(folder / "gradients.csv", index=False)
            write_predictions(folder / PREDICTIONS_FILE, result.predictions)
            record = RunRecord(
                **asdict(_header(spec, result.status)),
                metrics=result.metrics,
                convergence=result.convergence,
                liveness=result.liveness,
                terms=result.terms,
                notes=result.notes,
                parameters=result.parameters,
                pretrained=result.pretrained,
                timings=result.timings,
                environment=result.environment,
                created=_now(),
                samples=tuple(_save_samples(folder / "samples", result.samples)),
            )
            if result.model is not None:
                description = _describe(spec, result.model)
                write_model(folder / MODEL_FILE, description, result.model.weights)
            _write_record(folder / "run.json", record)
        if not self.has(spec.id):
            raise InputError(f"cannot write {self.runs / spec.id}: another folder has that name; move it away")
        failure = self.failures / f"{spec.id}.json"
        with writable(failure):
            failure.unlink(missing_ok=True)

    def save_failure(
        self,
        spec: RunSpec,
        error: str,
        traceback: str = "",
        environment: Environment | None = None,
    ) -> None:
        """Record a failed run, atomically; ``run --retry-failed`` tries it again.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        record = FailureRecord(
            **asdict(_header(spec, Status.FAILED)),
            error=error,
            traceback=traceback,
            environment=environment or {},
            created=_now(),
        )
        with replace_file(self.failures / f"{spec.id}.json") as path:
            _write_record(path, record)


def _header(spec: RunSpec, status: Status) -> RunHeader:
    draw = spec.draw
    return RunHeader(
        id=spec.id,
        dataset=spec.dataset,
        profile=spec.profile,
        category=spec.category,
        method=spec.method.name,
        label=spec.method.label,
        shots=spec.shots,
        seed=spec.seed,
        identity=spec.identity,
        protocol=spec.protocol,
        draw=DrawRecord(draw.names, len(draw.normals), len(draw.test), len(draw.unannotated)),
        status=status,
        method_file=spec.method.file.name if spec.method.file else None,
    )


def _describe(spec: RunSpec, model: KeptModel) -> ModelDescription:
    return ModelDescription(
        run=spec.id,
        dataset=spec.dataset,
        label=spec.method.label,
        identity=spec.identity,
        protocol=spec.protocol,
        normalisation=model.normalisation,
        training_threshold=model.training_threshold,
        scored_alone=model.scored_alone,
        weights_sha256=digest_weights(model.weights),
    )


def _save_samples(folder: Path, samples: Iterable[Sample]) -> Iterator[SampleRecord]:
    folder.mkdir()
    for number, sample in enumerate(samples):
        files = {}
        for kind, picture in sample.pictures.items():
            files[kind] = f"{sample.role}_{number:02d}_{kind}.png"
            picture.save(folder / files[kind], optimize=True)
        yield SampleRecord(
            role=sample.role,
            reasons=sample.reasons,
            name=sample.name,
            label=sample.label,
            iou=sample.iou,
            files=SampleFiles(**files),
            realism=sample.realism,
        )


def _write_record(path: Path, record: RunHeader) -> None:
    # Not msgspec's encoder, which silently writes NaN as null.
    text = json.dumps(to_builtins(record), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_run(folder: Path) -> RunRecord:
    """Return the record of a stored run.

    Raises
    ------
    InputError
        If it cannot be read, has another format, or is the record of another run.
    """
    folder = Path(folder)
    return _read_record(
        folder / "run.json", folder.name, RunRecord, f"move the folder {folder} away to do its run again"
    )


def read_failure(path: Path) -> FailureRecord:
    """Return the record of a failed run; raises as ``read_run``."""
    return _read_record(path, path.stem, FailureRecord, "move it away")


def _read_record(path: Path, run_id: str, kind: type[R], advice: str) -> R:
    try:
        record = _decode(path.read_bytes(), kind)
        if record.id != run_id:
            raise SchemaError("id", f"is {record.id}, not {run_id}")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); {advice}") from error
    except SchemaError as error:
        raise InputError(f"{path} cannot be read ({error}); {advice}") from error
    return record


def _decode(content: bytes, kind: type[R]) -> R:
    try:
        return decode_versioned(content, kind, FORMAT)
    except SchemaError:
        plain = decode_json(content, dict[str, Any])
        stated = plain.get("format")
        if type(stated) is not int or stated not in UPGRADES:
            raise
    return convert(upgrade(plain), kind)

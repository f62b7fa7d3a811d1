"""Stored runs: one folder per run, written whole or not at all.

RESULTS/runs/ID/run.json         what was run, its metrics, timings and environment
RESULTS/runs/ID/images.csv       one row per test image with its pixel counts
RESULTS/runs/ID/histograms.npz   per image, how often each probability occurs on normal and defective pixels
RESULTS/runs/ID/curve.csv        one row per training iteration
RESULTS/runs/ID/roc.csv          points of the ROC curve over images
RESULTS/runs/ID/samples/*.png    a few inputs, truths and predictions
RESULTS/failures/ID.json         what was tried and the error; never counted as a result
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from baselines import InputError
from benchmark.atomic import check_folder, new_folder, remove_left_overs, replace_file, writable
from benchmark.data.manifest import digest_of
from benchmark.run_json import FORMAT, check_run_json
from benchmark.runs import RunSpec
from benchmark.samples import Sample

RESULT_COLUMNS = (
    "id", "dataset", "profile", "protocol", "category", "method", "label", "shots", "seed", "status",
    "iou", "dc", "auc", "acc", "scored_images", "defective_images", "normal_images",
    "training_defective_images", "training_normal_images", "training_version", "recipe",
    "batch_size", "data_digest", "train_seconds", "score_seconds", "device", "created", "error",
)  # fmt: skip
# Of runs that cannot be read; the others are counted.
_MOST_NAMED = 10


@dataclass(frozen=True)
class RunResult:
    """What a finished run produced.

    Attributes
    ----------
    status : {"done", "not_converged"}
    metrics : dict
        As ``score.summarise`` returns them.
    images, curve, roc : pd.DataFrame
    histograms : np.ndarray, uint32, shape (images, 2, 256)
    samples : tuple of Sample
    details : dict
        Convergence, timings, environment, notes, parameter count and pretrained weights; JSON-able.
    """

    status: str
    metrics: dict[str, Any]
    images: pd.DataFrame
    curve: pd.DataFrame
    roc: pd.DataFrame
    histograms: np.ndarray
    samples: tuple[Sample, ...]
    details: dict[str, Any] = field(default_factory=dict)


class ResultStore:
    """The stored runs below one folder.

    Parameters
    ----------
    root : Path
        Made when the first run is stored.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.runs = self.root / "runs"
        self.failures = self.root / "failures"

    def has(self, run_id: str) -> bool:
        """Return whether a run is stored, converged or not."""
        return (self.runs / run_id / "run.json").is_file()

    def unreadable(self, ids: Iterable[str]) -> list[str]:
        """Return a line for each of these runs whose place is taken by something that cannot be read as that run.

        Such a run is neither done again nor shown: only who owns the folder can say whether it may go.
        """
        lines = []
        for run_id in ids:
            folder = self.runs / run_id
            try:
                if os.path.lexists(folder):
                    read_run(folder)
            except InputError as error:
                lines.append(str(error))
        return lines

    def check(self, ids: Iterable[str]) -> None:
        """Find out before any training whether runs can be stored, and whether those stored can be read.

        Raises
        ------
        InputError
            If not; nothing is made or removed.
        """
        for folder in (self.runs, self.failures):
            check_folder(folder)
        lines = self.unreadable(ids)
        if len(lines) > _MOST_NAMED:
            lines[_MOST_NAMED:] = [f"and {len(lines) - _MOST_NAMED} more"]
        if lines:
            raise InputError("; ".join(lines))

    def remove_left_overs(self) -> None:
        """Remove what killed processes of this machine left half-written."""
        for folder in (self.runs, self.failures):
            remove_left_overs(folder)

    def save(self, spec: RunSpec, result: RunResult) -> None:
        """Store a finished run; it is there whole, or not at all.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with new_folder(self.runs / spec.id) as folder:
            result.images.to_csv(folder / "images.csv", index=False)
            result.curve.to_csv(folder / "curve.csv", index=False)
            result.roc.to_csv(folder / "roc.csv", index=False)
            np.savez_compressed(folder / "histograms.npz", histograms=result.histograms)
            content = _describe(spec) | {
                "status": result.status,
                "metrics": result.metrics,
                **result.details,
                "samples": _save_samples(folder / "samples", result.samples),
            }
            _write_json(folder / "run.json", content)
        if not self.has(spec.id):
            raise InputError(
                f"cannot write {self.runs / spec.id}: another folder of that name came in the way; move it away"
            )
        failure = self.failures / f"{spec.id}.json"
        with writable(failure):
            failure.unlink(missing_ok=True)

    def save_failure(self, spec: RunSpec, error: str, details: dict[str, Any]) -> None:
        """Record that a run failed; ``run --retry-failed`` tries it again.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with replace_file(self.failures / f"{spec.id}.json") as path:
            _write_json(path, _describe(spec) | {"status": "failed", "error": error, **details})


def _describe(spec: RunSpec) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": spec.id,
        "dataset": spec.dataset,
        "profile": spec.profile,
        "category": spec.category,
        "method": spec.method.name,
        "label": spec.method.label,
        "shots": spec.shots,
        "seed": spec.seed,
        "identity": spec.identity(),
        "draw": {
            "shots": spec.draw.names,
            "normals": len(spec.draw.normals),
            "test": len(spec.draw.test),
            "unannotated": len(spec.draw.unannotated),
        },
    }


def _save_samples(folder: Path, samples: Iterable[Sample]) -> list[dict[str, Any]]:
    folder.mkdir()
    listed = []
    for number, sample in enumerate(samples):
        files = {}
        for kind, picture in sample.pictures.items():
            files[kind] = f"{sample.role}_{number:02d}_{kind}.png"
            picture.save(folder / files[kind], optimize=True)
        listed.append(
            {
                "role": sample.role,
                "reasons": sample.reasons,
                "name": sample.name,
                "label": sample.label,
                "iou": sample.iou,
                "realism": sample.realism,
                "files": files,
            }
        )
    return listed


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_run(folder: Path) -> dict[str, Any]:
    """Return a stored run's ``run.json``, checked by ``check_run_json``.

    Raises
    ------
    InputError
        If it cannot be read, was written in another format, or is another run's.
    """
    folder = Path(folder)
    return _read_json(folder / "run.json", folder.name, f"move the folder {folder} away to do its run again")


def _read_failure(path: Path) -> dict[str, Any]:
    return _read_json(path, path.stem, "move it away")


def _read_json(path: Path, run_id: str, advice: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
        check_run_json(content, finished=path.name == "run.json")
        if content["id"] != run_id:
            raise ValueError(f"it is of run {content['id']}")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); {advice}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); {advice}") from error
    return content


def load_results(root: str | Path = "results") -> pd.DataFrame:
    """Return one row per stored run, failures included.

    Parameters
    ----------
    root : str or Path
        What ``--results`` named.

    Returns
    -------
    pd.DataFrame
        Columns ``RESULT_COLUMNS``: ``status`` is one of ``done``, ``not_converged``, ``failed``; ``iou, dc, auc,
        acc`` are in [0, 1], NaN where there is none; ``protocol`` is the same for runs that may be compared;
        ``recipe`` is the network and how it was trained, as JSON, the same text for the same recipe.
        Sorted by data set, protocol, category, shots, method, seed. Runs that cannot be read are left out with a
        warning that names them.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    rows, unreadable = read_stored(root, _row)  # what is in no row is not kept: thousands of runs would fill memory
    warn_unreadable(unreadable, root)
    return _table(rows)


def read_stored(
    root: str | Path, keep: Callable[[dict[str, Any]], dict[str, Any]] = lambda content: content
) -> tuple[list[dict[str, Any]], list[str]]:
    """Read each stored run and each failure once.

    Parameters
    ----------
    keep : callable
        What is kept of a ``run.json``; all of it unless told.

    Returns
    -------
    list of dict
        What is kept of each, failures included.
    list of str
        A line for each that cannot be read.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"no results in {root}: run something first, or name the folder with --results")
    contents, unreadable = [], []
    for path, read in _stored(root):
        try:
            contents.append(keep(read(path)))
        except InputError as error:
            unreadable.append(str(error))
    return contents, unreadable


def warn_unreadable(lines: list[str], root: str | Path) -> None:
    """Warn of runs that cannot be read, the first of them by name."""
    for line in lines[:_MOST_NAMED]:
        warnings.warn(line, stacklevel=3)
    if len(lines) > _MOST_NAMED:
        warnings.warn(f"{len(lines) - _MOST_NAMED} more runs in {root} cannot be read", stacklevel=3)


def results_table(contents: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return what ``load_results`` does, from runs that have been read."""
    return _table([_row(content) for content in contents])


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    numbers = ["iou", "dc", "auc", "acc", "train_seconds", "score_seconds"]
    table[numbers] = table[numbers].astype("float64")
    order = ["dataset", "protocol", "category", "shots", "method", "seed"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _stored(root: Path) -> Iterator[tuple[Path, Callable[[Path], dict[str, Any]]]]:
    """Give what should be a run's folder, or a failure's file, with its reader; loose files in runs/ are not ours."""
    folders = [path for path in _listed(root / "runs") if path.is_dir()]
    yield from ((folder, read_run) for folder in folders)
    stored = {folder.name for folder in folders}
    for path in _listed(root / "failures"):
        if path.suffix == ".json" and path.stem not in stored:  # done since, by somebody who was killed right then
            yield path, _read_failure


def _listed(folder: Path) -> list[Path]:
    """Return what is in a folder, by name, without what is still being written; nothing if there is no folder."""
    if not folder.exists():
        return []
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    except OSError as error:
        raise InputError(f"no results in {folder}: {error.strerror or error}") from error


def _row(run: dict[str, Any]) -> dict[str, Any]:
    identity = run["identity"]
    # K decides the batch size, so the two halves of one protocol differ in it.
    comparable = {key: value for key, value in identity["protocol"].items() if key != "batch_size"}
    values = {column: run.get(column) for column in RESULT_COLUMNS}
    return values | {
        **run.get("metrics", {}),
        **run.get("timings", {}),
        "protocol": digest_of([identity["training_version"], comparable])[:12],
        "training_version": identity["training_version"],
        "recipe": json.dumps({"network": identity["network"], **identity["recipe"]}, sort_keys=True),
        "training_defective_images": len(run["draw"]["shots"]),
        "training_normal_images": run["draw"]["normals"],
        "batch_size": identity["protocol"]["batch_size"],
        "data_digest": identity["data_digest"],
        "device": run.get("environment", {}).get("device"),
    }

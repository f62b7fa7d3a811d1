"""The table of results: one row per stored run, and reading all records of a results folder."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from baselines.errors import InputError
from benchmark.data.manifest import digest_of
from benchmark.protocol.draws import draw_seed
from benchmark.protocol.identity import Identity
from benchmark.protocol.profile import BUILT_IN, Protocol, load_profile
from benchmark.results.records import FailureRecord, RunRecord
from benchmark.results.store import MOST_NAMED, read_failure, read_run
from benchmark.schema import to_builtins
from benchmark.score import METRICS

RESULT_COLUMNS = (
    "id", "dataset", "profile", "protocol", "category", "method", "label", "shots", "seed", "draw_seed",
    "status",
    "iou", "dc", "auc", "acc", "scored_images", "defective_images", "normal_images",
    "training_defective_images", "training_normal_images", "training_version", "recipe", "asked", "settings", "changes",
    "batch_size", "data_digest", "train_seconds", "score_seconds", "device", "created", "error",
)  # fmt: skip
_NUMBERS = [*METRICS, "train_seconds", "score_seconds"]
# Fields in which runs of one table may differ.
_NOT_COMPARED = ("batch_size", "curve_every")
_ORDER = ["dataset", "protocol", "category", "shots", "method", "seed"]  # of one protocol, a seed has one draw


def load_results(root: str | Path = "results") -> pd.DataFrame:
    """Return one row per stored run, failures included.

    Parameters
    ----------
    root : str or Path
        The results folder.

    Returns
    -------
    pd.DataFrame
        Columns ``RESULT_COLUMNS``: ``status`` is one of ``done``, ``not_converged``, ``failed``; ``iou, dc, auc,
        acc`` are in [0, 1], NaN where undefined; ``recipe`` is the network, from which files it and its encoder's
        weights are, and how it was trained, as JSON;
        ``asked`` has the settings of the run's protocol and ``settings`` those of them that it read, as JSON;
        ``protocol`` is the digest of ``asked``: equal for runs that may be compared, but a run may also be compared
        with those of another protocol that has all its ``settings`` and trains its ``seed`` on the same ``draw_seed``,
        the seed whose draw it trained on; ``changes`` names the settings that differ from
        the built-in profile of that name. Sorted by data set, protocol, category, shots, method, seed. Unreadable runs
        are left out, with a warning that names them.

    Raises
    ------
    InputError
        If the folder does not exist.

    Examples
    --------
    >>> load_results("results")[["category", "method", "iou"]]  # doctest: +SKIP
    """
    unreadable: list[str] = []
    table = _table(map(_row, iterate_records(root, unreadable)))  # one record in memory at a time
    warn_unreadable(unreadable, root)
    return table


def results_table(records: Iterable[RunRecord | FailureRecord]) -> pd.DataFrame:
    """Return the table of ``load_results`` from records already read."""
    return _table(map(_row, records))


def iterate_records(root: str | Path, unreadable: list[str]) -> Iterator[RunRecord | FailureRecord]:
    """Yield the record of each stored run and of each failure.

    Parameters
    ----------
    unreadable : list of str
        Receives a line for each record that cannot be read.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"no results in {root}: run something first, or name the folder with --results")
    stored = set()
    for path in _listed(root / "runs"):
        if not path.is_dir():  # a foreign file
            continue
        stored.add(path.name)
        try:
            yield read_run(path)
        except InputError as error:
            unreadable.append(str(error))
    for path in _listed(root / "failures"):
        if path.suffix != ".json" or path.stem in stored:  # retried by a process that was killed before removing it
            continue
        try:
            yield read_failure(path)
        except InputError as error:
            unreadable.append(str(error))


def warn_unreadable(lines: list[str], root: str | Path) -> None:
    """Warn of unreadable runs; the first of them are named."""
    for line in lines[:MOST_NAMED]:
        warnings.warn(line, stacklevel=3)
    if len(lines) > MOST_NAMED:
        warnings.warn(f"{len(lines) - MOST_NAMED} more runs in {root} cannot be read", stacklevel=3)


def _table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=list(RESULT_COLUMNS))
    table[_NUMBERS] = table[_NUMBERS].astype("float64")
    return table.sort_values(_ORDER, kind="stable", ignore_index=True)


def _listed(folder: Path) -> list[Path]:
    """Return the content of a folder by name, without unfinished files; empty if it does not exist."""
    if not folder.exists():
        return []
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    except OSError as error:
        raise InputError(f"no results in {folder}: {error.strerror or error}") from error


@lru_cache(maxsize=64)  # thousands of runs share a few protocols
def asked_settings(protocol: Protocol) -> str:
    """Return, as JSON, the fields that runs of one table have in common, as far as they read them.

    Examples
    --------
    >>> protocol = Protocol(batch_size=2, width=0.5)
    >>> asked_settings(protocol) == asked_settings(msgspec.structs.replace(protocol, batch_size=4, curve_every=1))
    True
    """
    return _as_json({name: value for name, value in to_builtins(protocol).items() if name not in _NOT_COMPARED})


def _settings(identity: Identity, protocol: Protocol) -> str:
    """Return the fields of ``asked_settings`` that a run read, and what its K counts; ``draw_seed`` is apart."""
    read = {name: value for name, value in identity.settings.items() if name not in _NOT_COMPARED}
    read["shots_per"] = protocol.shots_per
    return _as_json(read)


def _as_json(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


@lru_cache(maxsize=64)
def _changes(name: str, protocol: Protocol) -> str:
    """Return the compared settings that differ from a built-in profile: ``image_size=128, width=0.25``."""
    if name not in BUILT_IN:
        return ""
    built_in = load_profile(name)
    changed = [
        f"{field}={value}"
        for field, value in to_builtins(protocol).items()
        if field not in _NOT_COMPARED and value != getattr(built_in, field)
    ]
    return ", ".join(changed)


def _recipe(identity: Identity) -> str:
    """Return what a method's name stood for in a run."""
    digests = {"file": identity.file_digest, "weights_file": identity.weights_digest}
    files = {name: digest[:12] for name, digest in digests.items() if digest}
    return _as_json({"network": identity.network, **identity.recipe, **files})


def _row(record: RunRecord | FailureRecord) -> dict[str, Any]:
    identity = record.identity
    row: dict[str, Any] = {column: getattr(record, column, None) for column in RESULT_COLUMNS}
    if isinstance(record, RunRecord):
        row |= msgspec.structs.asdict(record.metrics) | msgspec.structs.asdict(record.timings)
    return row | {
        "status": record.status.value,
        "protocol": digest_of([identity.training_version, asked := asked_settings(record.protocol)])[:12],
        "draw_seed": draw_seed(record.protocol.draws, record.seed),
        "asked": asked,
        "settings": _settings(identity, record.protocol),
        "changes": _changes(record.profile, record.protocol),
        "training_version": identity.training_version,
        "recipe": _recipe(identity),
        "training_defective_images": len(record.draw.shots),
        "training_normal_images": record.draw.normals,
        "batch_size": record.protocol.batch_size,
        "data_digest": identity.data_digest,
        "device": record.environment.get("device"),
    }

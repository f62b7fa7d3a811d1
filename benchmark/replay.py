"""Train a stored run again here and compare: is the result that was stored the one that its record describes?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from baselines.errors import InputError, unknown_name
from baselines.weights_files import identify_weights_file
from benchmark.data.datasets import DataSet
from benchmark.environment import bit_conditions
from benchmark.gate.outcomes import (
    MEASURE_LABELS,
    MEASURES,
    Cell,
    Measure,
    Outcome,
    Terms,
    read_outcomes,
    scores_of,
)
from benchmark.gate.spread import Comparison, calibrate, measure_spread
from benchmark.protocol.identity import TRAINING_VERSION, Identity
from benchmark.protocol.profile import Profile, Protocol
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.records import RunRecord
from benchmark.results.store import read_run
from benchmark.results.stored_run import StoredRun
from benchmark.results.table import iterate_records
from benchmark.schema import to_builtins
from benchmark.score import summarise

# Metrics are sums over images, which other versions of libraries may add in another order.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Compared:
    """One measure of a run, as stored and as trained here.

    Attributes
    ----------
    stored, here : float or None
        None where undefined.
    tolerance : float or None
        How far apart they may be; None where every bit must be the same, and for a measure that some stored seed
        lacks, which is not judged.
    """

    stored: float | None
    here: float | None
    tolerance: float | None

    @property
    def beyond(self) -> bool:
        """Whether they differ by more than the tolerance, if there is one."""
        if self.tolerance is None:
            return False
        return self.stored is None or self.here is None or abs(self.here - self.stored) > self.tolerance


@dataclass(frozen=True)
class Replay:
    """The comparison of a stored run with the same run trained here.

    Attributes
    ----------
    record : RunRecord
        Of the stored run.
    reason : str
        Why the two disagree although nothing was trained; "" if it was.
    identical : bool
        Whether status, metrics, training terms and the pixel counts of every test image are the same to the bit.
    same_images, images : int
        Test images with the same pixel counts, and all of them.
    differing : dict
        What differs between the two machines and codes, as (stored, here); anything may then round differently.
    measures : dict
        Metrics and training terms.
    """

    record: RunRecord
    reason: str = ""
    identical: bool = False
    same_images: int = 0
    images: int = 0
    differing: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    measures: Mapping[Measure, Compared] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether the stored result stands."""
        if self.identical:
            return True
        return not self.reason and bool(self.differing) and not any(each.beyond for each in self.measures.values())


def choose_run(results: Path, run_id: str | None, choose: Callable[[Sequence[str]], str] | None) -> RunRecord:
    """Return the record of the run to replay.

    Parameters
    ----------
    run_id : str or None
        None for the only run there is, or the one that ``choose`` returns of all ids.

    Raises
    ------
    InputError
        If there is no such run, it cannot be read, or there are several and none is chosen.
    """
    runs = results / "runs"
    ids = sorted(path.parent.name for path in runs.glob("[!.]*/run.json"))
    if not ids:
        raise InputError(f"no results in {results}: give the folder that run wrote")
    if run_id is None and choose is not None:
        run_id = choose(ids)
    if run_id is None and len(ids) > 1:
        raise InputError(f"{results} has {len(ids)} runs: name one with --run ID, or take any with --random")
    if run_id is not None and run_id not in ids:
        raise unknown_name(f"run in {results}", run_id, ids)
    return read_run(runs / (run_id or ids[0]))


def profile_of(record: RunRecord, weights_dir: Path | None = None) -> Profile:
    """Return a profile under which the run is trained again.

    Parameters
    ----------
    weights_dir : Path, optional
        The folder of the file of encoder weights from which it started, if that was one of the user's.

    Raises
    ------
    InputError
        If it started from such a file, and the folder is not given or has another one or none.
    """
    settings = to_builtins(record.protocol)
    batch_size = settings.pop("batch_size")
    files = {}
    if digest := record.identity.weights_digest:
        name = (record.pretrained or {}).get("file", "")
        started = f"run {record.id} started from the weights file {name} (SHA-256 {digest[:12]})"
        if weights_dir is None:
            raise InputError(f"{started}: give its folder, --weights-dir DIR")
        file = identify_weights_file(weights_dir / name)
        if file.sha256 != digest:
            raise InputError(f"{started}, and {file.path} is another one (SHA-256 {file.sha256[:12]})")
        files = {record.identity.network: str(file.path)}
    return Profile(name=record.profile, batch_size={"any": batch_size}, weights_files=files, **settings)


def replay(
    record: RunRecord,
    profile: Profile,
    results: Path,
    dataset: DataSet,
    train: Callable[[Sequence[RunSpec], DataSet, Path], None],
) -> Replay:
    """Train a stored run again and compare.

    Parameters
    ----------
    record : RunRecord
    profile : Profile
        As ``profile_of`` returns it.
    results : Path
        Where it is stored; its other seeds give the tolerances, if they are needed.
    dataset : DataSet
        The images it was trained on.
    train : callable
        Trains runs and stores them in a folder: a ``StudyRunner`` with that profile.

    Raises
    ------
    InputError
        If the images or the definition of the run are others here, it cannot be trained, or the two differ and it
        cannot be judged whether that is due to other versions or hardware.
    """
    spec = _spec(record, profile, dataset, [record.seed])[0]
    if spec.identity.draw_digest != record.identity.draw_digest:
        return Replay(record, "its protocol draws other training images from this data than it was trained on")
    _check_identity(record, spec.identity)
    if reason := _contradiction(record, StoredRun(results / "runs" / record.id).images):
        return Replay(record, reason)
    if spec.id != record.id:
        raise InputError(f"run {record.id} has the id of another run: its own is {spec.id}")
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        train([spec], dataset, Path(folder))
        return _compare(record, profile, results, spec, Path(folder), dataset)


def _spec(record: RunRecord, profile: Profile, dataset: DataSet, seeds: Sequence[int]) -> list[RunSpec]:
    """Return runs of the record's category, method and K under its protocol; InputError if that is not possible."""
    stored = record.identity
    if stored.training_version != TRAINING_VERSION:
        raise InputError(
            f"run {record.id} was trained by version {stored.training_version} of training, and this is version "
            f"{TRAINING_VERSION}: replay it with the release that stored it"
        )
    if (digest := dataset.manifest(record.category).digest) != stored.data_digest:
        raise InputError(
            f"the images of category {record.category} in {dataset.name} (SHA-256 {digest[:12]}) are not those of run "
            f"{record.id} ({stored.data_digest[:12]}): give the folder it was trained on with --data-root"
        )
    if stored.file_digest:
        raise InputError(
            f"run {record.id} cannot be replayed: its method was registered by the file {record.method_file} (SHA-256 "
            f"{stored.file_digest[:12]}), which cannot be given here; run it again with --method FILE.py and another "
            "--results"
        )
    selection = Selection([record.method], [record.category], [record.shots], seeds)
    return select_runs(dataset, profile, [selection])


def _check_identity(record: RunRecord, here: Identity) -> None:
    """Refuse a run whose method or settings mean something else here."""
    ours, theirs = to_builtins(here), to_builtins(record.identity)
    for name in (name for name in ours if ours[name] != theirs[name]):
        pairs = {name: (theirs[name], ours[name])}
        if isinstance(ours[name], dict):
            pairs = {key: (theirs[name].get(key), ours[name].get(key)) for key in ours[name] | theirs[name]}
        field_name, (stored, now) = next((key, pair) for key, pair in pairs.items() if pair[0] != pair[1])
        raise InputError(
            f"run {record.id} cannot be replayed: its {name} has {field_name} = {stored!r}, here it is {now!r}"
        )


def _contradiction(record: RunRecord, images: pd.DataFrame) -> str:
    """Return which metric of a record is not that of its own pixel counts; "" if none."""
    for name, counted in summarise(images).by_name().items():
        stored = record.metrics.by_name()[name]
        if (stored is None) != (counted is None) or abs((stored or 0.0) - (counted or 0.0)) > _ROUNDING:
            return f"the {name.upper()} in its run.json is {stored}, by the pixel counts in its images.csv {counted}"
    return ""


def _compare(
    record: RunRecord, profile: Profile, results: Path, spec: RunSpec, folder: Path, dataset: DataSet
) -> Replay:
    cell = Cell(record.category, record.method, record.shots)
    here = read_outcomes(folder, [spec])
    if reason := here.missing.get((cell, spec.seed)):
        raise InputError(f"run {record.id} cannot be trained here: it {reason}")
    stored, now = read_outcomes(results, [spec]).outcomes[cell][spec.seed], here.outcomes[cell][spec.seed]
    again = StoredRun(folder / "runs" / spec.id)
    if stored.terms == Terms():  # stored before runs had them
        now = replace(now, terms=Terms())
    identical = stored == now
    differing = _differing(record, again.record)
    tolerances = {}
    if differing and not identical:
        try:
            tolerances = _tolerances(record, profile, results, dataset)
        except InputError as error:
            numbers = ", ".join(
                f"{MEASURE_LABELS[name]} {each.here:.4f} instead of {each.stored:.4f}"
                for name, each in _measures(stored, now, {}).items()
                if each.here is not None and each.stored is not None
            )
            raise InputError(
                f"run {record.id} came out differently here ({numbers}), which other {', '.join(differing)} may "
                f"explain; {error}"
            ) from error
    counts = [StoredRun(results / "runs" / spec.id).images, again.images]
    same = (counts[0].reset_index(drop=True) == counts[1].reset_index(drop=True)).all(axis=1)
    return Replay(
        record=record,
        identical=identical,
        same_images=int(same.sum()),
        images=len(same),
        differing=differing,
        measures=_measures(stored, now, tolerances),
    )


def _differing(stored: RunRecord, here: RunRecord) -> dict[str, tuple[str, str]]:
    """Return hardware, versions and code that differ."""
    before, now = (
        bit_conditions(record.environment) | {"code": str(record.environment.get("code", "unknown"))}
        for record in (stored, here)
    )
    return {
        name: (before.get(name, "unknown"), now.get(name, "unknown"))
        for name in before | now
        if before.get(name) != now.get(name)
    }


def _measures(stored: Outcome, here: Outcome, tolerances: Mapping[Measure, float]) -> dict[Measure, Compared]:
    before, now = stored.by_name(), here.by_name()
    return {
        name: Compared(before[name], now[name], tolerances.get(name))
        for name in MEASURES
        if before[name] is not None or now[name] is not None
    }


def _tolerances(record: RunRecord, profile: Profile, results: Path, dataset: DataSet) -> dict[Measure, float]:
    """Return the gate's tolerances for a check of one seed, from the other stored seeds of the same runs.

    The run itself has no part in them: a wrong number would widen its own tolerance.

    Raises
    ------
    InputError
        If there are too few.
    """
    seeds = sorted(
        other.seed
        for other in iterate_records(results, [])
        if isinstance(other, RunRecord) and other.id != record.id and _comparable(other) == _comparable(record)
    )
    cell = Cell(record.category, record.method, record.shots)
    try:
        spread = measure_spread(scores_of(read_outcomes(results, _spec(record, profile, dataset, seeds)).outcomes))
        tolerances = calibrate(spread, 1).tolerances
    except InputError as error:
        raise InputError(f"to judge that by tolerances, {results} needs other seeds of it ({error})") from error
    return {
        name: tolerances[comparison].allowed
        for name in MEASURES
        if (comparison := Comparison(name, (cell,), *cell)) in tolerances
    }


def _comparable(record: RunRecord) -> tuple[str, str, int, Protocol, str, str | None]:
    identity = record.identity
    return record.category, record.method, record.shots, record.protocol, identity.data_digest, identity.weights_digest

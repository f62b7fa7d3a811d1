"""Corrupted results: one clear line each, the rest is shown, nothing is deleted."""

from __future__ import annotations

import copy
import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.results.predictions import to_arrays
from benchmark.results.store import ResultStore
from benchmark.results.stored_run import StoredRun
from benchmark.results.table import load_results
from reports.html import write_report
from tests.conftest import TINY
from tests.factories import make_result, make_spec, store_run


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit(path: Path, **changes: object) -> None:
    """Change fields of a record; ``metrics__iou`` is the field ``iou`` of ``metrics``."""
    content = json.loads(path.read_text())
    for name, value in changes.items():
        *above, last = name.split("__")
        holder = content
        for key in above:
            holder = holder[key]
        holder[last] = value
    path.write_text(json.dumps(content))


# What is done to a run.json, and what of it the error names.
CORRUPTIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:300]), "truncated"),
    "empty": (lambda path: path.write_text(""), "truncated"),
    "not JSON": (lambda path: path.write_text("<html>"), "malformed"),
    "not text": (lambda path: path.write_bytes(b"{\xff\x80}"), "malformed"),
    "nested without end": (lambda path: path.write_text("[" * 100_000), "expected object"),
    "not an object": (lambda path: path.write_text("[1]"), "expected object"),
    "a field missing": (lambda path: edit(path, identity={}), r"identity\.training_version: missing"),
    "a wrong type": (lambda path: edit(path, shots="one"), "shots: expected int, got str"),
    "an unknown status": (lambda path: edit(path, status="perhaps"), "status: .*'perhaps'"),
    "the status of a failure": (lambda path: edit(path, status="failed"), "status is 'failed'"),
    "a metric in percent": (lambda path: edit(path, metrics__iou=55.2), r"metrics\.iou: expected float <= 1"),
    "a metric in words": (lambda path: edit(path, metrics__dc="high"), r"metrics\.dc: .* got str"),
    "a metric that is NaN": (lambda path: edit(path, metrics__auc=float("nan")), "malformed"),
    "a count below zero": (lambda path: edit(path, metrics__scored_images=-1), r"metrics\.scored_images: expected int"),
    "an unknown setting": (
        lambda path: edit(path, protocol__dropout=0.5),
        r"protocol\.dropout: unknown field",
    ),
    "a sample of another kind": (lambda path: edit(path, samples=[{"role": "pet"}]), r"samples\[0\]\.role: .*'pet'"),
    "a test sample without prediction": (
        lambda path: edit(path, samples=[json.loads(path.read_text())["samples"][0] | {"role": "test"}]),
        r"samples\[0\]: files\.prediction",
    ),
    "another format": (lambda path: edit(path, format=0, shots=None), "format: is 0, this version reads 3"),
    "format 1 without protocol": (lambda path: edit(path, format=1), r"identity: is not that of a run .*'protocol'"),
    "format 1 with an unknown setting": (
        lambda path: edit(path, format=1, identity__protocol={"batch_size": 2, "dropout": 0.5}),
        r"identity\.protocol\.dropout: unknown field",
    ),
    "format 1 with a list for its protocol": (
        lambda path: edit(path, format=1, identity__protocol=[2]),
        "identity\\.protocol: expected object, got array",
    ),
    "a copy of another run": (lambda path: edit(path, id="wood_unet"), "id: .*wood_unet"),
    "no run.json": (lambda path: path.unlink(), "No such file"),
    "a folder for run.json": (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
}


def test_a_corrupted_run_is_named_and_left_alone_and_the_others_load(tmp_path: Path) -> None:
    store_run(tmp_path, seed=0)
    corrupted = {}
    for seed, (corrupt, named) in enumerate(CORRUPTIONS.values(), start=1):
        corrupted[store_run(tmp_path, seed=seed).id] = named
        corrupt(tmp_path / "runs" / list(corrupted)[-1] / "run.json")
    before = content_of(tmp_path)
    store = ResultStore(tmp_path)
    store.check([make_spec(seed=0).id])
    for run_id, named in corrupted.items():
        folder = re.escape(str(tmp_path / "runs" / run_id))
        line = rf"{folder}/run\.json cannot be read \(.*{named}.*\); move the folder {folder} away to do its run again"
        with pytest.raises(InputError) as refusal:
            store.check([run_id])
        assert re.fullmatch(line, str(refusal.value))
    with pytest.warns(UserWarning, match="cannot be read") as warned:
        assert load_results(tmp_path)["seed"].tolist() == [0]
    named_runs = [run_id for run_id in corrupted if any(run_id in str(warning.message) for warning in warned)]
    assert len(named_runs) == 10
    assert str(warned[-1].message).startswith(f"{len(corrupted) - 10} more runs in {tmp_path} ")
    with pytest.raises(InputError, match=rf"; and {len(corrupted) - 10} more$"):
        store.check(corrupted)
    with pytest.warns(UserWarning, match="cannot be read"):
        write_report(tmp_path, path=tmp_path.with_suffix(".html"))
    assert content_of(tmp_path) == before


def places(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value within a JSON value."""
    if above:
        yield above
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, *above, key)


WRONG_VALUES = (None, True, "x", -1, 1e308, 10**400, [], {}, [[]], {"x": {}})


def test_tables_and_report_are_written_whatever_a_run_json_holds(tmp_path: Path) -> None:
    """Each field of run.json in turn is removed, and holds every other one of several wrong values."""
    made = store_run(tmp_path)
    original = tmp_path / "runs" / made.id
    content = json.loads((original / "run.json").read_text())
    all_places = list(places(content))
    assert len(all_places) > 90
    variants = 0
    for number, place in enumerate(all_places):
        for value in (..., *WRONG_VALUES[number % 2 :: 2]):
            changed = copy.deepcopy(content)
            changed["id"] = name = f"variant_{variants:05d}"
            changed["seed"] = variants + 1
            holder = changed
            for key in place[:-1]:
                holder = holder[key]
            if value is ...:
                del holder[place[-1]]
            else:
                holder[place[-1]] = value
            (tmp_path / "runs" / name).mkdir()
            (tmp_path / "runs" / name / "run.json").write_text(json.dumps(changed))
            variants += 1
    shutil.copytree(original / "samples", tmp_path / "runs" / "variant_00000" / "samples")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = load_results(tmp_path)
        write_report(tmp_path)
    assert 1 < len(table) < variants
    assert table["iou"].between(0, 1).sum() + table["iou"].isna().sum() == len(table)
    lines = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    assert len(lines) == 2 * (10 + 1) + 2
    for line, what in zip(lines[-2:], ("files", "sample pictures"), strict=True):
        assert re.match(rf"the report .*\d+ {what}", line)
    assert re.fullmatch(r"\d+ more runs in .* cannot be read", lines[10])
    assert made.id in table["id"].tolist()


def test_a_corrupted_failure_is_named_and_tried_again(tmp_path: Path) -> None:
    store_run(tmp_path, seed=0)
    failed = store_run(tmp_path, seed=1, status="failed")
    path = tmp_path / "failures" / f"{failed.id}.json"
    edit(path, status="done")
    with pytest.warns(UserWarning, match=rf"{path} cannot be read \(status is 'done'\)"):
        assert load_results(tmp_path)["seed"].tolist() == [0]
    store = ResultStore(tmp_path)
    store.check([failed.id])
    assert not store.has(failed.id)
    path.write_bytes(path.read_bytes()[:40])
    assert store.read_failures([failed])[failed.id].error == "its record under failures/ cannot be read"


def test_a_failure_that_was_not_removed_in_time_does_not_stand_beside_its_result(tmp_path: Path) -> None:
    store_run(tmp_path, status="failed")
    record = content_of(tmp_path / "failures")
    store_run(tmp_path)
    for path, content in record.items():  # as if killed between storing the run and removing its failure
        path.write_bytes(content)
    assert load_results(tmp_path)["status"].tolist() == ["done"]


def test_foreign_files_in_the_results_are_left_run_in_namespace(tmp_path: Path) -> None:
    spec = store_run(tmp_path)
    for name in ("runs/.DS_Store", "runs/notes.txt", "runs/~x.json", "failures/notes.txt", "failures/.x.json", "x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "nowhere")
    before = content_of(tmp_path)
    store = ResultStore(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.remove_stale_files()
        store.check([spec.id])
        assert load_results(tmp_path)["id"].tolist() == [spec.id]
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("taken", ["runs", "failures", "runs/RUN", "failures/RUN.json", ""])
def test_a_file_where_a_folder_should_be_or_the_reverse_is_named(tmp_path: Path, taken: str) -> None:
    spec, root = make_spec(), tmp_path / "results"
    place = root / taken.replace("RUN", spec.id)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if place.suffix == ".json" else place.write_text("mine")
    store = ResultStore(root)
    if place.suffix != ".json":
        with pytest.raises(InputError, match=rf"{place}.*(Not a directory|is a file where a folder should be).*; move"):
            store.check([spec.id])
    if taken != "failures" and place.suffix != ".json":
        with pytest.raises(InputError, match=rf"cannot write {root}.*"):
            store.save(spec, make_result())
    if taken not in ("runs", "runs/RUN"):
        with pytest.raises(InputError, match=rf"cannot write {root}.*"):
            store.save_failure(spec, "RuntimeError")
    assert place.is_dir() == (place.suffix == ".json")


def test_checking_a_folder_that_is_not_there_yet_leaves_nothing_behind(tmp_path: Path) -> None:
    ResultStore(tmp_path / "deep" / "results").check([make_spec().id])
    assert not list(tmp_path.iterdir())


def test_a_run_that_finds_its_place_taken_says_so(tmp_path: Path) -> None:
    spec = make_spec()
    (tmp_path / "runs" / spec.id / "mine").mkdir(parents=True)
    with pytest.raises(InputError, match=rf"cannot write .*{spec.id}: another folder .*; move it away"):
        ResultStore(tmp_path).save(spec, make_result())
    assert [path.name for path in (tmp_path / "runs").rglob("*")] == [spec.id, "mine"]


# The files of a run beside its record, and the attribute of a stored run that reads each.
FILES = {
    "images.csv": "images",
    "curve.csv": "curve",
    "gradients.csv": "gradients",
    "roc.csv": "roc",
    "predictions.npz": "predictions",
}
TABLES = [name for name in FILES if name.endswith(".csv")]


def test_the_files_of_a_run_are_read_as_they_were_stored(tmp_path: Path) -> None:
    run, result = StoredRun(tmp_path / "runs" / store_run(tmp_path, label="NA").id), make_result(label="NA")
    for table in ("images", "curve", "gradients", "roc"):
        pd.testing.assert_frame_equal(getattr(run, table), getattr(result, table), check_dtype=False)
    assert run.predictions is not None
    stored, made = to_arrays(run.predictions), to_arrays(result.predictions)
    assert list(stored) == list(made)
    assert all(np.array_equal(stored[name], made[name]) for name in made)
    assert run.images is run.images  # read once


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_or_cut_off_anywhere_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "runs" / store_run(tmp_path).id
    path, complete = folder / name, (folder / name).read_bytes()
    getattr(StoredRun(folder), FILES[name])
    for size in range(0, len(complete), max(1, len(complete) // 200)):
        path.write_bytes(complete[:size])
        with pytest.raises(InputError, match=rf"{name} .*: move its folder away to do the run again"):
            getattr(StoredRun(folder), FILES[name])
    path.unlink()
    with pytest.raises(InputError, match=rf"{name} cannot be read \(.*No such file.*\)"):
        getattr(StoredRun(folder), FILES[name])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_without_a_column_or_with_words_for_numbers_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "runs" / store_run(tmp_path).id / name
    complete = pd.read_csv(path)
    complete.drop(columns=complete.columns[-1]).to_csv(path, index=False)
    with pytest.raises(InputError, match=rf"{name} has the columns"):
        getattr(StoredRun(path.parent), FILES[name])
    complete.assign(**{complete.columns[-1]: "many"}).to_csv(path, index=False)
    with pytest.raises(InputError, match=rf"{name} cannot be read"):
        getattr(StoredRun(path.parent), FILES[name])


def without(iteration: int, stage: int | None = None) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that removes a reading, or one of its stages."""
    return lambda table: table[(table["iteration"] != iteration) | (stage is not None and table["stage"] != stage)]


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.iloc[:0],
        without(1),
        without(6),
        without(3, stage=1),
        lambda table: table.assign(iteration=table["iteration"].replace(3, 4)),
        lambda table: table.assign(stage=0),
        lambda table: table.iloc[::-1],
        lambda table: pd.concat([table, table]),
        lambda table: pd.concat([table, table.tail(2).assign(iteration=7)]),
    ],
)
def test_gradients_without_a_reading_or_a_stage_are_named(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    folder = tmp_path / "runs" / store_run(tmp_path, settings=["iterations=7", "curve_every=3"]).id
    complete = StoredRun(folder).gradients
    assert complete["iteration"].tolist() == [1, 1, 3, 3, 6, 6]
    change(complete).to_csv(folder / "gradients.csv", index=False)
    with pytest.raises(
        InputError, match=r"gradients\.csv does not have every .* at every reading: move its folder away"
    ):
        _ = StoredRun(folder).gradients


@pytest.mark.parametrize(("every", "readings"), [(0, []), (1, [1, 2, 3]), (3, [1, 3]), (4, [1])])
def test_gradients_are_read_at_the_first_iteration_and_every_so_many(
    tmp_path: Path, every: int, readings: list[int]
) -> None:
    folder = tmp_path / "runs" / store_run(tmp_path, settings=["iterations=3", f"curve_every={every}"]).id
    assert StoredRun(folder).gradients["iteration"].unique().tolist() == readings


def run_words(category: Path, root: Path, *words: object) -> list[str]:
    """A study of three short runs."""
    base = ["run", "--dataset", "folder", "--data-root", category.parent, *TINY, "--method", "unet", "--shots", 1]
    return [*map(str, [*base, "--seed", 0, 1, 2, "--results", root, "--cache", root.parent / "cache", *words])]


def test_a_study_with_a_corrupted_run_stops_before_training_and_resumes_once_it_is_moved(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "results"
    assert main(run_words(category, root, "--jobs", 1)) == 0
    complete = load_results(root)
    corrupted = root / "runs" / complete["id"][1]
    shutil.rmtree(root / "runs" / complete["id"][2])
    (corrupted / "run.json").write_text("")
    before = content_of(root)
    capsys.readouterr()

    assert main(run_words(category, root, "--jobs", 1)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "decoded" not in line]
    assert len(errors) == 1
    assert re.fullmatch(
        rf"error: {corrupted}/run\.json cannot be read \(.*\); move the folder {corrupted} away .*", errors[0]
    )
    assert content_of(root) == before

    corrupted.rename(tmp_path / "away")
    assert main(run_words(category, root, "--jobs", 1)) == 0
    assert load_results(root)[["id", "iou"]].equals(complete[["id", "iou"]])

"""The store of runs: atomic writes, one row per run, failures shown and never counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from baselines.errors import InputError
from benchmark.atomic import new_folder, remove_stale_files, replace_file
from benchmark.processes import host_name
from benchmark.results.store import ResultStore
from benchmark.results.table import RESULT_COLUMNS, load_results
from benchmark.schema import to_builtins
from tests.conftest import REPOSITORY
from tests.factories import make_result, make_spec, store_many, store_run

LOAD_AND_MEASURE = """
import re, sys, time
from benchmark.results.table import load_results
def memory():
    # Not getrusage: that peak includes the parent process.
    return int(re.search(r'VmHWM:[^0-9]+([0-9]+)', open('/proc/self/status').read())[1])
before = memory()
load_results(sys.argv[1])
print(memory(), memory() - before)
"""


def test_a_stored_run_is_one_row_with_its_metrics(tmp_path: Path) -> None:
    spec = store_run(tmp_path, iou=0.25, seed=3)
    table = load_results(tmp_path)
    assert tuple(table.columns) == RESULT_COLUMNS
    row = table.iloc[0]
    assert (row["id"], row["status"], row["iou"], row["seed"]) == (spec.id, "done", 0.25, 3)
    assert (row["dc"], row["auc"], row["acc"], row["train_seconds"]) == (0.4, 1.0, 1.0, 1.5)
    assert (row["training_defective_images"], row["training_normal_images"], row["normal_images"]) == (1, 2, 1)
    recipe = asdict(spec.method.recipe)
    assert recipe.pop("pasting") == "copy"  # the paper's, which stored runs do not name
    assert json.loads(row["recipe"]) == {"network": "unet", **recipe}
    protocol = to_builtins(spec.protocol)
    left_out = {name: protocol.pop(name) for name in ("batch_size", "curve_every")}
    assert json.loads(row["asked"]) == protocol
    assert row["batch_size"] == left_out["batch_size"]
    read = json.loads(row["settings"])
    assert read.items() < protocol.items()
    assert {"nbr_weight", "crop_paste", "weights"} & read.keys() == set()
    assert {"shots_per", "baseline_crop_paste"} <= read.keys()
    assert row["draw_seed"] == 3
    assert ResultStore(tmp_path).has(spec.id)


def test_a_run_folder_has_the_documented_files(tmp_path: Path) -> None:
    spec = store_run(tmp_path)
    folder = tmp_path / "runs" / spec.id
    assert sorted(path.name for path in folder.iterdir()) == [
        "curve.csv", "gradients.csv", "images.csv", "predictions.npz", "roc.csv", "run.json", "samples",
    ]  # fmt: skip
    run = json.loads((folder / "run.json").read_text())
    assert run["identity"] == to_builtins(spec.identity)
    assert run["protocol"] == to_builtins(spec.protocol)
    assert run["draw"]["shots"] == list(spec.draw.names)
    for sample in run["samples"]:
        for file in sample["files"].values():
            assert (folder / "samples" / file).is_file()
    assert pd.read_csv(folder / "images.csv")["tp"].tolist() == [0, 50]
    assert np.load(folder / "predictions.npz")["test_normal"].shape == (2, 3330)


def test_failures_are_rows_without_metrics_until_a_result_replaces_them(tmp_path: Path) -> None:
    spec = store_run(tmp_path, status="failed")
    row = load_results(tmp_path).iloc[0]
    assert (row["status"], row["error"]) == ("failed", "RuntimeError: out of luck")
    assert np.isnan(row["iou"])
    assert not ResultStore(tmp_path).has(spec.id)
    ResultStore(tmp_path).save(spec, make_result())
    assert load_results(tmp_path)["status"].tolist() == ["done"]


def test_runs_of_one_protocol_share_its_digest_whatever_k(tmp_path: Path) -> None:
    batches = ["batch_size.1=2", "batch_size.5=4"]
    store_run(tmp_path, shots=1, settings=batches)
    store_run(tmp_path, shots=5, settings=batches)
    store_run(tmp_path, settings=[*batches, "iterations=7"])
    table = load_results(tmp_path)
    assert sorted(table.groupby("protocol").size()) == [1, 2]
    assert table["batch_size"].tolist().count(4) == 1


def test_an_unreadable_run_is_named_and_the_others_load(tmp_path: Path) -> None:
    store_run(tmp_path, seed=0)
    broken = store_run(tmp_path, seed=1)
    older = store_run(tmp_path, seed=2)
    (tmp_path / "runs" / broken.id / "run.json").write_text('{"format": 1, "id"')
    path = tmp_path / "runs" / older.id / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 0}))
    with pytest.warns(UserWarning, match="run.json") as warned:
        table = load_results(tmp_path)
    assert table["seed"].tolist() == [0]
    lines = sorted(str(warning.message) for warning in warned)
    assert any(broken.id in line and "cannot be read" in line for line in lines)
    assert any(older.id in line and "format: is 0, this version reads 3" in line for line in lines)


def test_no_results_is_an_error_and_an_empty_folder_is_an_empty_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no results in .*nowhere: run something first"):
        load_results(tmp_path / "nowhere")
    assert load_results(tmp_path).empty
    assert tuple(load_results(tmp_path).columns) == RESULT_COLUMNS


def test_ten_thousand_runs_load_in_little_memory(tmp_path: Path) -> None:
    count = 10_000
    store_many(tmp_path, count)
    measured = subprocess.run(
        [sys.executable, "-c", LOAD_AND_MEASURE, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    kilobytes, added = map(float, measured.stdout.split())
    assert kilobytes < 2**20
    assert added < 100_000
    table = load_results(tmp_path)
    assert tuple(table.columns) == RESULT_COLUMNS
    assert sorted(table["train_seconds"]) == list(range(count))
    assert (table["iou"] * count).round().tolist() == table["train_seconds"].tolist()
    assert table["protocol"].nunique() == 1
    order = table[["category", "shots", "method", "seed"]].apply(tuple, axis=1).tolist()
    assert order == sorted(order)
    assert len(set(order)) == count


def test_saving_twice_keeps_the_first(tmp_path: Path) -> None:
    spec = store_run(tmp_path, iou=0.3)
    ResultStore(tmp_path).save(spec, make_result(0.9))
    assert load_results(tmp_path)["iou"].tolist() == [0.3]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [spec.id]


def write_half(writer: AbstractContextManager[Path]) -> None:
    with writer as path:
        (path / "half" if path.is_dir() else path).write_text("x")
        raise RuntimeError("power cut")


@pytest.mark.parametrize("writer", [new_folder, replace_file])
def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, writer: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        write_half(writer(tmp_path / "target"))
    assert not list(tmp_path.iterdir())


def test_stale_files_of_killed_processes_are_removed_and_those_of_live_ones_kept(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    for pid, host in (
        (dead.stdout.strip(), host_name()),
        (zombie.pid, host_name()),
        (os.getpid(), host_name()),
        (1, "elsewhere"),
    ):
        (tmp_path / f".run~{pid}~{host}~ab12.partial").mkdir()
    before_this_process = tmp_path / f".old~{os.getpid()}~{host_name()}~ab12.partial"
    before_this_process.touch()
    os.utime(before_this_process, (0, 0))
    for foreign in (".ours.partial", ".a~b~c.partial", ".a~12x~host~ab.partial"):
        (tmp_path / foreign).touch()
    remove_stale_files(tmp_path)
    zombie.wait()
    kept = [path.name for path in tmp_path.iterdir()]
    assert sorted(name.split("~")[1] for name in kept if name.startswith(".run")) == sorted([str(os.getpid()), "1"])
    assert len(kept) == 5  # the process that wrote the old one had the id that is now this process's


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(InputError, match=r"cannot write .*: .*results is a file where a folder should be; move it"):
        ResultStore(tmp_path / "results").save(make_spec(), make_result())


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"dataset": "elsewhere", "profile": "other"}, True),
        ({"settings": ["seeds=[8]", "shots=[1]", "methods=[]"]}, True),
        ({"seed": 1}, False),
        ({"method": "albunet"}, False),
        ({"category": "wood"}, False),
        ({"data_digest": "e" * 64}, False),
        *(
            ({"settings": [setting]}, False)
            for setting in ("iterations=9", "bce_reduction=mean", "threads=2", "batch_size=9", "threshold=0.4")
        ),
    ],
)
def test_the_identity_depends_on_what_changes_a_result_and_nothing_else(change: dict[str, object], same: bool) -> None:
    assert (make_spec(**change).id == make_spec().id) == same  # type: ignore[arg-type]


def test_ids_are_safe_as_folder_names() -> None:
    spec = make_spec(category='../<script>"ü /x')
    assert "/" not in spec.id
    assert not spec.id.startswith(".")
    assert spec.id != make_spec(category="../<script>ü /x").id

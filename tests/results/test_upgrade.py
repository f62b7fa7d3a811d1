"""Records of format 1, in which the identity held the whole protocol, and runs of format 2, without logits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines.errors import InputError
from benchmark.histograms import LINEAR_EDGES, LOGIT_EDGES
from benchmark.results.store import read_failure, read_run
from benchmark.results.stored_run import StoredRun
from benchmark.results.table import load_results
from benchmark.schema import to_builtins
from reports.collect import result_sets
from tests.factories import store_run

# Fields of the protocol that format 1 did not have.
ADDED = ("nbr_weight", "background_average")


def to_format_1(path: Path) -> None:
    """Rewrite a record as version 2 of the training code stored it."""
    record: dict[str, Any] = json.loads(path.read_text())
    protocol = record.pop("protocol")
    for name in ADDED:
        del protocol[name]
    record["identity"] |= {"protocol": protocol, "training_version": 2}
    del record["identity"]["settings"]
    record["format"] = 1
    path.write_text(json.dumps(record))


def store_old_run(root: Path, iou: float = 0.5, **spec: Any) -> Path:
    """Store a run in format 1 and return its folder."""
    folder = root / "runs" / store_run(root, iou, **spec).id
    to_format_1(folder / "run.json")
    return folder


@pytest.mark.parametrize("method", ["unet", "albunet_nbr_cap", "albunet_nbr_cap_euclidean", "albunet+bn"])
def test_a_record_of_format_1_is_read_as_if_it_had_been_stored_in_the_present_one(tmp_path: Path, method: str) -> None:
    settings = ["mask_downsample=area", "curve_every=20"]
    spec = store_run(tmp_path, method=method, settings=settings)
    folder = tmp_path / "runs" / spec.id
    present = to_builtins(read_run(folder))
    to_format_1(folder / "run.json")
    read = read_run(folder)
    assert read.protocol == spec.protocol
    assert read.identity.training_version == 2
    present["identity"]["training_version"] = 2
    assert to_builtins(read) == present


def test_a_failure_of_format_1_is_read(tmp_path: Path) -> None:
    spec = store_run(tmp_path, status="failed")
    path = tmp_path / "failures" / f"{spec.id}.json"
    to_format_1(path)
    assert read_failure(path).identity.settings == spec.identity.settings
    assert load_results(tmp_path)["status"].tolist() == ["failed"]


def test_the_weights_of_an_unknown_network_may_have_been_read(tmp_path: Path) -> None:
    for name, read in (("unet", False), ("albunet", True), ("somebodys_network", True)):
        folder = store_old_run(tmp_path / name)
        record = json.loads((folder / "run.json").read_text())
        record["identity"]["network"] = name
        (folder / "run.json").write_text(json.dumps(record))
        assert ("weights" in read_run(folder).identity.settings) == read


def test_old_runs_share_a_set_with_each_other_and_never_with_those_of_new_code(tmp_path: Path) -> None:
    for method in ("unet", "albunet_nbr"):
        store_old_run(tmp_path, 0.3, method=method, seed=0)
        store_old_run(tmp_path, 0.5, method=method, seed=1, settings=["curve_every=7"])
        store_run(tmp_path, 0.9, method=method, seed=2)
    old, new = sorted(result_sets(load_results(tmp_path)), key=lambda found: found.title)
    assert old.title == "synthetic, profile quick, training version 2"
    assert sorted(old.runs["seed"]) == [0, 0, 1, 1]
    assert old.cell("carpet", "unet", 1, "iou").value == pytest.approx(0.4)
    assert set(new.runs["seed"]) == {2}


def to_format_2(folder: Path) -> np.ndarray:
    """Rewrite a run as it was stored before it had logits, and return its histograms."""
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"format": 2}))
    (folder / "predictions.npz").unlink()
    counts = np.random.default_rng(0).integers(0, 9, (2, 2, 256), dtype=np.uint32)
    np.savez_compressed(folder / "histograms.npz", histograms=counts)
    return counts


def test_runs_of_formats_2_and_3_stand_in_one_table_and_the_older_ones_have_linear_histograms(tmp_path: Path) -> None:
    old, new = (tmp_path / "runs" / store_run(tmp_path, iou, seed=seed).id for seed, iou in enumerate((0.3, 0.5)))
    before = to_builtins(read_run(old))
    counts = to_format_2(old)
    assert to_builtins(read_run(old)) == before
    (results,) = result_sets(load_results(tmp_path))
    assert results.cell("carpet", "unet", 1, "iou").value == pytest.approx(0.4)
    run = StoredRun(old)
    assert run.predictions is None
    assert np.array_equal(np.stack([run.histograms.normal, run.histograms.defective], axis=1), counts)
    assert np.array_equal(run.histograms.edges, LINEAR_EDGES)
    assert np.array_equal(StoredRun(new).histograms.edges, LOGIT_EDGES)
    (old / "histograms.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"histograms\.npz cannot be read \(.*\): move its folder away"):
        _ = StoredRun(old).histograms


@pytest.mark.parametrize("stated", [0, 4, True, "2", None, [2], 2.0])
def test_a_record_of_no_known_format_is_refused(tmp_path: Path, stated: object) -> None:
    path = tmp_path / "runs" / store_run(tmp_path).id / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": stated}))
    with pytest.raises(InputError, match=r"format: is .*, this version reads 3"):
        read_run(path.parent)

"""``weights_files``: runs that start from a user's file of encoder weights, wherever they are executed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from baselines import create_network
from baselines.errors import InputError
from benchmark.data.datasets import open_dataset
from benchmark.data.image_cache import ImageCache
from benchmark.execution.study import StudyRunner
from benchmark.execution.workers import LocalWorkers
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.model_file import MODEL_FILE, read_description
from tests.conftest import make_category, tiny_with
from tests.execution.dask_cluster import running_scheduler, worker
from tests.models.conftest import Done, do
from tests.test_cli import same_results

SETTINGS = tiny_with("weights_files.albunet=mine.pth")


def write_weights(path: Path, seed: int = 5) -> str:
    """Write an encoder of AlbuNet at the width of the tests; return the file's SHA-256."""
    torch.manual_seed(seed)
    torch.save(create_network("albunet", width=0.1).get_submodule("encoder").state_dict(), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data``, ``mine.pth`` and in ``results`` two runs that start from it and one that does not."""
    folder = tmp_path_factory.mktemp("trained")
    make_category(folder / "data" / "widget")
    write_weights(folder / "mine.pth")
    done = run(folder, "results", "--method", "unet", "albunet", "albunet_nbr", "--keep-models", *SETTINGS)
    assert done.returncode == 0, done.stderr
    return folder


def run(folder: Path, results: str, *words: object) -> Done:
    where = ("--dataset", "folder", "--data-root", folder / "data", "--cache", "cache", "--results", results)
    return do(folder, "run", *where, "--shots", 1, "--seed", 0, "--jobs", 1, *words)


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of runs by their method."""
    found = [json.loads(path.read_text()) for path in folder.glob("runs/*/run.json")]
    return {record["method"]: record for record in found}


def test_a_run_records_the_file_and_has_its_digest_and_not_its_path_in_its_identity(trained: Path) -> None:
    digest = hashlib.sha256((trained / "mine.pth").read_bytes()).hexdigest()
    stored = records(trained / "results")
    assert stored["unet"]["pretrained"] is None
    assert "weights_digest" not in stored["unet"]["identity"]
    for method in ("albunet", "albunet_nbr"):
        assert stored[method]["pretrained"] == {
            "encoder": "resnet34",
            "file": "mine.pth",
            "sha256": digest,
            "source": "weights_files",
        }
        assert stored[method]["identity"]["weights_digest"] == digest
        assert "weights" not in stored[method]["identity"]["settings"]
        folder = trained / "results" / "runs" / stored[method]["id"]
        assert str(trained) not in (folder / "run.json").read_text()
        assert read_description(folder / MODEL_FILE).identity.weights_digest == digest


def test_the_file_changes_the_result_of_its_network_and_no_other(trained: Path) -> None:
    assert run(trained, "plain", "--method", "unet", "albunet", *tiny_with()).returncode == 0
    plain, own = records(trained / "plain"), records(trained / "results")
    assert plain["unet"]["id"] == own["unet"]["id"]
    assert plain["unet"]["metrics"] == own["unet"]["metrics"]
    assert plain["albunet"]["id"] != own["albunet"]["id"]
    losses = [
        (trained / results / "runs" / stored["albunet"]["id"] / "curve.csv").read_text()
        for results, stored in (("plain", plain), ("results", own))
    ]
    assert losses[0] != losses[1]


def test_the_same_content_is_the_same_run_and_another_is_not(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.pt").write_bytes((trained / "mine.pth").read_bytes())
    write_weights(tmp_path / "mine.pth", seed=6)
    counts = []
    for path, weights in (("copy.pt", "none"), ("copy.pt", "imagenet"), ("mine.pth", "none")):
        settings = tiny_with(f"weights_files.albunet={tmp_path / path}", f"weights={weights}")
        words = ("--dataset", "folder", "--data-root", "data", "--method", "albunet", "--shots", 1, "--seed", 0)
        done = do(trained, "plan", *words, *settings, "--json")
        assert done.returncode == 0, done.stderr
        counts.append(json.loads(done.stdout)["to_do"])
    assert counts == [0, 0, 1]


def test_dask_workers_start_from_the_same_file(trained: Path) -> None:
    words = ("--method", "unet", "albunet", "albunet_nbr", *SETTINGS)
    with running_scheduler() as (_, address), worker(address):
        done = run(trained, "dask", *words, "--backend", "dask", "--scheduler", address)
        assert done.returncode == 0, done.stderr
    same_results(trained / "results", trained / "dask")


def test_a_file_that_changes_after_planning_ends_the_study_with_one_line(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    write_weights(path)
    cache = ImageCache(trained / "cache")
    dataset = open_dataset("folder", trained / "data", cache)
    profile = load_profile("quick", [*tiny_with()[1:], f"weights_files.albunet={path}"])
    specs = select_runs(dataset, profile, [Selection(["albunet"], ["widget"], [1], [0, 1])])
    write_weights(path, seed=6)
    for jobs in (1, 2):
        train = StudyRunner(profile, LocalWorkers([torch.device("cpu")], jobs), cache, 10**9)
        with pytest.raises(InputError, match=rf"^weights file {path} changed since the runs were planned: run again$"):
            train(specs, dataset, tmp_path / "results")
        assert not list(tmp_path.glob("results/runs/*"))
        assert not list(tmp_path.glob("results/failures/*"))


def test_replay_finds_the_file_in_its_folder_and_refuses_another(trained: Path, tmp_path: Path) -> None:
    record = records(trained / "results")["albunet"]
    words = ("replay", "results", "--run", record["id"], "--data-root", "data", "--cache", "cache")
    done = do(trained, *words, "--weights-dir", ".")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "AGREES to the bit"
    missing = do(trained, *words)
    started = f"error: run {record['id']} started from the weights file mine.pth (SHA-256 "
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert missing.stderr.startswith(started)
    assert missing.stderr.endswith("give its folder, --weights-dir DIR\n")
    digest = write_weights(tmp_path / "mine.pth", seed=6)
    other = do(trained, *words, "--weights-dir", tmp_path)
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert other.stderr.startswith(started)
    assert other.stderr.endswith(f"and {tmp_path / 'mine.pth'} is another one (SHA-256 {digest[:12]})\n")
    nowhere = do(trained, *words, "--weights-dir", tmp_path / "nowhere")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)


def test_files_that_no_run_uses_are_named(trained: Path) -> None:
    done = run(trained, "unused", "--method", "unet", *SETTINGS)
    assert done.returncode == 0
    assert "weights_files of albunet are not used: no run has that network\n" in done.stderr


def test_tables_keep_runs_from_other_weights_apart_and_say_from_what_they_start(trained: Path) -> None:
    shutil.copytree(trained / "results", trained / "both")
    assert run(trained, "both", "--method", "unet", "albunet", *tiny_with()).returncode == 0
    digest = records(trained / "results")["albunet"]["identity"]["weights_digest"][:12]
    alone = do(trained, "tables", "--results", "results", "--table", "II", "--format", "text")
    assert f"B (AlbuNet) starts from other encoder weights than the profile's: SHA-256 {digest}." in alone.stdout
    together = do(trained, "tables", "--results", "both", "--table", "II", "--format", "text")
    assert f"albunet with weights_file={digest}" in together.stdout
    assert "albunet with weights_file=absent" in together.stdout

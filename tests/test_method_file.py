"""Methods from one file on the command line: identity, workers, and stored runs after the file is gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from baselines.registry import select_methods
from benchmark.gate.scope import checked_runs_folder
from benchmark.results.records import RunRecord
from benchmark.results.store import read_run
from benchmark.schema import to_builtins
from tests.conftest import REPOSITORY, TINY, forgetting, make_category, tiny_with
from tests.execution.dask_cluster import running_scheduler, worker
from tests.factories import make_spec
from tests.models.conftest import do
from tests.test_cli import same_results

EXAMPLE = REPOSITORY / "examples" / "unet_small.py"


@pytest.mark.parametrize(
    ("method", "run_id"),
    [
        ("unet", "carpet_unet_k1_s0_0c617cbd3f78"),
        ("albunet_nbr_cap", "carpet_albunet_nbr_cap_k1_s0_25d52a3d87b2"),
        ("albunet+bn", "carpet_albunet-bn_k1_s0_56b81bd741db"),
    ],
)
def test_the_identity_of_other_runs_is_what_it_was_before_there_were_files(method: str, run_id: str) -> None:
    spec = make_spec(method=method, settings=["iterations=160", "batch_norm_passes=separate"])  # as then
    assert spec.id == run_id
    assert "file_digest" not in to_builtins(spec.identity)


def test_the_content_of_the_file_is_part_of_the_identity_and_its_place_is_not(
    tmp_path: Path, forgetful_registry: None
) -> None:
    ids, folders = [], []
    for place, end in (("a", ""), ("b", ""), ("b", "\n")):
        path = tmp_path / place / EXAMPLE.name
        path.parent.mkdir(exist_ok=True)
        path.write_text(EXAMPLE.read_text().replace("unet_small", f"unet_small{len(end)}") + end)
        select_methods(str(path))
        spec = make_spec(method=f"unet_small{len(end)}")
        assert spec.identity.file_digest == hashlib.sha256(path.read_bytes()).hexdigest()
        ids.append(spec.id)
        folders.append(checked_runs_folder(tmp_path, [spec], torch.device("cpu")))
    assert ids[0] == ids[1] != ids[2]
    assert folders[0] == folders[1] != folders[2]
    assert checked_runs_folder(tmp_path, [make_spec()], torch.device("cpu")) not in folders


class Bench:
    """A folder with images and a file of methods."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "mine.py"
        self.write("a first version")
        data = make_category(folder / "data" / "widget").parent
        self.run = ["run", "--dataset", "folder", "--data-root", str(data), *TINY, "--shots", "1", "--seed", "0", "1"]
        self.run += ["--cache", "cache", "--method", "mine.py", "--results"]

    def write(self, comment: str, channels: int = 16) -> None:
        text = EXAMPLE.read_text().replace("(16, 32", f"({channels}, 32")
        self.file.write_text(f"{text}\n# {comment}\n")

    def do(self, *commands: list[str], code: int = 0) -> list[str]:
        """Do some commands, each of which must end with the exit code, and forget what methods they registered."""
        with forgetting():
            done = [do(self.folder, *words) for words in commands]
        assert [each.returncode for each in done] == [code] * len(commands), done[-1].stderr
        return [each.stdout for each in done]

    def records(self, results: str) -> list[RunRecord]:
        return [read_run(path) for path in sorted(self.folder.joinpath(results, "runs").iterdir())]


def test_workers_train_the_content_that_was_read_and_stored_runs_need_no_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with running_scheduler() as (_, address), worker(address):
        dask = ["--backend", "dask", "--scheduler", address]
        bench.do([*bench.run, "here", "--jobs", "2"], [*bench.run, "dask", *dask])
        first = bench.records("here")
        bench.write("a second version", channels=40)
        digest = hashlib.sha256(bench.file.read_bytes()).hexdigest()
        bench.do([*bench.run, "here", "--jobs", "1"], [*bench.run, "dask", *dask])  # the worker knows the first version
    same_results(tmp_path / "here", tmp_path / "dask")

    records = bench.records("here")
    assert [record for record in records if record.identity.file_digest != digest] == first
    assert len(first) == len(records) / 2 == 2
    assert {record.method_file for record in records} == {"mine.py"}
    assert len({record.parameters for record in records}) == 2

    bench.file.unlink()
    tables, *_ = bench.do(*([verb, "--results", "here"] for verb in ("tables", "claims", "report")))
    for version in {str(record.identity.file_digest)[:12] for record in records}:
        assert f"unet_small with file={version}" in tables
    assert "U-Net (small)" in tables


def test_a_changed_file_is_checked_against_the_baseline_of_its_former_version(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    data = ["--dataset", "folder", "--data-root", str(tmp_path / "data" / "widget"), "--results", "kept", "--jobs", "1"]
    data += ["--cache", "cache"]
    check = ["check", "--baseline", "mine.json", "--seed", "0", "1", *data, *tiny_with("curve_every=0", "shots=1")]
    mine = ["--method", "mine.py"]
    *_, same = bench.do([*check, *mine, "--update", "--repeats", "6"], [*check, *mine])
    assert "passed: 1 identical" in same

    bench.write("a second version")  # the same network: metrics are those of the first version
    (changed,) = bench.do([*check, *mine])
    assert "the definition of unet_small runs has changed (its file, its recipe" in changed
    assert "passed: 1 within tolerance" in changed
    (unknown,) = bench.do(check, code=1)
    assert "unknown method 'unet_small'" in unknown

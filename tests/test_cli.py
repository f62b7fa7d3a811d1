"""The command line as a user meets it: whole runs, repeated, killed and continued; and clear refusals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from baselines import contract
from baselines.networks.unet import UNet
from benchmark.cli import main
from benchmark.results.table import load_results
from tests.conftest import REPOSITORY, TINY, CommandLine, make_category, write_image

ONE_METHOD = ("--method", "unet", "--shots", 1, "--seed", 0)


def folder_run(root: Path, *words: object) -> tuple[object, ...]:
    return ("run", "--dataset", "folder", "--data-root", root, *TINY, "--jobs", 1, *words)


def same_results(one: Path, other: Path) -> None:
    """Every run of ``one`` is in ``other`` with the same metrics, counts, histograms and predictions."""
    names = sorted(path.name for path in (one / "runs").iterdir())
    assert names == sorted(path.name for path in (other / "runs").iterdir())
    for name in names:
        a, b = one / "runs" / name, other / "runs" / name
        assert (
            json.loads((a / "run.json").read_text())["metrics"] == json.loads((b / "run.json").read_text())["metrics"]
        )
        assert (a / "images.csv").read_bytes() == (b / "images.csv").read_bytes()
        assert (a / "curve.csv").read_bytes() == (b / "curve.csv").read_bytes()
        assert np.array_equal(*(np.load(run / "histograms.npz")["histograms"] for run in (a, b)))
        pictures = sorted(path.name for path in (a / "samples").iterdir())
        assert pictures
        for picture in pictures:
            assert (a / "samples" / picture).read_bytes() == (b / "samples" / picture).read_bytes()


def test_a_selection_is_run_stored_tabled_and_reported(
    command_line: CommandLine, category: Path, tmp_path: Path
) -> None:
    words = folder_run(
        category.parent, "--method", "unet", "--method", "albunet_nbr_cap", "--shots", 1, 2, "--seed", 0, 1
    )
    done = command_line(*words, "--set", "batch_size=2")
    assert done.returncode == 0, done.stderr
    assert "8 runs: 0 stored, 8 to do" in done.stderr
    assert "[8/8] widget albunet_nbr_cap 2-shot seed 1: IOU" in done.stderr
    assert "Table II: Mean IOU (folder:data, profile quick)" in done.stdout
    assert f"report: {Path('results') / 'report.html'}" in done.stdout
    page = (tmp_path / "results" / "report.html").read_text()
    assert "B+NBR+CaP (ours)" in page
    table = load_results(tmp_path / "results")
    assert len(table) == 8
    assert set(table["status"]) <= {"done", "not_converged"}
    assert table[["iou", "dc", "auc", "acc"]].notna().all(axis=None)

    again = command_line(*words, "--set", "batch_size=2")
    assert again.returncode == 0
    assert "8 runs: 8 stored, 0 to do" in again.stderr

    listed = command_line("tables", "--table", "II", "--format", "json")
    assert {cell["column"] for cell in json.loads(listed.stdout)["cells"]} == {"U-Net", "B+NBR+CaP (ours)"}
    assert command_line("report", "--out", "page.html").returncode == 0
    assert (tmp_path / "page.html").is_file()


def test_the_same_spec_gives_the_same_bits_whatever_the_number_of_processes(
    command_line: CommandLine, category: Path, tmp_path: Path
) -> None:
    words = folder_run(category.parent, "--method", "unet", "albunet_nbr_cap", "--shots", 1, "--seed", 0, 1)
    for name, jobs in (("one", 1), ("two", 2)):
        done = command_line(*words, "--results", name, "--cache", f"cache-{name}", "--jobs", jobs)
        assert done.returncode == 0, done.stderr
    same_results(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow  # test_interruptions kills at random moments, and more
def test_killed_in_the_middle_no_half_run_is_seen_and_the_next_run_completes(
    command_line: CommandLine, category: Path, tmp_path: Path
) -> None:
    words = folder_run(category.parent, "--method", "unet", "--shots", 1, "--seed", *range(6), "--set", "iterations=40")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    runs = tmp_path / "killed" / "runs"
    for at_least in (1, 3):
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmark", *map(str, words), "--results", "killed"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and len(list(runs.glob("[!.]*"))) < at_least:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        stored = load_results(tmp_path / "killed")
        assert at_least <= len(stored) < 6
        assert len(stored) == len(list(runs.glob("[!.]*/run.json"))) == len(list(runs.glob("[!.]*")))
    assert command_line(*words, "--results", "killed").returncode == 0
    assert command_line(*words, "--results", "whole").returncode == 0
    assert not list(tmp_path.joinpath("killed").rglob("*.partial"))
    same_results(tmp_path / "whole", tmp_path / "killed")


def test_interrupting_exits_130_and_says_what_is_kept(category: Path, tmp_path: Path) -> None:
    words = folder_run(category.parent, *ONE_METHOD, "--set", "iterations=100000")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *map(str, words)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background may have been told to ignore it, and would pass that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "1 to do" in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "0 finished runs are kept" in rest
    assert "Traceback" not in rest
    assert not list(tmp_path.joinpath("results").rglob("*"))


def test_a_run_that_fails_is_recorded_the_others_go_on_and_it_is_tried_again_if_asked(
    category: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import benchmark.training.one_run

    whole = benchmark.training.one_run.train

    def fail_for_seed_1(*arguments: object) -> pd.DataFrame:
        if arguments[5] == 1:
            raise RuntimeError("no memory for <this>")
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(benchmark.training.one_run, "train", fail_for_seed_1)
    results = tmp_path / "results"
    words = [str(word) for word in folder_run(category.parent, "--method", "unet", "--shots", 1, "--seed", 0, 1, 2)]
    words += ["--results", str(results), "--cache", str(tmp_path / "cache")]
    assert main(words) == 1
    assert load_results(results)["status"].eq("failed").tolist() == [False, True, False]
    said = capsys.readouterr().err
    assert (
        "1 runs failed: add --retry-failed to try them again\n  widget unet 1-shot seed 1: RuntimeError: no mem" in said
    )
    page = (results / "report.html").read_text()
    assert "RuntimeError: no memory for &lt;this&gt;" in page
    assert "1 of 3 runs failed and are in no mean: widget 1-shot: U-Net (1 of 3)." in page
    monkeypatch.setattr(benchmark.training.one_run, "train", whole)
    assert main(words) == 1
    assert "3 runs: 2 stored, 0 to do, 1 failed earlier: add --retry-failed" in capsys.readouterr().err
    assert load_results(results)["status"].eq("failed").tolist() == [False, True, False]
    assert main([*words, "--retry-failed"]) == 0
    assert "failed" not in set(load_results(results)["status"])


def refused(words: list[object], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> str:
    """Run something unusable in this process; return its one line."""
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    assert code == 2
    assert not (tmp_path / "results").exists()
    lines = [line for line in captured.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert captured.err.strip().endswith(lines[0])
    return lines[0]


UNUSABLE = {
    "no selection": (["run"], "say what to run: --all, or any of --table"),
    "unknown method": (["run", "--method", "albunett"], "unknown method 'albunett': did you mean 'albunet'?"),
    "unknown category": (["run", "--category", "carpett"], "unknown category 'carpett': did you mean 'carpet'?"),
    "unknown field": (
        ["run", "--all", "--set", "iteration=3"],
        "unknown profile field 'iteration': did you mean 'iterations'?",
    ),
    "unknown profile": (["run", "--all", "--profile", "papper"], "unknown profile 'papper': did you mean 'paper'?"),
    "unknown data set": (["run", "--all", "--dataset", "mvtec"], "unknown data set 'mvtec': did you mean 'mvtec-ad'?"),
    "missing data root": (
        ["run", "--all", "--dataset", "folder", "--data-root", "/nowhere"],
        "data root /nowhere is no folder",
    ),
    "no data root": (["run", "--all", "--dataset", "folder"], "--dataset folder needs --data-root DIR"),
    "image size": (
        ["run", "--method", "albunet", "--set", "image_size=100"],
        "image_size 100 does not fit method albunet: it must be a multiple of 64, e.g. --set image_size=128",
    ),
    "image size too small": (
        ["run", "--method", "unet", "--set", "image_size=16"],
        "image size 16 is not in 32..1024 pixels",
    ),
    "too many shots": (
        ["run", "--method", "unet", "--category", "carpet", "--shots", 50, "--set", "batch_size=4"],
        "category carpet: 50 shots need 50 annotated defective images of color, there are 10",
    ),
    "no batch size": (["run", "--method", "unet", "--shots", 3], "profile quick has no batch_size for 3 shots"),
    "unknown addition": (["run", "--method", "unet+nbrr"], "unknown addition to a network 'nbrr': did you mean 'nbr'?"),
    "unknown encoder": (
        ["run", "--method", "smp:Unet/resnett18", "--set", "width=1"],
        "unknown encoder 'resnett18': did you mean 'resnet18'?",
    ),
    "network that cannot be scaled": (
        ["run", "--method", "smp:FPN/mobilenet_v2+nbr"],
        "smp:FPN/mobilenet_v2 cannot be built at width 0.25, for it has grouped or dilated convolutions: set width=1",
    ),
    "image size of the library's network": (
        ["run", "--method", "smp:PAN/resnet18", "--set", "width=1"],
        "image_size 64 does not fit method smp:PAN/resnet18: it must be a multiple of 128, e.g. --set image_size=128",
    ),
    "pretrained encoder of the library": (
        ["run", "--method", "smp:Unet/resnet18", "--set", "weights=imagenet", "width=1"],
        "pretrained encoders are not supported for smp:Unet/resnet18: set weights=none",
    ),
    "unknown method to check": (["methods", "--check", "unett"], "unknown method 'unett': did you mean 'unet'?"),
    "missing weights": (
        ["run", "--method", "albunet", "--set", "weights=imagenet", "width=1", "--weights-dir", "/nowhere"],
        "pretrained weights not found: put torchvision's resnet34-b627a593.pth at /nowhere/resnet34-b627a593.pth",
    ),
    "scaled pretrained": (
        ["run", "--method", "albunet", "--set", "weights=imagenet"],
        "ImageNet weights fit width 1 only",
    ),
    "unknown device": (["run", "--method", "unet", "--device", "tpu"], "unknown device 'tpu'"),
    "absent device": (["run", "--method", "unet", "--device", "cuda:99"], "device 'cuda:99' is not there"),
    "no jobs": (["run", "--method", "unet", "--jobs", 0], "--jobs must be at least 1, got 0"),
    "no time": (["run", "--method", "unet", "--timeout", 0], "--timeout must be more than 0 seconds, got 0"),
    "dask without a scheduler": (
        ["run", "--method", "unet", "--backend", "dask"],
        "--backend dask and --scheduler ADDRESS go together",
    ),
    "no results": (["report"], "no results in"),
    "no results to table": (["tables"], "no results in"),
    "unknown importer": (
        ["data", "import", "magnetic", "/a", "/b"],
        "unknown importer 'magnetic': did you mean 'magnetic-tile'?",
    ),
    "not that layout": (
        ["data", "import", "magnetic-tile", "/nowhere", "/b"],
        "/nowhere is no folder: give the folder that holds the images to import",
    ),
    "unknown table": (["run", "--table", "VIII"], "unknown table 'VIII': did you mean 'VII'?"),
    "unknown figure": (["plan", "--figure", "3"], "unknown figure '3'"),
    "nothing to plan": (["plan"], "say what to run: --all, or any of --table"),
    "unknown category to show": (
        ["data", "sheet", "--out", "never-made.html", "--category", "car"],
        "unknown category 'car'",
    ),
    "nothing to show": (["data", "sheet", "--out", "never-made.html", "--each", 0], "--each must be at least 1, got 0"),
    "size to show out of range": (
        ["data", "sheet", "--out", "never-made.html", "--size", 2000],
        "--size must be from 32 to 1024, got 2000",
    ),
    "unknown profile to show": (["profile", "show", "--profile", "cj"], "unknown profile 'cj': did you mean 'ci'?"),
    "size out of range": (
        ["data", "generate", "--out", "never-made", "--size", 8],
        "--size must be from 32 to 1024, got 8",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_is_one_line_and_nothing_is_written(
    case: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words, message = UNUSABLE[case]
    takes_results = words[0] in ("run", "report", "tables")
    extra = ["--results", tmp_path / "results"] if takes_results else []
    extra += ["--cache", tmp_path / "cache"] if words[0] == "run" else []
    assert message in refused([*words, *extra], capsys, tmp_path)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


FAULTS = {
    "no masks": (lambda c: shutil.rmtree(c / "ground_truth"), "category widget has no masks"),
    "mask size": (
        lambda c: write_image(c / "ground_truth/hole/000_mask.png", np.zeros((9, 9), dtype=np.uint8)),
        "is 9 x 9 px but its image",
    ),
    "unreadable image": (lambda c: (c / "test/hole/000.png").write_text("no"), "unreadable image"),
    "truncated image": (lambda c: cut_in_half(c / "test/hole/000.png"), "unreadable image"),
    "truncated normal": (lambda c: cut_in_half(c / "train/good/000.png"), "unreadable image"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_unusable_images_are_one_line_and_nothing_is_written(
    fault: str, category: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    harm, message = FAULTS[fault]
    harm(category)
    words = [
        *folder_run(category.parent, *ONE_METHOD),
        "--results",
        tmp_path / "results",
        "--cache",
        tmp_path / "cache",
    ]
    assert message in refused(words, capsys, tmp_path)


def test_refusals_leave_the_process_with_code_2_and_no_traceback(command_line: CommandLine) -> None:
    done = command_line("run", "--method", "albunett")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: unknown method 'albunett': did you mean 'albunet'?\n"
    assert command_line("run", "--shots", "many").returncode == 2


def test_what_resizing_and_empty_masks_do_is_said_aloud_and_stored(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_category(category, images=9)
    tiny = np.zeros((480, 480), dtype=np.uint8)
    tiny[0, 0] = 255
    for name in ("000", "001"):
        write_image(category / f"test/hole/{name}.png", np.full((480, 480, 3), int(name), dtype=np.uint8))
        write_image(category / f"ground_truth/hole/{name}_mask.png", tiny if name == "000" else tiny * 0)
    words = [
        *folder_run(category.parent, *ONE_METHOD),
        "--results",
        tmp_path / "results",
        "--cache",
        tmp_path / "cache",
    ]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().err
    assert "widget: 1 defective images have no mask pixel above 127 and are left out" in said
    assert "widget: 2 of 24 images are not 48 x 48 px" in said
    assert "widget, 1-shot, seed 0: 1 defective" in said
    assert "no mask pixel left at 64 px" in said
    run = json.loads(next((tmp_path / "results" / "runs").glob("*/run.json")).read_text())
    assert len(run["notes"]) == 3
    assert "no mask pixel left at 64 px" in (tmp_path / "results" / "report.html").read_text()


def test_methods_are_listed_with_their_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed["albunet_nbr_cap"]["parameters"] == 34_604_897
    assert listed["unet"]["gmacs"] == pytest.approx(55.80, abs=0.005)
    assert listed["albunet_nbr"]["label"] == "B+NBR"
    promised = {"name", "label", "parameters", "gmacs", "reference", "pretrained", "recipe"}
    assert all(promised <= set(entry) for entry in listed.values())
    assert main(["methods"]) == 0
    shown = capsys.readouterr().out
    for word in ("34,604,897", "126.35", "resnet34-b627a593.pth", "NBR (euclidean) + CaP", "Ronneberger et al."):
        assert word in shown


def test_a_method_is_checked_against_its_contract(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["methods", "--check", "unet"]) == 0
    assert capsys.readouterr().out.count("pass  ") == 1 + len(contract.CHECKS)
    monkeypatch.setattr(UNet, "decode", lambda self, features: features[-1])
    assert main(["methods", "--check", "unet"]) == 1
    assert "FAIL  logits have the size of the images: got (2, 512, 4, 8)" in capsys.readouterr().out
    assert main(["methods", "--check", "unet", "--json"]) == 1
    assert {"name", "passed", "message"} == set(json.loads(capsys.readouterr().out)[0])


def test_synthetic_data_is_listed_generated_and_usable_as_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "list", "--cache", str(tmp_path / "cache")]) == 0
    assert "carpet: train/good 140, test/good 14" in capsys.readouterr().out
    generate = ["data", "generate", "--out", str(tmp_path / "out"), "--size", "32", "--category", "bottle"]
    assert main(generate) == 0
    assert main(generate) == 2
    assert "exists already" in capsys.readouterr().err
    assert (
        main(["data", "list", "--dataset", "folder", "--data-root", str(tmp_path / "out"), "--cache", str(tmp_path)])
        == 0
    )
    assert "bottle: train/good 105, test/good 10, test/broken_large 10" in capsys.readouterr().out


def test_a_manifest_names_the_draws_that_cannot_be_made(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "manifest", "--dataset", "folder", "--data-root", str(category), "--out", str(tmp_path / "out")]
    assert main([*words, "--cache", str(tmp_path / "cache")]) == 0
    assert "no draw: category widget: 5 shots need 5 annotated" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out" / "draws.csv")) == 5 * 2 + 5 * (1 + 5)


def test_a_manifest_is_written_with_its_draws(category: Path, tmp_path: Path) -> None:
    make_category(category, images=6)
    out = tmp_path / "manifest"
    words = ["--out", str(out), "--cache", str(tmp_path / "cache")]
    assert main(["data", "manifest", str(category), *words]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "dataset.json",
        "draw_digests.csv",
        "draws.csv",
        "images.csv",
    ]
    draws = pd.read_csv(out / "draws.csv")
    assert len(draws) == 5 * (2 + 10) + 5 * (1 + 5)
    assert list(json.loads((out / "dataset.json").read_text())["digests"]) == ["widget"]

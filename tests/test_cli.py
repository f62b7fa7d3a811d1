"""The command line as a user meets it: whole runs, repeated, killed and resumed; and clear refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from baselines import contract
from baselines.errors import InputError
from baselines.networks import SegmentationNetwork
from baselines.networks.unet import UNet
from benchmark.cli import VERBS, main
from benchmark.protocol.runs import RunSpec
from benchmark.results.table import load_results
from tests.conftest import REPOSITORY, CommandLine, make_category, tiny_with, write_image
from tests.models.conftest import do

ONE_METHOD = ("--method", "unet", "--shots", 1, "--seed", 0)


def folder_run(root: Path, *words: object, settings: tuple[str, ...] = ()) -> tuple[object, ...]:
    return ("run", "--dataset", "folder", "--data-root", root, *tiny_with(*settings), "--jobs", 1, *words)


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
        kept = [np.load(run / "predictions.npz") for run in (a, b)]
        assert all(np.array_equal(kept[0][array], kept[1][array]) for array in kept[0].files)
        pictures = sorted(path.name for path in (a / "samples").iterdir())
        assert pictures
        for picture in pictures:
            assert (a / "samples" / picture).read_bytes() == (b / "samples" / picture).read_bytes()


def test_a_selection_is_run_stored_tabled_and_reported_the_same_by_any_number_of_processes(
    command_line: CommandLine, category: Path, tmp_path: Path
) -> None:
    words = folder_run(category.parent, "--method", "unet", "--method", "albunet_nbr_cap", "--shots", 1, 2)
    words = (*words, "--seed", 0, "--set", "batch_size=2")
    done = command_line(*words)
    assert done.returncode == 0, done.stderr
    assert "4 runs: 0 stored, 4 to do" in done.stderr
    assert "[4/4] widget albunet_nbr_cap 2-shot seed 0: IOU" in done.stderr
    assert "K = 1: " in done.stdout
    assert "1 category; 6 needed" in done.stdout or "no ranking yet" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert f"report: {Path('results') / 'report.html'}" in done.stdout
    page = (tmp_path / "results" / "report.html").read_text()
    assert "B+NBR+CaP (ours)" in page
    table = load_results(tmp_path / "results")
    assert len(table) == 4
    assert set(table["status"]) <= {"done", "not_converged"}
    assert table[["iou", "dc", "auc", "acc"]].notna().all(axis=None)

    again = do(tmp_path, *words, "--cache", "cache")
    assert again.returncode == 0
    assert "4 runs: 4 stored, 0 to do" in again.stderr
    listed = do(tmp_path, "tables", "--table", "II", "--format", "json")
    assert {cell["column"] for cell in json.loads(listed.stdout)["cells"]} == {"U-Net", "B+NBR+CaP (ours)"}
    assert do(tmp_path, "report", "--out", "page.html").returncode == 0
    assert (tmp_path / "page.html").is_file()

    two = do(tmp_path, *words, "--results", "two", "--cache", "cache-two", "--jobs", 2)
    assert two.returncode == 0, two.stderr
    same_results(tmp_path / "results", tmp_path / "two")


@pytest.mark.slow  # test_interruptions kills at random moments, and more
def test_a_killed_study_stores_complete_runs_only_and_the_same_command_completes_it(
    command_line: CommandLine, category: Path, tmp_path: Path
) -> None:
    words = folder_run(
        category.parent, "--method", "unet", "--shots", 1, "--seed", *range(6), settings=("iterations=40",)
    )
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


def test_interrupting_exits_130_and_reports_what_is_kept(category: Path, tmp_path: Path) -> None:
    words = folder_run(category.parent, *ONE_METHOD, settings=("iterations=100000",))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *map(str, words)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stderr=subprocess.PIPE,
        text=True,
        # Tests started in the background may ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "1 to do" in line:
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "0 finished runs are kept" in rest
    assert "Traceback" not in rest
    assert not list(tmp_path.joinpath("results").rglob("*"))


def test_a_failed_run_is_recorded_the_others_continue_and_it_is_tried_again_on_request(
    category: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import benchmark.training.one_run

    train = benchmark.training.one_run.train

    def fail_for_seed_1(network: SegmentationNetwork, spec: RunSpec, *rest: Any) -> pd.DataFrame:
        if spec.seed == 1:
            raise RuntimeError("no memory for <this>")
        return train(network, spec, *rest)

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
    assert "1 of 3 runs failed; excluded from the means: widget 1-shot: U-Net (1 of 3)." in page
    monkeypatch.setattr(benchmark.training.one_run, "train", train)
    assert main(words) == 1
    assert "3 runs: 2 stored, 0 to do, 1 failed earlier: add --retry-failed" in capsys.readouterr().err
    assert load_results(results)["status"].eq("failed").tolist() == [False, True, False]
    assert main([*words, "--retry-failed"]) == 0
    assert "failed" not in set(load_results(results)["status"])


# Beside those of test_refusals.py and data/test_bad_inputs.py: what cannot be used, and what the line must name.
UNUSABLE = (
    ("rum", "unknown verb 'rum': did you mean 'run'?"),
    ("run --method unet --set image_size=16", "image size 16"),
    ("run --method unet --category carpet --shots 50 --set batch_size=4", "category carpet: 50 shots"),
    ("run --method smp:FPN/mobilenet_v2+nbr", "smp:FPN/mobilenet_v2"),
    ("run --method smp:PAN/resnet18 --set width=1 image_size=64", "smp:PAN/resnet18"),
    ("run --method smp:Unet/resnet18 --set weights=imagenet width=1", "smp:Unet/resnet18"),
    (
        "run --method albunet --set weights=imagenet width=1 --weights-dir /nowhere",
        "/nowhere/resnet34-b627a593.pth",
    ),
    ("run --method unet --device cuda:99", "'cuda:99'"),
    ("profile show --profile cj", "unknown profile 'cj': did you mean 'ci'?"),
)


def test_what_cannot_be_used_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, name in UNUSABLE:
        cache = ["--cache", str(tmp_path / "cache")] if words.startswith("run ") else []
        assert main([*words.split(), *cache]) == 2, words
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: "), words
        assert name in line
        assert not (tmp_path / "results").exists()


def test_refusals_leave_the_process_with_code_2_and_no_traceback(command_line: CommandLine) -> None:
    done = command_line("run", "--method", "albunett")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: unknown method 'albunett': did you mean 'albunet'?\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("run --shots many", ("--shots", "many")),
        ("run --shots", ("--shots", "at least one")),
        ("tables --format xml", ("--format", "xml", "latex")),
        ("data lst", ("lst", "list, ", "benchmark data --help")),
        ("", ("VERB", "--help")),
    ],
)
def test_options_that_cannot_be_parsed_are_refused_in_one_line(
    words: str, named: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert all(name in line.replace("'", "") for name in named)


def test_help_lists_all_verbs_and_only_the_chosen_ones_module_is_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for words in (["--help"], ["run", "--help"]):
        with pytest.raises(SystemExit, match="0"):
            main(words)
    shown = capsys.readouterr().out
    assert all(f"    {verb:<10}{summary}\n" in shown for verb, summary in VERBS.items())
    assert "--retry-failed" in shown
    imported = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from benchmark.cli import main; main(['profile', 'list']); print(*sys.modules, sep='\\n')",
        ],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {name for name in imported if name.startswith("benchmark.commands.")} & {
        f"benchmark.commands.{verb}" for verb in VERBS
    } == {"benchmark.commands.profile"}


def test_warnings_and_hostile_names_are_one_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def do(options: object) -> int:
        warnings.warn("a file\nwith \x1b[31mcolour", stacklevel=1)
        raise InputError("category 'a\nb\x07' is unknown")

    monkeypatch.setattr("benchmark.commands.profile.do_list", do)
    assert main(["profile", "list"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        r"warning: a file\nwith \x1b[31mcolour",
        r"error: category 'a\nb\x07' is unknown",
    ]


def test_notes_on_resized_and_empty_masks_are_logged_and_stored(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_category(category, images=9)
    tiny = np.zeros((480, 480), dtype=np.uint8)
    tiny[0, 0] = 255
    for name in ("000", "001"):
        write_image(category / f"test/hole/{name}.png", np.full((480, 480, 3), int(name), dtype=np.uint8))
        write_image(category / f"ground_truth/hole/{name}_mask.png", tiny if name == "000" else tiny * 0)
    where = ("--results", tmp_path / "results", "--cache", tmp_path / "cache")
    assert main([str(word) for word in folder_run(category.parent, *ONE_METHOD, *where)]) == 0
    said = capsys.readouterr().err
    assert "widget: 1 defective image has no mask pixel above 127 and is left out" in said
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


def test_pastings_are_listed_with_what_they_are_added_as(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--pastings", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    additions = [entry["addition"] for entry in listed]
    assert additions[0] == "cap"
    assert {"cap-place", "cap-poisson", "cap-elastic", "cap-photometric", "cap-cutpaste", "cap-perlin"} < {*additions}
    assert main(["methods", "--pastings"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "addition", "label", "reference"]
    for line, entry in zip(lines, listed, strict=True):
        assert line.split() == " ".join(entry.values()).split()


def test_a_method_is_checked_against_its_contract(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["methods", "--check", "unet"]) == 0
    assert capsys.readouterr().out.count("pass  ") == 1 + len(contract.CHECKS)
    monkeypatch.setattr(UNet, "decode", lambda self, features: features[-1])
    assert main(["methods", "--check", "unet"]) == 1
    assert "FAIL  logits have the size of the images: got (2, 512, 4, 8)" in capsys.readouterr().out
    assert main(["methods", "--check", "unet", "--json"]) == 1
    assert {"method", "name", "passed", "message"} == set(json.loads(capsys.readouterr().out)[0])


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

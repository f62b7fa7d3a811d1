"""``check`` from the command line: it writes a baseline, passes, fails, refuses, and reuses no run of other code."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import benchmark.commands.check as command
from benchmark.cli import main
from benchmark.gate import scope
from tests.conftest import CommandLine, make_category

METHODS = ("unet", "albunet_nbr_cap")


def words(folder: Path, *more: object) -> list[str]:
    """``check`` of two methods on a folder of images, a second or two in all, too short to learn anything."""
    profile = folder / "tiny.toml"
    if not profile.exists():
        settings = ["image_size = 64", "iterations = 3", "width = 0.1", "curve_every = 0", "weights = 'none'"]
        profile.write_text("\n".join([f"methods = {list(METHODS)}", "shots = [1]", "seeds = [0, 1]", *settings]))
    common = ["--profile", profile, "--dataset", "folder", "--data-root", folder / "data", "--cache", folder / "cache"]
    places = ["--results", folder / "results", "--baseline", folder / "tiny.json", "--jobs", 1]
    return [str(word) for word in ("check", *common, *places, *more)]


@pytest.fixture(scope="module")
def with_baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images and the baseline of two methods, six seeds each."""
    folder = tmp_path_factory.mktemp("check")
    make_category(folder / "data" / "widget")
    assert main(words(folder, "--update", "--repeats", 6)) == 0
    return folder


@pytest.fixture
def folder(with_baseline: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(with_baseline, tmp_path / "check"))


def edit(path: Path, **changes: Any) -> None:
    """Change the baseline's record of U-Net's seed 0."""
    content = json.loads(path.read_text())
    content["runs"][0].update(changes)
    path.write_text(json.dumps(content))


def test_a_baseline_is_written_and_unchanged_code_passes(
    command_line: CommandLine, with_baseline: Path, tmp_path: Path
) -> None:
    done = command_line(*words(with_baseline, "--out", tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "bit-level: hardware and versions are the baseline's" in done.stdout
    assert done.stdout.splitlines()[-1] == "passed: 2 identical"
    assert (tmp_path / "out" / "check.txt").read_text() == done.stdout
    assert json.loads((tmp_path / "out" / "check.json").read_text())["passed"] is True
    suites = ElementTree.parse(tmp_path / "out" / "check.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("2", "0")
    content = json.loads((with_baseline / "tiny.json").read_text())
    assert len(content["runs"]) == 2 * 6
    assert sorted(run["seed"] for run in content["runs"] if run["method"] == "unet") == list(range(6))
    assert {"processor", "torch", "numpy", "threads"} < set(content["machine"])
    run = content["runs"][0]
    with next(with_baseline.glob(f"results/check/*/runs/{run['id']}/curve.csv")).open() as curve:
        late = [float(row["segmentation"]) for row in csv.DictReader(curve)][1:]  # of three iterations
    assert run["segmentation"] == pytest.approx(math.log(late[0] * late[1]) / 2)


def test_a_fall_fails_a_rise_does_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "tiny.json", iou=1.0)
    assert main(words(folder)) == 1
    printed = capsys.readouterr().out
    assert "widget unet 1-shot: WORSE, IOU fell by" in printed
    assert printed.splitlines()[-1] == "FAILED: 1 WORSE, 1 identical"
    edit(folder / "tiny.json", iou=0.0, dc=0.0, auc=0.0, acc=0.0)
    assert main(words(folder, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["verdict"] == "better"


def test_another_draw_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "tiny.json", draw="0" * 16)
    assert main(words(folder)) == 1
    assert "OTHER IMAGES, seed 0 was trained on other images" in capsys.readouterr().out


def test_another_machine_is_named_and_tolerances_apply(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((folder / "tiny.json").read_text())
    content["machine"]["processor"] = "abacus"
    (folder / "tiny.json").write_text(json.dumps(content))
    assert main(words(folder)) == 0
    printed = capsys.readouterr().out
    assert "statistical: processor is " in printed
    assert "in the baseline abacus. Tolerances are those of checks with other seeds" in printed
    assert main(words(folder, "--gate", "bit")) == 2
    assert "error: runs cannot be compared bit by bit: processor is" in capsys.readouterr().err


def test_runs_of_other_code_are_not_reused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(folder)) == 0
    assert "4 runs: 4 stored, 0 to do" in capsys.readouterr().err  # by the update
    monkeypatch.setattr(scope, "code_digest", lambda *_: "another")
    assert main(words(folder)) == 0
    assert "4 runs: 0 stored, 4 to do" in capsys.readouterr().err
    assert len(list((folder / "results" / "check").iterdir())) == 2


def test_stored_runs_are_compared_without_training_and_missing_ones_fail(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checked,) = (folder / "results" / "check").iterdir()
    stored = ("--stored", "--results", checked)
    assert main(words(folder, *stored)) == 0
    assert "other code" not in capsys.readouterr().out
    for path in checked.glob("runs/*/run.json"):
        content = json.loads(path.read_text())
        content["environment"]["code"] = "another"
        path.write_text(json.dumps(content))
    shutil.rmtree(next(checked.glob("runs/widget_unet_k1_s1_*")))
    assert main(words(folder, *stored)) == 1
    printed = capsys.readouterr()
    assert "widget unet 1-shot: MISSING, seed 1 was not run" in printed.out
    assert "the stored runs were trained by other code" in printed.out
    assert "to do" not in printed.err
    assert main(words(folder, *stored, "--update", "--repeats", 6)) == 1
    printed = capsys.readouterr()
    assert "1 runs are missing: no baseline was written" in printed.err


def test_a_failed_run_fails_the_check_with_its_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(folder, "--timeout", 1e-6, "--results", folder / "new")) == 1
    printed = capsys.readouterr().out
    assert "widget unet 1-shot: MISSING, seed 0 failed: TimeoutError" in printed
    assert printed.splitlines()[-1] == "FAILED: 2 MISSING"


def test_a_removed_method_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "tiny.json"
    path.write_text(path.read_text().replace('"method": "unet"', '"method": "unett"'))
    assert main(words(folder)) == 1
    assert (
        "widget unett 1-shot: MISSING, seed 0 unknown method 'unett': did you mean 'unet'?" in capsys.readouterr().out
    )


def test_a_check_can_be_narrowed_and_given_other_seeds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(folder, "--method", "unet", "--seed", 3)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "passed: 1 identical"
    assert main(words(folder, "--method", "unet", "--seed", 7, 8)) == 0
    printed = capsys.readouterr().out
    assert "seed 7 is not in the baseline" in printed
    assert printed.splitlines()[-1] == "passed: 1 within tolerance"


def test_an_update_prints_what_changed_and_measures_differences_to_another_machine(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((folder / "tiny.json").read_text())
    edit(folder / "tiny.json", iou=1.0)
    assert main(words(folder, "--update", "--repeats", 6)) == 0
    printed = capsys.readouterr().out
    assert "12 seeds" not in printed
    assert [line.split()[:3] for line in printed.splitlines() if line.startswith("widget")] == [["widget", "1", "unet"]]
    assert json.loads((folder / "tiny.json").read_text()) == before

    (checked,) = (folder / "results" / "check").iterdir()
    elsewhere = Path(shutil.copytree(checked, folder / "elsewhere"))
    assert main(words(folder, "--update", "--repeats", 6, "--elsewhere", elsewhere)) == 2
    assert "the runs in --elsewhere are of the same kind of machine" in capsys.readouterr().err
    for path in elsewhere.glob("runs/*/run.json"):
        content = json.loads(path.read_text())
        content["environment"]["processor"] = "abacus"
        content["metrics"]["iou"] = 0.25
        path.write_text(json.dumps(content))
    assert main(words(folder, "--update", "--repeats", 6, "--elsewhere", elsewhere)) == 0
    assert "with differences to another machine" in capsys.readouterr().out
    content = json.loads((folder / "tiny.json").read_text())
    assert content["elsewhere"]["processor"] == "abacus"
    assert all(run["differs"][0] == 0.25 - run["iou"] for run in content["runs"])
    assert main(words(folder, "--gate", "statistical")) == 0
    assert "Tolerances are those of checks with same seeds" in capsys.readouterr().out
    assert main(words(folder, "--update", "--repeats", 6)) == 0  # differences are kept, since the runs are the same
    assert json.loads((folder / "tiny.json").read_text()) == content
    shutil.rmtree(next(elsewhere.glob("runs/widget_unet_k1_s1_*")))
    assert main(words(folder, "--update", "--repeats", 6, "--elsewhere", elsewhere)) == 2
    assert "1 runs of the baseline are not in --elsewhere" in capsys.readouterr().err


def test_an_assessment_trains_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / "data")
    assert main(words(folder, "--assess")) == 0
    assert "checks of 2 seeds, other seeds; a baseline of 6, resampled" in capsys.readouterr().out


# What is asked for, and the name or value that the refusal contains.
REFUSED: dict[tuple[object, ...], str] = {
    ("--baseline", "nowhere.json"): "nowhere.json",
    ("--set", "width=0.2"): "width is 0.2",
    ("--method", "albunett"): "'albunett'",
    ("--category", "wiget"): "'wiget'",
    ("--shots", 5): "'5'",
    ("--seed", 6, 7, 8, 9, 10): "5 seeds",
    ("--update", "--repeats", 4): "--repeats must be at least 5",
    ("--out", "/proc/nowhere"): "/proc/nowhere",
    ("--update", "--baseline", "/proc/nowhere/x.json"): "/proc/nowhere",
    ("--stored", "--results", "nowhere"): "nowhere",
    ("--jobs", 0): "--jobs",
    ("--assess", "--json"): "--json",
    ("--update", "--out", "out"): "--out",
}


def test_what_cannot_be_compared_is_refused_in_one_line_before_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "tiny.json").read_bytes()
    for more, named in REFUSED.items():
        assert main(words(folder, *more)) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        (line,) = printed.err.splitlines()
        assert line.startswith("error: ")
        assert named in line
    assert (folder / "tiny.json").read_bytes() == before


def test_other_images_are_refused_before_training(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((folder / "data" / "widget" / "test" / "crack").glob("*.png")).unlink()
    next((folder / "data" / "widget" / "ground_truth" / "crack").glob("000*")).unlink(missing_ok=True)
    assert main(words(folder)) == 2
    assert "images of category widget" in capsys.readouterr().err


@pytest.fixture(autouse=True, scope="module")
def committed_baseline_untouched() -> Iterator[None]:
    """Tests never touch the default baseline of the project."""
    path = command.BASELINES / "ci.json"
    before = path.read_bytes() if path.exists() else None
    yield
    assert (path.read_bytes() if path.exists() else None) == before

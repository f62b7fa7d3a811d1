"""The studies of ``examples/studies``: their profiles and scripts are valid, and their summary says what is stored."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmark.cli import build_parser
from benchmark.commands.selection import chosen_profile
from benchmark.protocol.profile import load_profile
from reports.statistics import mean_interval
from tests.conftest import REPOSITORY
from tests.factories import store_run

STUDIES = REPOSITORY / "examples" / "studies"


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.name)
def test_profiles_are_valid(path: Path) -> None:
    assert load_profile(str(path)).name == path.stem


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_run_commands_that_are_accepted(path: Path, tmp_path: Path) -> None:
    weights = tmp_path / "vgg16.pth"
    weights.touch()
    said = tmp_path / "said"
    stand_in = tmp_path / "bin" / "python"  # of the interpreter: it notes what it is asked for
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\nfor word; do printf \"'%s' \" \"$word\"; done >> '{said}'\necho >> '{said}'\n")
    stand_in.chmod(0o755)
    text = path.read_text()
    words = [*["data"] * (" DATA " in text), "results", *[str(weights)] * ("VGG16_FILE" in text), "--jobs", "2"]
    environment = os.environ | {"PATH": f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", str(path), *words], env=environment, check=True)
    commands = [shlex.split(line) for line in said.read_text().splitlines()]
    assert len(commands) > 1
    for command in commands:
        assert command[:3] == ["-m", "benchmark", "run"]
        options = build_parser("run").parse(command[2:])
        assert options.jobs == 2
        assert chosen_profile(options).image_size in (128, 256, 512)


def test_a_summary_has_the_means_of_the_stored_runs_and_paired_differences(tmp_path: Path) -> None:
    scores = {(100, "unet"): (0.2, 0.4), (100, "albunet"): (0.3, 0.4), (200, "unet"): (0.5, 0.1)}
    for (steps, method), values in scores.items():
        for seed, value in enumerate(values):
            store_run(tmp_path, value, method=method, seed=seed, settings=[f"iterations={steps}"])
    chart, strip = tmp_path / "chart.png", tmp_path / "strip.png"
    command = [sys.executable, STUDIES / "summarise.py", tmp_path, "--fields", "iterations", "--against", "unet"]
    done = subprocess.run(
        [*map(str, command), "--chart", str(chart), "--strip", str(strip)], capture_output=True, text=True, check=True
    )
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    table = [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]
    labels = {"unet": "U-Net", "albunet": "B (AlbuNet)"}
    assert [(row["setting"], row["method"]) for row in table] == [
        (f"iterations {steps}", labels[method]) for steps, method in scores
    ]
    for row, values in zip(table, scores.values(), strict=True):
        assert (row["K"], row["seeds"], row["not converged"]) == ("1", "2", "0")
        assert row["mean IOU"] == f"{sum(values) / 2:.3f}"
        assert row["95 % interval"] == "{:.3f} to {:.3f}".format(*mean_interval(values))
    low, high = mean_interval([0.3 - 0.2, 0.4 - 0.4])
    assert [row["difference"] for row in table] == ["", f"+0.050 ({low:+.3f} to {high:+.3f})", ""]
    for path in (chart, strip):
        with Image.open(path) as picture:
            assert picture.width > 200


@pytest.mark.parametrize(
    ("words", "said"),
    [([], "no runs in"), (["--fields", "nope"], "'nope'"), (["--against", "unet"], "no runs of unet")],
)
def test_a_summary_says_in_one_line_what_is_wrong(words: list[str], said: str, tmp_path: Path) -> None:
    if words:
        store_run(tmp_path, method="albunet")
    command = [sys.executable, str(STUDIES / "summarise.py"), str(tmp_path), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]

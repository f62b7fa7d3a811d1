"""The studies of ``examples/studies``: their profiles and scripts are valid, and their summary says what is stored."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmark.cli import build_parser, main
from benchmark.commands.selection import chosen_profile
from benchmark.protocol.profile import load_profile
from benchmark.results.table import load_results
from reports.statistics import mean_interval
from tests.conftest import REPOSITORY

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
    words = ["data", "results", *[str(weights)] * ("VGG16_FILE" in path.read_text()), "--jobs", "2"]
    environment = os.environ | {"PATH": f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", str(path), *words], env=environment, check=True)
    commands = [shlex.split(line) for line in said.read_text().splitlines()]
    assert len(commands) > 1
    for command in commands:
        assert command[:3] == ["-m", "benchmark", "run"]
        options = build_parser("run").parse(command[2:])
        assert options.jobs == 2
        assert chosen_profile(options).image_size in (128, 256, 512)


def test_a_summary_has_the_means_of_the_stored_runs(tmp_path: Path, shared_cache: Path) -> None:
    results = tmp_path / "results"
    words = ["run", "--method", "unet", "--category", "tile", "--shots", "1", "--seed", "0", "1", "--jobs", "1"]
    words += ["--results", str(results), "--cache", str(shared_cache), "--profile", "ci"]
    for steps in ("2", "3"):
        assert main([*words, "--set", f"iterations={steps}", "image_size=64", "curve_every=0"]) in (0, 1)
    stored = load_results(results)
    assert len(stored) == 4
    chart, strip = tmp_path / "chart.png", tmp_path / "strip.png"
    command = [sys.executable, STUDIES / "summarise.py", results, "--fields", "iterations"]
    done = subprocess.run(
        [*map(str, command), "--chart", str(chart), "--strip", str(strip)], capture_output=True, text=True, check=True
    )
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    table = [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]
    assert [row["setting"] for row in table] == ["iterations 2", "iterations 3"]
    for row, steps in zip(table, (2, 3), strict=True):
        values = stored[stored["settings"].str.contains(f'"iterations": {steps}')]["iou"].to_numpy(dtype=float)
        assert (row["method"], row["K"], row["seeds"]) == ("U-Net", "1", "2")
        assert row["mean IOU"] == f"{values.mean():.3f}"
        assert row["95 % interval"] == "{:.3f} to {:.3f}".format(*mean_interval(values))
    for path in (chart, strip):
        with Image.open(path) as picture:
            assert picture.width > 200

"""The example workflow calls commands that exist, and its steps agree on files."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any

import pytest
import yaml

from baselines import get_method
from benchmark.cli import build_parser
from benchmark.protocol.profile import load_profile
from reports.collect import PAPER_CATEGORIES
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "examples" / "github-actions"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load((FOLDER / "metrics.yml").read_text())
    return workflow["jobs"]


def commands(job: dict[str, Any]) -> list[list[str]]:
    """The arguments of each ``python -m benchmark`` call."""
    runs = [step["run"] for step in job["steps"] if "run" in step]
    return [shlex.split(run.split("-m benchmark ")[1]) for run in runs if "-m benchmark " in run]


def parse(words: list[str]) -> argparse.Namespace:
    return build_parser(words[0]).parse_args(words)


def test_the_command_line_accepts_every_command_of_the_workflow(jobs: dict[str, Any]) -> None:
    parsed = [parse(words) for job in jobs.values() for words in commands(job)]
    assert [options.verb for options in parsed] == ["check", "data", "check", "check"]
    assert [options.update for options in parsed if options.verb == "check"] == [False, False, True]


def test_later_steps_read_what_a_check_writes(jobs: dict[str, Any]) -> None:
    for job in jobs.values():
        outs = {parse(words).out for words in commands(job) if words[0] == "check"} - {None}
        uploaded = [step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert [str(out) for out in outs] == uploaded == ["metrics"]
        shown = [step["run"] for step in job["steps"] if "STEP_SUMMARY" in step.get("run", "")]
        assert re.findall(r"metrics/\S+\.txt", shown[0]) == ["metrics/check.txt"] * 2


def test_the_full_size_profile_is_valid() -> None:
    profile = load_profile(str(FOLDER / "full.toml"))
    assert (profile.image_size, profile.iterations, profile.weights) == (512, 1350, "imagenet")
    assert [get_method(name).name for name in profile.methods] == list(profile.methods)
    assert set(profile.categories) <= set(PAPER_CATEGORIES)

"""Other pastings on the command line: the same results in workers, also of a pasting from a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.results.store import read_run
from tests.conftest import REPOSITORY, TINY, make_category
from tests.test_cli import same_results
from tests.test_example_plugin import COMMANDS

FAINT = REPOSITORY / "examples" / "pasting_faint.py"


@pytest.mark.slow
def test_results_depend_on_the_pasting_and_not_on_the_number_of_workers(tmp_path: Path) -> None:
    data = make_category(tmp_path / "data" / "widget").parent
    run = ["run", "--dataset", "folder", "--data-root", str(data), *TINY, "crop_paste=1", "--shots", "1", "--seed", "0"]
    run += ["--method", "unet+cap-elastic", "unet+cap-perlin", "unet+cap-poisson", f"{FAINT}:unet+cap-faint"]
    commands = [[*run, "--results", f"jobs{jobs}", "--jobs", jobs] for jobs in ("1", "2")]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [code for code, _ in json.loads(done.stdout)] == [0, 0], done.stderr
    same_results(tmp_path / "jobs1", tmp_path / "jobs2")

    folders = sorted((tmp_path / "jobs1" / "runs").iterdir())
    identities = [read_run(folder).identity for folder in folders]
    assert [identity.recipe["pasting"] for identity in identities] == ["elastic", "faint", "perlin", "poisson"]
    assert [identity.file_digest is not None for identity in identities] == [False, True, False, False]
    assert len({(folder / "curve.csv").read_bytes() for folder in folders}) == len(folders)

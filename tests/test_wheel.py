"""The wheel is complete: it runs from another folder, without the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, TINY, make_category


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, unpacked as by an installer."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy, since the files of an earlier build would end up in the wheel
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_its_data_files_and_nothing_of_the_tests(installed: Path) -> None:
    for name in (
        "benchmark/protocol/profiles/quick.toml",
        "benchmark/protocol/profiles/paper.toml",
        "reports/templates/report.html",
        "reports/templates/_page.html",
        "reports/page/sections.py",
        "reports/static/report.css",
        "reports/paper/claims.toml",
        "reports/paper/bold.csv",
        "reports/paper/tables/table_2_iou.csv",
        "reports/static/report.js",
        "data_manifests/README.md",
        "data_manifests/synthetic/draws.csv",
        "data_manifests/synthetic/images.csv",
        "data_manifests/mvtec_ad/archive.json",
        "data_manifests/mvtec_ad/counts.csv",
        "data_manifests/mvtec_ad/images.csv",
    ):
        assert (installed / name).is_file(), name
    assert not (installed / "tests").exists()


def test_the_wheel_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    make_category(tmp_path / "data" / "widget")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "PYTHONPATH": str(installed),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    where = "import benchmark, baselines, reports; print(benchmark.__file__, baselines.__file__, reports.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert all(path.startswith(str(installed)) for path in found.stdout.split())
    words = [
        "run",
        "--dataset",
        "folder",
        "--data-root",
        "data",
        "--method",
        "unet",
        "--shots",
        "1",
        "--seed",
        "0",
        *TINY,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "report.html").is_file()

"""Small real things that tests share: image folders, a way to run the command line, real defect images."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from baselines import method_names, networks, pasting, registry

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("BENCHMARK_REAL_DATA") or REPOSITORY.parent / "shared" / "data")

torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the golden file of refusals anew."""
    parser.addoption("--update-refusals", action="store_true", help="write tests/refusals.txt anew")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real defect images, which are never part of the repository."""
    if not REAL_DATA.is_dir():
        pytest.skip("real defect images are not here (set BENCHMARK_REAL_DATA)")
    return REAL_DATA


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decoded images that tests may share: the cache is addressed by content."""
    return tmp_path_factory.mktemp("cache")


def write_image(path: Path, pixels: np.ndarray) -> Path:
    """Save an image, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_category(
    folder: Path,
    defects: Sequence[str] = ("crack", "hole"),
    images: int = 4,
    normals: int = 4,
    test_normals: int = 2,
    size: int = 48,
    mask_name: str = "{stem}_mask.png",
) -> Path:
    """Write a category in MVTec AD's layout: grey noise with a bright square as defect."""
    rng = np.random.default_rng(0)

    def noise() -> np.ndarray:
        return rng.integers(80, 120, (size, size, 3), dtype=np.uint8)

    for split, count in (("train", normals), ("test", test_normals)):
        for index in range(count):
            write_image(folder / split / "good" / f"{index:03d}.png", noise())
    for kind in defects:
        for index in range(images):
            pixels, mask = noise(), np.zeros((size, size), dtype=np.uint8)
            top, left = rng.integers(4, size - 20, 2)
            mask[top : top + 14, left : left + 14] = 255
            pixels[mask > 0] = 240
            stem = f"{index:03d}"
            write_image(folder / "test" / kind / f"{stem}.png", pixels)
            write_image(folder / "ground_truth" / kind / mask_name.format(stem=stem), mask)
    return folder


@pytest.fixture
def category(tmp_path: Path) -> Path:
    """One category below a root of its own."""
    return make_category(tmp_path / "data" / "widget")


CommandLine = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """Run ``python -m benchmark`` in another folder, as a user would."""

    def run(*words: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "benchmark", *map(str, words)],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


# Settings under which a run takes about a second; nothing is learned.
TINY = ("--set", "image_size=64", "iterations=3", "width=0.1", "curve_every=2")


def tiny_with(*changed: object) -> tuple[str, ...]:
    """``TINY`` with other values of some fields."""
    replaced = {str(assignment).partition("=")[0] for assignment in changed}
    return (*(word for word in TINY if word.partition("=")[0] not in replaced), *map(str, changed))


@contextmanager
def forgetting() -> Iterator[None]:
    """Forget at the end which methods and networks were registered, as if a process ended."""
    method_names()
    places = (
        (registry, "_METHODS"),
        (registry, "_FILES"),
        (networks, "_NETWORKS"),
        (networks, "_FILES"),
        (pasting, "_PASTINGS"),
    )
    with pytest.MonkeyPatch.context() as patch:
        for module, name in places:
            patch.setattr(module, name, copy(getattr(module, name)))
        yield


@pytest.fixture
def forgetful_registry() -> Iterator[None]:
    """Forget, after a test, which methods and networks it registered."""
    with forgetting():
        yield


@pytest.fixture
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``plan`` measure this machine for a tenth of a second, for tests of what it says beside the hours."""
    from benchmark.execution.cost import measured_rate  # not needed by other tests

    monkeypatch.setattr("benchmark.execution.plan.measured_rate", partial(measured_rate, budget=0.05))

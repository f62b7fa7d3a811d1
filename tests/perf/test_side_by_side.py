"""Choices measured side by side, printed as ratios (``tox -e perf``); ``python -m benchmark bench`` has the rest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from baselines import create_network
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.environment import prepare_torch
from tests.conftest import make_category

pytestmark = pytest.mark.perf


def ratio(name: str, first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> None:
    """Time two things in turn and print the median of the ratios of their times, pair by pair."""

    def seconds(work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    print(f"\n{name}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f}, {rounds} pairs)")


def test_the_manifest_of_unchanged_files(tmp_path: Path) -> None:
    root = make_category(tmp_path / "widget", images=20, normals=40, size=512)
    caches = iter(range(100))
    FolderDataSet(root, ImageCache(tmp_path / "warm")).manifest("widget")
    ratio(
        "looking into 86 images of 512 px against knowing them already",
        lambda: FolderDataSet(root, ImageCache(tmp_path / f"cold{next(caches)}")).manifest("widget"),
        lambda: FolderDataSet(root, ImageCache(tmp_path / "warm")).manifest("widget"),
    )


@pytest.mark.parametrize("name", ["unet", "albunet"])
@pytest.mark.parametrize(("size", "width"), [(64, 0.25), (256, 1.0)])
def test_channels_last(name: str, size: int, width: float) -> None:
    prepare_torch(1)

    def steps(memory_format: torch.memory_format) -> Callable[[], object]:
        network = create_network(name, width=width).to(memory_format=memory_format)  # type: ignore[call-overload]
        images = torch.randn(2, 3, size, size).contiguous(memory_format=memory_format)

        def work() -> None:
            for _ in range(10 if size == 64 else 2):
                network.zero_grad()
                network(images).square().mean().backward()

        work()
        return work

    ratio(
        f"forward and backward of {name}, {size} px, width {width:g}: channels first against channels last",
        steps(torch.contiguous_format),
        steps(torch.channels_last),
        rounds=3,
    )

"""The weights a run starts from, and what of its settings it reads."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.predictions import to_arrays
from benchmark.results.run_result import RunResult
from benchmark.training.one_run import RunContext, build_network, measure_convergence, score_images, train_and_score
from benchmark.training.predict import Predictor

CPU = torch.device("cpu")


@pytest.fixture
def prepared(shared_cache: Path) -> tuple[RunSpec, RunSpec, RunContext, CategoryArrays]:
    """The same run without and with a prior from its masks."""
    dataset = SyntheticDataSet()
    specs = [
        select_runs(
            dataset,
            load_profile("quick", ["width=0.1", f"output_prior={prior}"]),
            [Selection(["albunet"], ["toothbrush"], [1], [0])],
        )[0]
        for prior in ("none", "masks")
    ]
    context = RunContext(dataset, ImageCache(shared_cache), CPU)
    return specs[0], specs[1], context, context.cache.arrays(dataset, "toothbrush", 64)


def test_the_prior_is_the_share_of_the_training_masks_and_nothing_else_changes(
    prepared: tuple[RunSpec, RunSpec, RunContext, CategoryArrays],
) -> None:
    without, with_masks, context, arrays = prepared
    assert without.id != with_masks.id
    plain, shifted = (build_network(spec, context, arrays).state_dict() for spec in (without, with_masks))
    assert [name for name in plain if not torch.equal(plain[name], shifted[name])] == ["head.bias"]
    share = np.mean([arrays.masks[index].mean() for index in with_masks.draw.shots])
    assert shifted["head.bias"].item() == pytest.approx(math.log(share / (1 - share)), rel=1e-5)


def test_an_empty_mask_still_gives_a_finite_prior(
    prepared: tuple[RunSpec, RunSpec, RunContext, CategoryArrays],
) -> None:
    _, spec, context, arrays = prepared
    empty = CategoryArrays(arrays.manifest, arrays.images, np.zeros_like(arrays.masks))
    assert build_network(spec, context, empty).state_dict()["head.bias"].item() == pytest.approx(
        math.log(1e-4), rel=1e-4
    )


class Echo(torch.nn.Module):
    """Marks the bright pixels of an image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :1] - 0.5


def test_convergence_is_the_share_of_training_defects_found_and_false_alarms_do_not_count() -> None:
    masks = np.zeros((3, 32, 32), dtype=bool)
    masks[:, :10, :10] = True
    marked = ~masks  # every pixel but the defect
    marked[1, :5, :10] = True
    marked[2] = True
    images = np.uint8(255) * np.repeat(marked[..., None], 3, axis=3).astype(np.uint8)
    records = tuple(ImageRecord("test", "cut", f"{i}.png", f"m{i}.png", defect_pixels=100) for i in range(3))
    arrays = CategoryArrays(CategoryManifest("test", "x", "", records), images, masks)
    protocol = load_profile("quick", ["image_normalisation=none"]).protocol(1)
    predictor = Predictor(Echo(), protocol, CPU)  # type: ignore[arg-type]
    for shots, share in (([0], 0.0), ([1], 0.5), ([0, 1], 0.25), ([0, 1, 2], 0.5), ([2], 1.0)):
        assert measure_convergence(score_images(predictor, arrays, shots).images).share == share
    assert measure_convergence(score_images(predictor, arrays, [0, 2]).images).train_iou == pytest.approx(
        (0 + 100 / 1024) / 2
    )


def spec_with(method: str, *settings: str) -> RunSpec:
    tiny = ("image_size=64", "width=0.1", "iterations=6", "curve_every=0", "learning_rate=0.01")
    profile = load_profile("quick", [*tiny, "normal_batches_per_defect_batch=1", *settings])
    return select_runs(SyntheticDataSet(), profile, [Selection([method], ["toothbrush"], [1], [0])])[0]


@cache
def result_of(spec: RunSpec, images: Path) -> RunResult:
    return train_and_score(spec, RunContext(SyntheticDataSet(), ImageCache(images), CPU))


@pytest.mark.parametrize(
    ("method", "setting", "unread"),
    [
        ("albunet_nbr", "baseline_crop_paste=1", True),
        ("albunet_nbr_cap", "background_average=background", True),
        ("albunet", "batch_norm_passes=joint", True),
        ("albunet", "nbr_weight=7", True),
        ("albunet", "baseline_crop_paste=1", False),
        ("albunet_nbr_cap_euclidean", "background_average=background", False),
        ("albunet_nbr", "batch_norm_passes=joint", False),
        ("albunet_nbr", "nbr_weight=7", False),
    ],
)
def test_settings_that_are_not_part_of_a_runs_identity_do_not_change_it(
    shared_cache: Path, method: str, setting: str, unread: bool
) -> None:
    specs = spec_with(method), spec_with(method, setting)
    assert (specs[0].id == specs[1].id) == unread
    one, other = (result_of(spec, shared_cache) for spec in specs)
    assert one.curve.equals(other.curve) == unread
    if unread:
        assert one.metrics == other.metrics
        pd.testing.assert_frame_equal(one.images, other.images, check_exact=True)
        arrays = to_arrays(one.predictions), to_arrays(other.predictions)
        assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])
        assert (one.convergence, one.liveness, one.terms) == (other.convergence, other.liveness, other.terms)


def test_the_last_reading_of_the_curve_is_the_runs_iou_and_the_others_are_as_those_of_a_longer_run(
    shared_cache: Path,
) -> None:
    context = RunContext(SyntheticDataSet(), ImageCache(shared_cache), CPU)

    def do(iterations: int) -> RunResult:
        profile = load_profile("quick", ["image_size=64", "width=0.1", f"iterations={iterations}", "curve_every=2"])
        selection = Selection(["albunet_nbr_cap"], ["toothbrush"], [1], [0])
        return train_and_score(select_runs(SyntheticDataSet(), profile, [selection])[0], context)

    longer, shorter, unread = do(6), do(4), do(5)
    due = [iteration % 2 == 0 for iteration in range(1, 7)]
    for result in (longer, shorter, unread):
        assert result.curve["test_iou"].notna().tolist() == due[: len(result.curve)]
    assert longer.curve["test_iou"].iloc[-1] == longer.metrics.iou
    assert shorter.curve["test_iou"].iloc[-1] == shorter.metrics.iou
    assert longer.curve["test_iou"].iloc[3] == pytest.approx(shorter.metrics.iou, rel=1e-6)
    assert longer.curve["test_iou"].iloc[1] == shorter.curve["test_iou"].iloc[1]

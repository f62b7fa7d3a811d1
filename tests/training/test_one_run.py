"""The weights a run starts from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.protocol.selection import Selection, select_runs
from benchmark.training.one_run import RunContext, build_network

CPU = torch.device("cpu")


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[RunSpec, RunSpec, RunContext, CategoryArrays]:
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
    context = RunContext(dataset, ImageCache(tmp_path / "cache"), CPU)
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

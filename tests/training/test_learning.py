"""The whole path learns: a small network marks defects it never saw, and would not if the loss were broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import benchmark.training.train
from baselines.losses import weighted_bce
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import CategoryManifest
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.training.one_run import RunContext, train_and_score


class CarpetHoles(SyntheticDataSet):
    """One defect type of one category: what a few hundred steps of a narrow network can learn."""

    def manifest(self, category: str) -> CategoryManifest:
        whole = super().manifest(category)
        return replace(whole, records=tuple(r for r in whole.records if r.label in ("good", "hole")))


def held_out_iou(cache: Path) -> float:
    """Train the paper's method under the quick profile on five images and return its mean IOU on the others."""
    profile = load_profile("quick", ["iterations=220", "curve_every=0"])
    dataset = CarpetHoles()
    selection = Selection(["albunet_nbr_cap"], ["carpet"], [5], [0])
    (spec,) = select_runs(dataset, profile, [selection])
    result = train_and_score(spec, RunContext(dataset, ImageCache(cache), torch.device("cpu")))
    assert result.metrics.iou is not None
    return result.metrics.iou


def test_the_method_learns_from_five_images(shared_cache: Path) -> None:
    assert held_out_iou(shared_cache) > 0.5


def mirrored(logits: Tensor, mask: Tensor, *rest: Any) -> Tensor:
    return weighted_bce(logits, mask.flip(-1), *rest)


def inverted(logits: Tensor, mask: Tensor, *rest: Any) -> Tensor:
    return weighted_bce(logits, 1 - mask, *rest)


@pytest.mark.parametrize("fault", [mirrored, inverted])
def test_with_a_broken_loss_it_does_not(shared_cache: Path, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    monkeypatch.setattr(benchmark.training.train, "weighted_bce", fault)
    assert held_out_iou(shared_cache) < 0.25

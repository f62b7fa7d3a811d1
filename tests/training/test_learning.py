"""Training generalises: a small network finds defects it has not seen, and does not if the loss is broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import benchmark.training.step
from baselines.losses import weighted_bce
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import CategoryManifest
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.training.one_run import RunContext, train_and_score


class CarpetHoles(SyntheticDataSet):
    """One defect type of one category, which a narrow network learns in a few dozen steps."""

    def manifest(self, category: str) -> CategoryManifest:
        manifest = super().manifest(category)
        return replace(manifest, records=tuple(r for r in manifest.records if r.label in ("good", "hole")))


def held_out_iou(cache: Path) -> float:
    """Train a small network fast, with NBR and CaP, on five images; return the mean IOU on the others."""
    settings = ["image_size=64", "width=0.25", "learning_rate=2e-3", "iterations=60", "curve_every=0"]
    profile = load_profile("quick", settings)
    dataset = CarpetHoles()
    selection = Selection(["unet+nbr+cap"], ["carpet"], [5], [0])
    (spec,) = select_runs(dataset, profile, [selection])
    result = train_and_score(spec, RunContext(dataset, ImageCache(cache), torch.device("cpu")))
    assert result.metrics.iou is not None
    return result.metrics.iou


def test_the_method_learns_from_five_images(shared_cache: Path) -> None:
    assert held_out_iou(shared_cache) > 0.7


def mirrored(logits: Tensor, mask: Tensor, *rest: Any, **named: Any) -> Tensor:
    return weighted_bce(logits, mask.flip(-1), *rest, **named)


def inverted(logits: Tensor, mask: Tensor, *rest: Any, **named: Any) -> Tensor:
    return weighted_bce(logits, 1 - mask, *rest, **named)


@pytest.mark.parametrize("fault", [mirrored, inverted])
def test_the_method_does_not_learn_with_a_broken_loss(
    shared_cache: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    monkeypatch.setattr(benchmark.training.step, "weighted_bce", fault)
    assert held_out_iou(shared_cache) < 0.1

"""Minibatches: the drawn images, in a sequence of their own, pasted with the probability of the recipe."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from baselines import Recipe
from baselines.losses import crop_and_paste
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.draws import draw_shots
from benchmark.training.batches import Minibatch, minibatches
from tests.training.made_up import BASELINE, CPU, NBR, OURS, spec_of


def levels(images: Tensor) -> list[int]:
    """The indices of the images of a batch, from their grey levels."""
    return (images[:, 0, 0, 0] * 255 / 20).round().int().tolist()


def first_batches(
    count: int, arrays: CategoryArrays, shots: int, recipe: Recipe, *settings: str, seed: int = 0
) -> list[Minibatch]:
    spec = spec_of(arrays, shots, recipe, "image_normalisation=none", *settings, seed=seed)
    return list(itertools.islice(minibatches(spec, arrays, CPU), count))


def test_batches_hold_the_drawn_images_with_their_masks(arrays: CategoryArrays) -> None:
    draw = draw_shots(arrays.manifest, 3, 0)
    for batch in first_batches(20, arrays, 3, BASELINE, "batch_size=2"):
        chosen, normals = levels(batch.defective), levels(batch.normal)
        assert set(chosen) <= set(draw.shots)
        assert set(normals) <= set(draw.normals)
        assert len(set(chosen)) == len(set(normals)) == 2  # no image twice while there are enough
        assert batch.mask.sum(dim=(1, 2, 3)).tolist() == [100, 100]


def test_a_batch_larger_than_the_draw_repeats_images(arrays: CategoryArrays) -> None:
    (batch,) = first_batches(1, arrays, 1, BASELINE, "batch_size=4")
    assert levels(batch.defective) == list(draw_shots(arrays.manifest, 1, 0).shots) * 4
    assert len(batch.mask) == 4


def test_the_sequence_is_the_same_for_every_method_and_differs_between_seeds(arrays: CategoryArrays) -> None:
    def sequence(recipe: Recipe, seed: int = 0) -> list[tuple[list[int], list[int]]]:
        drawn = first_batches(8, arrays, 4, recipe, "batch_size=2", seed=seed)
        return [(levels(batch.defective), levels(batch.normal)) for batch in drawn]

    assert sequence(NBR) == sequence(BASELINE) == sequence(OURS) != sequence(NBR, seed=1)


def test_the_share_of_pasted_batches_is_the_probability(arrays: CategoryArrays) -> None:
    def share(recipe: Recipe, *settings: str) -> float:
        return float(np.mean([batch.pasted is not None for batch in first_batches(400, arrays, 1, recipe, *settings)]))

    assert share(NBR) == 0
    assert share(OURS, "crop_paste=1") == 1
    assert 0.4 < share(OURS) < 0.6


def test_one_defect_batch_meets_several_normal_batches(arrays: CategoryArrays) -> None:
    drawn = first_batches(6, arrays, 4, NBR, "normal_batches_per_defect_batch=3", "batch_size=2")
    defects = [levels(batch.defective) for batch in drawn]
    assert defects[0] == defects[1] == defects[2]
    assert defects[3] == defects[4] == defects[5]
    assert len({tuple(levels(batch.normal)) for batch in drawn}) > 2


def test_a_pasted_batch_is_the_pastings_and_is_repeated(arrays: CategoryArrays) -> None:
    """Another pasting has other pasted images and masks, and the same defective and normal ones."""
    place = Recipe("cap", "realism", "cosine", pasting="place")
    copied = first_batches(12, arrays, 3, OURS, "batch_size=2")
    moved, again = (first_batches(12, arrays, 3, place, "batch_size=2") for _ in range(2))
    different = 0
    for one, other, same in zip(copied, moved, again, strict=True):
        assert torch.equal(one.defective, other.defective)
        assert torch.equal(one.normal, other.normal)
        assert (one.pasted is None) == (other.pasted is None)
        if one.pasted and other.pasted and same.pasted:
            assert torch.equal(one.pasted.images, crop_and_paste(one.defective, one.normal, one.mask))
            assert torch.equal(one.pasted.mask, one.mask)
            assert other.pasted.mask.sum() == one.mask.sum()
            assert torch.equal(other.pasted.images, crop_and_paste(one.defective, one.normal, other.pasted.mask))
            assert all(torch.equal(a, b) for a, b in zip(other.pasted, same.pasted, strict=True))
            different += not torch.equal(one.pasted.mask, other.pasted.mask)
    assert different > 0

"""Every equation of Section III against an independent statement in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.losses import crop_and_paste, downsample_mask, nbr_loss, realism_weight, weighted_bce

N, C, SIDE, CELL = 3, 5, 16, 4


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float64)).requires_grad_()


def random_masks(rng: np.random.Generator) -> np.ndarray:
    masks = np.zeros((N, 1, SIDE, SIDE))
    for sample in masks:
        top, left = rng.integers(0, SIDE - 5, 2)
        sample[0, top : top + 5, left : left + 3] = 1
    return masks


def numpy_small_mask(mask: np.ndarray, how: str) -> np.ndarray:
    """Mask of one image (SIDE, SIDE) to (SIDE / CELL, SIDE / CELL), cell by cell."""
    cells = SIDE // CELL
    small = np.zeros((cells, cells))
    for row in range(cells):
        for column in range(cells):
            block = mask[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
            small[row, column] = {"max": block.max(), "area": block.mean(), "nearest": block[CELL // 2, CELL // 2]}[how]
    return small


def numpy_nbr(
    defective: np.ndarray, normal: np.ndarray, masks: np.ndarray, how: str, similarity: str, average: str = "all_cells"
) -> float:
    total = 0.0
    for features, reference, mask in zip(defective, normal, masks[:, 0], strict=True):
        small = numpy_small_mask(mask, how)
        count = {"all_cells": small.size, "background": (1 - small).sum()}[average]
        background = np.array([(channel * (1 - small)).sum() / count for channel in features])
        vector = np.array([channel.sum() / channel.size for channel in reference])
        if similarity == "cosine":
            total -= background @ vector / (np.sqrt(background @ background) * np.sqrt(vector @ vector))
        else:
            total += np.sqrt(((background - vector) ** 2).sum())
    return total


def numpy_lambda(defective: np.ndarray, pasted: np.ndarray) -> np.ndarray:
    values = []
    for a, b in zip(defective.mean(axis=(2, 3)), pasted.mean(axis=(2, 3)), strict=True):
        values.append(abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)))
    return np.array(values)


def numpy_bce(logits: np.ndarray, masks: np.ndarray, weights: np.ndarray, reduction: str) -> float:
    total = 0.0
    for logit, mask, weight in zip(logits, masks, weights, strict=True):
        probability = 1 / (1 + np.exp(-logit))
        pixels = -(mask * np.log(probability) + (1 - mask) * np.log(1 - probability))
        total += weight * (pixels.sum() if reduction == "sum" else pixels.mean())
    return total


@pytest.mark.parametrize("how", ["max", "nearest", "area"])
def test_masks_shrink_cell_by_cell(rng: np.random.Generator, how: str) -> None:
    masks = random_masks(rng)
    small = downsample_mask(tensor(masks), (SIDE // CELL, SIDE // CELL), how)  # type: ignore[arg-type]
    expected = np.stack([numpy_small_mask(mask, how) for mask in masks[:, 0]])
    assert np.allclose(small.detach().numpy()[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("how", ["max", "nearest", "area"])
@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_nbr_is_equations_1_to_3(rng: np.random.Generator, how: str, similarity: str) -> None:
    defective, normal = rng.random((2, N, C, SIDE // CELL, SIDE // CELL))
    masks = random_masks(rng)
    arguments = tensor(defective), tensor(normal), torch.from_numpy(masks)
    loss = nbr_loss(*arguments, similarity, how)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(numpy_nbr(defective, normal, masks, how, similarity), abs=1e-6)
    assert torch.autograd.gradcheck(lambda a, b: nbr_loss(a, b, arguments[2], similarity, how), arguments[:2])


@pytest.mark.parametrize("how", ["max", "area"])
def test_the_average_over_background_cells_divides_by_their_number(rng: np.random.Generator, how: str) -> None:
    defective, normal = rng.random((2, N, C, SIDE // CELL, SIDE // CELL))
    masks = random_masks(rng)
    arguments = tensor(defective), tensor(normal), torch.from_numpy(masks)

    def loss(similarity: str, average: str) -> float:
        return nbr_loss(*arguments, similarity, how, average).item()  # type: ignore[arg-type]

    expected = {
        average: numpy_nbr(defective, normal, masks, how, "euclidean", average)
        for average in ("all_cells", "background")
    }
    assert expected["background"] != pytest.approx(expected["all_cells"], rel=0.05)
    for average, value in expected.items():
        assert loss("euclidean", average) == pytest.approx(value, abs=1e-6)
    assert loss("cosine", "background") == loss("cosine", "all_cells")
    same = tensor(np.ones((N, C, SIDE // CELL, SIDE // CELL)))
    assert nbr_loss(same, same, arguments[2], "euclidean", how, "background").item() == pytest.approx(0, abs=1e-6)  # type: ignore[arg-type]


def test_nbr_ignores_what_is_under_the_mask(rng: np.random.Generator) -> None:
    defective, normal = rng.random((2, N, C, SIDE // CELL, SIDE // CELL))
    masks = random_masks(rng)
    changed = defective.copy()
    for features, mask in zip(changed, masks[:, 0], strict=True):
        features[:, numpy_small_mask(mask, "max") > 0] = 1e3
    losses = [nbr_loss(tensor(f), tensor(normal), torch.from_numpy(masks)).item() for f in (defective, changed)]
    assert losses[0] == losses[1]
    features = tensor(defective)
    nbr_loss(features, tensor(normal), torch.from_numpy(masks)).backward()
    assert features.grad is not None
    for gradient, mask in zip(features.grad.numpy(), masks[:, 0], strict=True):
        under = numpy_small_mask(mask, "max") > 0
        assert not gradient[:, under].any()
        assert gradient[:, ~under].any()


@pytest.mark.parametrize("average", ["all_cells", "background"])
@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_an_image_that_is_all_defect_adds_nothing_to_nbr(
    rng: np.random.Generator, similarity: str, average: str
) -> None:
    defective, normal = rng.random((2, N, C, SIDE // CELL, SIDE // CELL))
    masks = random_masks(rng)
    masks[1] = 1
    features = tensor(defective)
    loss = nbr_loss(features, tensor(normal), torch.from_numpy(masks), similarity, "max", average)  # type: ignore[arg-type]
    rest = [0, 2]
    expected = numpy_nbr(defective[rest], normal[rest], masks[rest], "max", similarity, average)
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    assert features.grad is not None
    assert not features.grad[1].any()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
@pytest.mark.parametrize("zero", ["defective", "normal", "both"])
def test_zero_features_give_finite_losses_and_gradients(similarity: str, zero: str) -> None:
    ones = np.ones((1, C, 4, 4))
    defective = tensor(ones * (zero == "normal"))
    normal = tensor(ones * (zero == "defective"))
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.float64)
    loss = nbr_loss(defective, normal, mask, similarity) + realism_weight(defective, normal, "flows").sum()  # type: ignore[arg-type]
    loss.backward()
    assert torch.isfinite(loss)
    for features in (defective, normal):
        assert features.grad is not None
        assert torch.isfinite(features.grad).all()
        assert features.grad.abs().max() < 10


def test_pasting_is_equation_4_and_leaves_the_rest_of_the_normal_image(rng: np.random.Generator) -> None:
    defective, normal = rng.normal(size=(2, N, 3, SIDE, SIDE)).astype(np.float32)
    masks = random_masks(rng).astype(np.float32)
    pasted = crop_and_paste(*(torch.from_numpy(array) for array in (defective, normal, masks))).numpy()
    inside = np.broadcast_to(masks > 0, pasted.shape)
    assert np.array_equal(pasted[~inside], normal[~inside])
    assert np.array_equal(pasted[inside], defective[inside])
    assert np.allclose(pasted, defective * masks + normal * (1 - masks), atol=1e-6)


def test_lambda_is_equation_6(rng: np.random.Generator) -> None:
    defective, pasted = rng.normal(size=(2, N, C, 4, 4))
    weight = realism_weight(tensor(defective), tensor(pasted))
    assert weight.shape == (N,)
    assert np.allclose(weight.numpy(), numpy_lambda(defective, pasted), atol=1e-6)
    assert realism_weight(tensor(defective), tensor(defective)).tolist() == pytest.approx([1.0] * N)


def test_lambda_passes_a_gradient_only_where_it_is_told_to(rng: np.random.Generator) -> None:
    features = tensor(rng.random((N, C, 4, 4)) + 0.1), tensor(rng.random((N, C, 4, 4)) + 0.1)
    assert not realism_weight(*features, "stopped").requires_grad
    assert torch.autograd.gradcheck(lambda a, b: realism_weight(a, b, "flows"), features)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_bce_is_equations_5_and_7(rng: np.random.Generator, reduction: str) -> None:
    logits, masks = rng.normal(scale=3, size=(N, 1, SIDE, SIDE)), random_masks(rng)
    weights = rng.random(N)
    truth = torch.from_numpy(masks)
    plain = weighted_bce(tensor(logits), truth, reduction=reduction)  # type: ignore[arg-type]
    weighted = weighted_bce(tensor(logits), truth, torch.from_numpy(weights), reduction)  # type: ignore[arg-type]
    assert plain.item() == pytest.approx(numpy_bce(logits, masks, np.ones(N), reduction), rel=1e-9, abs=1e-6)
    assert weighted.item() == pytest.approx(numpy_bce(logits, masks, weights, reduction), rel=1e-9, abs=1e-6)
    assert torch.autograd.gradcheck(
        lambda x: weighted_bce(x, truth, torch.from_numpy(weights), reduction),  # type: ignore[arg-type]
        (tensor(logits),),
    )


def test_bce_stays_finite_for_certain_and_wrong_logits() -> None:
    logits = torch.tensor([[[[1e4, -1e4]]]], requires_grad=True)
    loss = weighted_bce(logits, torch.tensor([[[[0.0, 1.0]]]]))
    loss.backward()
    assert loss.item() == pytest.approx(2e4)
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == [1.0, -1.0]

"""Algorithm 1: the inputs of encoder and decoder, the sum of the losses, and learning."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import benchmark.training.step
from baselines import Recipe, create_network, get_method, method_names
from baselines.errors import InputError
from baselines.losses import crop_and_paste, nbr_loss, realism_weight, weighted_bce
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.identity import paste_probability
from benchmark.training.batches import Minibatch, Pasted, minibatches
from benchmark.training.log import TrainingDivergedError
from benchmark.training.step import step_losses
from benchmark.training.train import train
from tests.training.made_up import BASELINE, CONTROL, CPU, NBR, OURS, protocol, spec_of


@pytest.fixture
def batch() -> Minibatch:
    """Two defective and two normal images; not pasted."""
    generator = torch.Generator().manual_seed(0)
    defective, normal = torch.randn(2, 2, 3, 64, 64, generator=generator)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 10:30, 20:40] = 1
    mask[1, :, 40:50, 5:60] = 1
    return Minibatch(defective, mask, normal)


def pasting(batch: Minibatch) -> Minibatch:
    """The batch in the crop-and-paste branch, by Eq. (4)."""
    return replace(batch, pasted=Pasted(crop_and_paste(batch.defective, batch.normal, batch.mask), batch.mask))


class Watched:
    """A network that records how many images its encoder and decoder see in each pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch.manual_seed(0)
        self.network = create_network("unet", width=0.1).train()
        self.encoded: list[int] = []
        self.decoded: list[int] = []
        encode, decode = self.network.encode, self.network.decode
        monkeypatch.setattr(self.network, "encode", lambda x: self.encoded.append(len(x)) or encode(x))  # type: ignore[func-returns-value]
        monkeypatch.setattr(self.network, "decode", lambda f: self.decoded.append(len(f[-1])) or decode(f))  # type: ignore[func-returns-value]


def test_the_encoder_sees_what_the_recipe_needs_and_the_decoder_one_batch(
    batch: Minibatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap = Recipe("cap", "realism")
    for recipe, paste, passes, encoded in (
        (BASELINE, False, "separate", [2]),
        (BASELINE, True, "separate", [2]),
        (NBR, False, "separate", [2, 2]),
        (NBR, False, "grouped", [4]),
        (NBR, False, "joint", [4]),
        (OURS, False, "separate", [2, 2]),
        (OURS, True, "separate", [2, 2, 2]),
        (OURS, True, "grouped", [6]),
        (OURS, True, "joint", [6]),
        (CONTROL, False, "separate", [2, 2]),
        (CONTROL, True, "separate", [2, 2]),
        (CONTROL, True, "grouped", [2, 2]),
        (CONTROL, True, "joint", [4]),
        (cap, True, "separate", [2, 2]),
        (cap, False, "separate", [2]),
    ):
        watched = Watched(monkeypatch)
        chosen = protocol(f"batch_norm_passes={passes}")
        step_losses(watched.network, recipe, chosen, pasting(batch) if paste else batch)
        assert (watched.encoded, watched.decoded) == (encoded, [2]), (recipe, paste, passes)


@pytest.mark.parametrize("recipe", [BASELINE, NBR, OURS, CONTROL, Recipe("cap", "one", "euclidean")])
def test_the_loss_is_the_sum_algorithm_1_prints(batch: Minibatch, recipe: Recipe) -> None:
    """In evaluation mode batch norm does not mix images, so each term can be computed on its own."""
    batch = replace(batch, normal=4 - 3 * batch.normal)  # unlike the defective ones, so that lambda is well below 1
    torch.manual_seed(0)
    network = create_network("unet", width=0.1).train()
    with torch.no_grad():
        for _ in range(20):  # for the statistics of batch norm: the features of a new network are all alike
            network(torch.cat([batch.defective, batch.normal]))
    network.eval()
    for paste, settings in itertools.product(
        (False, True),
        (
            (),
            ("bce_reduction=mean", "mask_downsample=area", "lambda_gradient=flows"),
            ("nbr_weight=3", "background_average=background"),
        ),
    ):
        chosen = protocol(*settings)
        losses = step_losses(network, recipe, chosen, pasting(batch) if paste else batch)

        images = crop_and_paste(batch.defective, batch.normal, batch.mask) if paste else batch.defective
        d, n, p = (network.encode(x)[-1] for x in (batch.defective, batch.normal, images))
        weight = None
        if paste and recipe.paste_weight == "realism":
            weight = realism_weight(d, p)
            assert weight.max() < 0.999
            assert losses.realism.item() == pytest.approx(weight.mean().item())
            bce = numpy_bce(network(images), batch.mask)
            expected = (bce * weight.detach().numpy()).sum() / bce.sum()
            assert losses.weighting.item() == pytest.approx(expected, rel=1e-4)
            assert not losses.weighting.requires_grad
        else:
            assert losses.realism.isnan()
            assert losses.weighting.isnan()
        expected = weighted_bce(network(images), batch.mask, weight, chosen.bce_reduction)
        assert losses.segmentation.item() == pytest.approx(expected.item(), rel=1e-5)
        if recipe.nbr:
            expected = nbr_loss(d, n, batch.mask, recipe.nbr, chosen.mask_downsample, chosen.background_average)
            assert losses.nbr.item() == pytest.approx(expected.item(), rel=1e-5)
        else:
            assert losses.nbr.item() == 0
        weighted = {"nbr_weight=3": 3}.get(next(iter(settings), ""), 1) * losses.nbr.item()
        assert losses.weighted_nbr.item() == pytest.approx(weighted)
        assert losses.total.item() == pytest.approx(losses.segmentation.item() + weighted)


def numpy_bce(logits: Tensor, mask: Tensor) -> np.ndarray:
    """Eq. (7) of each image, as the mean over its pixels."""
    probability = 1 / (1 + np.exp(-logits.detach().double().numpy()))
    truth = mask.numpy()
    pixels = -(truth * np.log(probability) + (1 - truth) * np.log(1 - probability))
    return pixels.mean(axis=(1, 2, 3))


def test_lambda_has_no_effect_on_images_pasted_onto_themselves(batch: Minibatch) -> None:
    torch.manual_seed(0)
    network = create_network("unet", width=0.1).eval()
    losses = step_losses(network, OURS, protocol(), pasting(replace(batch, normal=batch.defective)))
    assert losses.realism.item() == pytest.approx(1, abs=1e-5)
    assert losses.weighting.item() == pytest.approx(1, abs=1e-5)


def test_the_weight_of_nbr_scales_its_gradient_and_zero_leaves_the_segmentation_loss(batch: Minibatch) -> None:
    gradients = {}
    for weight in (0, 1, 3):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        losses = step_losses(network, NBR, protocol(f"nbr_weight={weight}"), batch)
        losses.total.backward()
        gradients[weight] = network.get_submodule("down.0.0").weight.grad
        assert (losses.total.item() == losses.segmentation.item()) == (weight == 0)
    none, one, three = (gradients[weight] for weight in (0, 1, 3))
    assert isinstance(none, Tensor)
    assert isinstance(one, Tensor)
    assert (one - none).abs().max() > 0
    assert torch.allclose(three, none + 3 * (one - none), rtol=1e-3, atol=1e-5 * float(one.abs().max()))


@pytest.mark.parametrize("recipe", [NBR, CONTROL])
def test_batch_norm_sees_groups_apart_or_together(batch: Minibatch, recipe: Recipe) -> None:
    batch = replace(batch, normal=batch.normal + 5)
    means = {}
    for passes in ("separate", "grouped", "joint"):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        step_losses(network, recipe, protocol(f"batch_norm_passes={passes}"), batch)
        means[passes] = network.get_submodule("down.0.1").running_mean
    with torch.no_grad():
        first = network.get_submodule("down.0.0")
        a, b = first(batch.normal).mean(dim=(0, 2, 3)), first(batch.defective).mean(dim=(0, 2, 3))
    assert torch.allclose(means["joint"], 0.1 * (a + b) / 2, atol=1e-5)
    for passes in ("separate", "grouped"):
        assert torch.allclose(means[passes], 0.9 * 0.1 * a + 0.1 * b, atol=1e-5)  # normals first


@pytest.mark.parametrize("recipe", [NBR, OURS, CONTROL])
@pytest.mark.parametrize("name", ["albunet", "ternausnet11"])
def test_one_pass_with_batch_norm_by_group_trains_like_separate_passes(
    batch: Minibatch, recipe: Recipe, name: str
) -> None:
    batch = pasting(replace(batch, normal=4 - 3 * batch.normal))
    networks, losses = [], []
    for passes in ("separate", "grouped"):
        torch.manual_seed(0)
        networks.append(create_network(name, width=0.1).train())
        losses.append(step_losses(networks[-1], recipe, protocol(f"batch_norm_passes={passes}"), batch))
        losses[-1].total.backward()
    assert losses[1].segmentation.item() == pytest.approx(losses[0].segmentation.item(), rel=1e-4)
    assert losses[1].nbr.item() == pytest.approx(losses[0].nbr.item(), rel=1e-4)
    separate, grouped = networks
    for (part, expected), found in zip(separate.named_parameters(), grouped.parameters(), strict=True):
        scale = float(expected.grad.abs().max())  # type: ignore[union-attr]
        assert torch.allclose(found.grad, expected.grad, rtol=1e-3, atol=1e-3 * scale), part  # type: ignore[arg-type]
    for (part, value), found in zip(separate.named_buffers(), grouped.buffers(), strict=True):
        assert torch.allclose(found, value, rtol=1e-4, atol=1e-5), part
    grouped.eval()  # batch norm is as it was: it takes batches of any size
    assert grouped(batch.normal[:1]).shape[0] == 1


@pytest.mark.parametrize("paste", [False, True])
def test_under_the_control_normal_images_change_only_batch_norms_statistics(batch: Minibatch, paste: bool) -> None:
    gradients, statistics = [], []
    for recipe in (BASELINE, CONTROL):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        step_losses(network, recipe, protocol(), pasting(batch) if paste else batch).total.backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
        statistics.append(network.get_submodule("down.4.1").running_mean)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))  # type: ignore[arg-type]
    assert not torch.equal(*statistics)  # type: ignore[arg-type]


def test_under_the_control_a_joint_pass_shares_its_batch_statistics_with_normal_images(batch: Minibatch) -> None:
    losses = []
    for recipe in (BASELINE, CONTROL):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        chosen = protocol("batch_norm_passes=joint")
        losses.append(step_losses(network, recipe, chosen, replace(batch, normal=batch.normal + 5)))
    assert losses[0].segmentation.item() != pytest.approx(losses[1].segmentation.item())
    assert losses[1].total.item() == losses[1].segmentation.item()


def test_the_probability_of_pasting_follows_recipe_and_profile() -> None:
    chosen = protocol("crop_paste=0.3", "baseline_crop_paste=0.7")
    assert paste_probability(BASELINE, chosen) == 0.7
    assert paste_probability(NBR, chosen) == 0
    assert paste_probability(OURS, chosen) == 0.3


def test_the_curve_has_a_row_per_iteration_and_measuring_does_not_change_training(arrays: CategoryArrays) -> None:
    curves, weights = [], []
    for every in (0, 2):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1)
        spec = spec_of(arrays, 2, OURS, "iterations=5", f"curve_every={every}", seed=3)
        curves.append(train(network, spec, arrays, CPU).curve)
        weights.append(network.head.weight.detach().clone())  # type: ignore[union-attr, operator]
    assert curves[0]["iteration"].tolist() == [1, 2, 3, 4, 5]
    assert curves[1]["test_iou"].notna().tolist() == [False, True, False, True, False]
    assert curves[0]["test_iou"].isna().all()
    assert np.array_equal(curves[0]["loss"], curves[1]["loss"])
    assert torch.equal(*weights)
    pasted = curves[1]["pasted"] == 1
    assert (curves[1]["realism"].notna() == pasted).all()


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_iteration(
    arrays: CategoryArrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def broken(logits: Tensor, mask: Tensor, weight: Any, reduction: str) -> Tensor:
        calls.append(1)
        return logits.sum() * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(benchmark.training.step, "weighted_bce", broken)
    with pytest.raises(TrainingDivergedError, match="iteration 3 on; try a lower learning_rate"):
        train(create_network("unet", width=0.1), spec_of(arrays, 1, BASELINE, "iterations=5"), arrays, CPU)


@pytest.mark.parametrize("recipe", [BASELINE, OURS])
def test_three_iterations_are_adams_on_the_summed_losses(arrays: CategoryArrays, recipe: Recipe) -> None:
    """Adam as published by Kingma and Ba, in double precision, on the gradients of each batch's losses."""
    settings = ("iterations=3", "learning_rate=0.01", "adam_beta1=0.8", "adam_beta2=0.99", "batch_norm_passes=separate")
    spec = spec_of(arrays, 2, recipe, *settings)
    networks = []
    for _ in range(2):
        torch.manual_seed(0)
        networks.append(create_network("albunet", width=0.1))
    trained, expected = networks
    train(trained, spec, arrays, CPU)

    expected.train()
    parameters = list(expected.parameters())
    first, second = ([torch.zeros_like(p, dtype=torch.float64) for p in parameters] for _ in range(2))
    for step, batch in enumerate(itertools.islice(minibatches(spec, arrays, CPU), 3), start=1):
        losses = step_losses(expected, recipe, spec.protocol, batch)
        gradients = torch.autograd.grad(losses.segmentation + losses.nbr, parameters, allow_unused=True)
        with torch.no_grad():
            for p, gradient, m, v in zip(parameters, gradients, first, second, strict=True):
                if gradient is not None:
                    m.mul_(0.8).add_(0.2 * gradient)
                    v.mul_(0.99).add_(0.01 * gradient.double() ** 2)
                    p -= (0.01 * (m / (1 - 0.8**step)) / ((v / (1 - 0.99**step)).sqrt() + 1e-8)).float()
    for a, b in zip(trained.parameters(), expected.parameters(), strict=True):
        # A step is 0.01. Where a gradient is next to nothing, rounding decides which way it goes.
        assert torch.isclose(a, b, atol=1e-3).float().mean() > 0.98


# A method with nothing but a registered name is tested, too.
COMPOSED = ("unet+nbr+cap", "unet+bn", "smp:Unet/resnet18+cap", "smp:FPN/mobilenet_v2+nbr")


@pytest.mark.parametrize("name", [*method_names(), *COMPOSED])
def test_every_method_lowers_its_own_loss(arrays: CategoryArrays, name: str) -> None:
    torch.manual_seed(0)
    method = get_method(name)
    try:
        network = create_network(method.network, width=0.125)
    except InputError:  # not every network can be narrowed
        network = create_network(method.network)
    spec = spec_of(arrays, 2, method.recipe, "iterations=16", "learning_rate=0.005")
    curve = train(network, spec, arrays, CPU).curve
    assert curve["loss"].tail(4).mean() < 0.9 * curve["loss"].head(4).mean()


def test_nbr_and_cap_add_nothing_at_inference(arrays: CategoryArrays) -> None:
    """B and the method have the same parameters and the same traced graph; another network's graph differs."""
    images = torch.randn(1, 3, 64, 64)
    networks, graphs = {}, {}
    for name in ("albunet", "albunet_nbr_cap", "unet"):
        torch.manual_seed(0)
        method = get_method(name)
        networks[name] = create_network(method.network, width=0.25)
        train(networks[name], spec_of(arrays, 2, method.recipe, "iterations=2"), arrays, CPU)
        graphs[name] = str(torch.export.export(networks[name].eval(), (images,)).graph)
    b, ours = networks["albunet"], networks["albunet_nbr_cap"]
    shapes = [{key: value.shape for key, value in network.state_dict().items()} for network in (b, ours)]
    assert shapes[0] == shapes[1]
    assert graphs["albunet"] == graphs["albunet_nbr_cap"] != graphs["unet"]
    assert not torch.equal(b(images), ours(images))  # trained with different losses
    ours.load_state_dict(b.state_dict())
    assert b(images).std() > 0
    assert torch.equal(b(images), ours(images))


def test_a_pasted_batch_is_segmented_by_its_own_mask_and_regularised_by_that_of_the_defective_images(
    batch: Minibatch,
) -> None:
    torch.manual_seed(0)
    network = create_network("unet", width=0.1).eval()
    moved = Pasted(batch.normal.roll(7, 3), batch.mask.roll(20, 3))
    losses = step_losses(network, OURS, protocol(), replace(batch, pasted=moved))
    d, n, p = (network.encode(images)[-1] for images in (batch.defective, batch.normal, moved.images))
    expected = weighted_bce(network(moved.images), moved.mask, realism_weight(d, p))
    assert losses.segmentation.item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses.nbr.item() == pytest.approx(nbr_loss(d, n, batch.mask).item(), rel=1e-5)

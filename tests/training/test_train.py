"""Algorithm 1: what the encoder and decoder see, what is summed, and that it learns."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

import benchmark.training.train
from baselines import InputError, Recipe, create_network, get_method, method_names
from baselines.losses import crop_and_paste, nbr_loss, realism_weight, weighted_bce
from benchmark.data.image_cache import CategoryArrays
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.draws import Draw, draw_shots
from benchmark.protocol.profile import Protocol, load_profile
from benchmark.training.train import Batches, TrainingDivergedError, paste_probability, step_losses, train

CPU = torch.device("cpu")
BASELINE = Recipe("augmentation")
NBR = Recipe("never", nbr="cosine")
OURS = Recipe("cap", "realism", "cosine")
CONTROL = Recipe("augmentation", normal_statistics=True)


def protocol(*settings: str, shots: int = 1) -> Protocol:
    return load_profile("quick", ["width=0.1", "curve_every=0", *settings]).protocol(shots)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Defective images, their masks, and normal images; two of each."""
    generator = torch.Generator().manual_seed(0)
    defective, normal = torch.randn(2, 2, 3, 64, 64, generator=generator)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 10:30, 20:40] = 1
    mask[1, :, 40:50, 5:60] = 1
    return defective, mask, normal


class Watched:
    """A network that notes how many images its encoder and decoder saw, pass by pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch.manual_seed(0)
        self.network = create_network("unet", width=0.1).train()
        self.encoded: list[int] = []
        self.decoded: list[int] = []
        encode, decode = self.network.encode, self.network.decode
        monkeypatch.setattr(self.network, "encode", lambda x: self.encoded.append(len(x)) or encode(x))  # type: ignore[func-returns-value]
        monkeypatch.setattr(self.network, "decode", lambda f: self.decoded.append(len(f[-1])) or decode(f))  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("recipe", "paste", "passes", "encoded"),
    [
        (BASELINE, False, "separate", [2]),
        (BASELINE, True, "separate", [2]),
        (NBR, False, "separate", [2, 2]),
        (NBR, False, "joint", [4]),
        (OURS, False, "separate", [2, 2]),
        (OURS, True, "separate", [2, 2, 2]),
        (OURS, True, "joint", [6]),
        (CONTROL, False, "separate", [2, 2]),
        (CONTROL, True, "separate", [2, 2]),
        (CONTROL, True, "joint", [4]),
        (Recipe("cap", "realism"), True, "separate", [2, 2]),
        (Recipe("cap", "realism"), False, "separate", [2]),
    ],
)
def test_the_encoder_sees_what_it_must_and_the_decoder_one_batch(
    batch: tuple[Tensor, Tensor, Tensor],
    monkeypatch: pytest.MonkeyPatch,
    recipe: Recipe,
    paste: bool,
    passes: str,
    encoded: list[int],
) -> None:
    watched = Watched(monkeypatch)
    step_losses(watched.network, recipe, protocol(f"batch_norm_passes={passes}"), *batch, paste=paste)
    assert watched.encoded == encoded
    assert watched.decoded == [2]


@pytest.mark.parametrize("paste", [False, True])
@pytest.mark.parametrize("recipe", [BASELINE, NBR, OURS, CONTROL, Recipe("cap", "one", "euclidean")])
@pytest.mark.parametrize("settings", [[], ["bce_reduction=mean", "mask_downsample=area", "lambda_gradient=flows"]])
def test_the_loss_is_the_sum_algorithm_1_prints(
    batch: tuple[Tensor, Tensor, Tensor], recipe: Recipe, paste: bool, settings: list[str]
) -> None:
    """In evaluation mode batch norm does not mix images, so that each term can be stated on its own."""
    chosen = protocol(*settings)
    defective, mask, normal = batch
    normal = 4 - 3 * normal  # unlike the defective ones, so that lambda is well below 1
    torch.manual_seed(0)
    network = create_network("unet", width=0.1).train()
    with torch.no_grad():
        for _ in range(20):  # until batch norm knows these images: the features of a new network are all alike
            network(torch.cat([defective, normal]))
    network.eval()
    losses = step_losses(network, recipe, chosen, defective, mask, normal, paste)

    images = crop_and_paste(defective, normal, mask) if paste else defective
    features = {name: network.encode(x)[-1] for name, x in (("d", defective), ("n", normal), ("p", images))}
    weight = None
    if paste and recipe.paste_weight == "realism":
        weight = realism_weight(features["d"], features["p"])
        assert weight.max() < 0.999
        assert losses.realism.item() == pytest.approx(weight.mean().item())
    else:
        assert losses.realism.isnan()
    expected = weighted_bce(network(images), mask, weight, chosen.bce_reduction)
    assert losses.segmentation.item() == pytest.approx(expected.item(), rel=1e-5)
    if recipe.nbr:
        expected = nbr_loss(features["d"], features["n"], mask, recipe.nbr, chosen.mask_downsample)
        assert losses.nbr.item() == pytest.approx(expected.item(), rel=1e-5)
    else:
        assert losses.nbr.item() == 0
    assert losses.total.item() == pytest.approx((losses.segmentation + losses.nbr).item())


@pytest.mark.parametrize("recipe", [NBR, CONTROL])
def test_batch_norm_sees_groups_apart_or_together(batch: tuple[Tensor, Tensor, Tensor], recipe: Recipe) -> None:
    means = {}
    for passes in ("separate", "joint"):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        defective, mask, normal = batch
        step_losses(network, recipe, protocol(f"batch_norm_passes={passes}"), defective, mask, normal + 5, paste=False)
        means[passes] = network.get_submodule("down.0.1").running_mean
    with torch.no_grad():
        first = network.get_submodule("down.0.0")
        a, b = first(normal + 5).mean(dim=(0, 2, 3)), first(defective).mean(dim=(0, 2, 3))
    assert torch.allclose(means["joint"], 0.1 * (a + b) / 2, atol=1e-5)
    assert torch.allclose(means["separate"], 0.9 * 0.1 * a + 0.1 * b, atol=1e-5)  # normals first


@pytest.mark.parametrize("paste", [False, True])
def test_under_the_control_normal_images_change_only_batch_norms_statistics(
    batch: tuple[Tensor, Tensor, Tensor], paste: bool
) -> None:
    gradients, statistics = [], []
    for recipe in (BASELINE, CONTROL):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        step_losses(network, recipe, protocol(), *batch, paste=paste).total.backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
        statistics.append(network.get_submodule("down.4.1").running_mean)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))  # type: ignore[arg-type]
    assert not torch.equal(*statistics)  # type: ignore[arg-type]


def test_under_the_control_a_joint_pass_shares_its_batch_statistics_with_normal_images(
    batch: tuple[Tensor, Tensor, Tensor],
) -> None:
    defective, mask, normal = batch
    losses = []
    for recipe in (BASELINE, CONTROL):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1).train()
        chosen = protocol("batch_norm_passes=joint")
        losses.append(step_losses(network, recipe, chosen, defective, mask, normal + 5, paste=False))
    assert losses[0].segmentation.item() != pytest.approx(losses[1].segmentation.item())
    assert losses[1].total.item() == losses[1].segmentation.item()


def test_how_often_a_method_pastes_is_its_recipes_and_the_profiles() -> None:
    chosen = protocol("crop_paste=0.3", "baseline_crop_paste=0.7")
    assert paste_probability(BASELINE, chosen) == 0.7
    assert paste_probability(NBR, chosen) == 0
    assert paste_probability(OURS, chosen) == 0.3


@pytest.fixture
def arrays() -> CategoryArrays:
    """Ten images of 64 px, each of one grey level so that it can be told by its value; odd ones have a defect."""
    records, images, masks = [], [], []
    for index in range(10):
        label = "cut" if index % 2 else "good"
        split = "train" if label == "good" else "test"
        name = f"{split}/{label}/{index}.png"
        records.append(
            ImageRecord(split, label, name, f"m{index}.png" if index % 2 else "", defect_pixels=100 * (index % 2))
        )
        images.append(np.full((64, 64, 3), 20 * index, dtype=np.uint8))
        mask = np.zeros((64, 64), dtype=bool)
        mask[: 10 * (index % 2), :10] = True
        masks.append(mask)
    return CategoryArrays(CategoryManifest("test", "levels", "", tuple(records)), np.stack(images), np.stack(masks))


def levels(images: Tensor) -> list[int]:
    """Which images a batch holds, from their grey levels."""
    return (images[:, 0, 0, 0] * 255 / 20).round().int().tolist()


def batches(arrays: CategoryArrays, draw: Draw, *settings: str, seed: int = 0) -> Batches:
    return Batches(arrays, draw, protocol("image_normalisation=none", *settings), seed, CPU)


def test_batches_hold_the_drawn_images_with_their_masks(arrays: CategoryArrays) -> None:
    draw = draw_shots(arrays.manifest, 3, 0)
    source = batches(arrays, draw, "batch_size=2")
    for _ in range(20):
        images, masks = source.defects()
        chosen = levels(images)
        assert set(chosen) <= set(draw.shots)
        assert len(set(chosen)) == 2  # no image twice while there are enough
        assert masks.sum(dim=(1, 2, 3)).tolist() == [100, 100]
        normals = levels(source.normals())
        assert set(normals) <= set(draw.normals)
        assert len(set(normals)) == 2


def test_a_batch_larger_than_the_draw_repeats_images(arrays: CategoryArrays) -> None:
    draw = draw_shots(arrays.manifest, 1, 0)
    images, masks = batches(arrays, draw, "batch_size=4").defects()
    assert levels(images) == list(draw.shots) * 4
    assert len(masks) == 4


def test_the_sequence_is_the_same_for_every_method_and_differs_between_seeds(arrays: CategoryArrays) -> None:
    draw = draw_shots(arrays.manifest, 4, 0)

    def sequence(probability: float, seed: int = 0) -> list[list[int]]:
        source = batches(arrays, draw, "batch_size=2", seed=seed)
        found = []
        for _ in range(8):
            source.paste(probability)  # asking for another probability shifts nothing
            found += [levels(source.defects()[0]), levels(source.normals())]
        return found

    assert sequence(0.0) == sequence(0.5) != sequence(0.5, seed=1)


def test_the_share_of_pasted_batches_is_the_probability(arrays: CategoryArrays) -> None:
    source = batches(arrays, draw_shots(arrays.manifest, 1, 0))
    assert not any(source.paste(0.0) for _ in range(200))
    assert all(source.paste(1.0) for _ in range(200))
    assert 0.4 < np.mean([source.paste(0.5) for _ in range(1000)]) < 0.6


def test_one_defect_batch_meets_several_normal_batches(arrays: CategoryArrays, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = benchmark.training.train.step_losses

    def watch(
        network: Any, recipe: Any, chosen: Any, defective: Tensor, mask: Tensor, normal: Tensor, paste: bool
    ) -> Any:
        seen.append((levels(defective), levels(normal)))
        return original(network, recipe, chosen, defective, mask, normal, paste)

    monkeypatch.setattr(benchmark.training.train, "step_losses", watch)
    chosen = protocol("normal_batches_per_defect_batch=3", "iterations=6", "batch_size=2", "image_normalisation=none")
    train(create_network("unet", width=0.1), NBR, arrays, draw_shots(arrays.manifest, 4, 0), chosen, 0, CPU)
    defects = [defective for defective, _ in seen]
    assert defects[0] == defects[1] == defects[2]
    assert defects[3] == defects[4] == defects[5]
    assert len({tuple(normal) for _, normal in seen}) > 2


def test_the_curve_has_a_row_per_iteration_and_measuring_does_not_change_training(arrays: CategoryArrays) -> None:
    draw = draw_shots(arrays.manifest, 2, 0)
    curves, weights = [], []
    for every in (0, 2):
        torch.manual_seed(0)
        network = create_network("unet", width=0.1)
        chosen = msgspec.structs.replace(protocol("iterations=5"), curve_every=every)
        curves.append(train(network, OURS, arrays, draw, chosen, 3, CPU))
        weights.append(network.head.weight.detach().clone())  # type: ignore[union-attr, operator]
    assert curves[0]["iteration"].tolist() == [1, 2, 3, 4, 5]
    assert curves[1]["test_iou"].notna().tolist() == [False, True, False, True, False]
    assert curves[0]["test_iou"].isna().all()
    assert np.array_equal(curves[0]["loss"], curves[1]["loss"])
    assert torch.equal(*weights)
    pasted = curves[1]["pasted"] == 1
    assert (curves[1]["realism"].notna() == pasted).all()


def test_a_loss_that_is_no_number_ends_the_run_with_its_iteration(
    arrays: CategoryArrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def broken(logits: Tensor, mask: Tensor, weight: Any, reduction: str) -> Tensor:
        calls.append(1)
        return logits.sum() * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(benchmark.training.train, "weighted_bce", broken)
    draw = draw_shots(arrays.manifest, 1, 0)
    with pytest.raises(TrainingDivergedError, match="not finite from iteration 3 on; try a lower learning_rate"):
        train(create_network("unet", width=0.1), BASELINE, arrays, draw, protocol("iterations=5"), 0, CPU)


@pytest.mark.parametrize("recipe", [BASELINE, OURS])
def test_three_iterations_are_adams_on_the_summed_losses(arrays: CategoryArrays, recipe: Recipe) -> None:
    """Adam as Kingma and Ba print it, in double precision, on gradients that torch works out of each batch."""
    draw = draw_shots(arrays.manifest, 2, 0)
    chosen = protocol("iterations=3", "learning_rate=0.01", "adam_beta1=0.8", "adam_beta2=0.99")
    networks = []
    for _ in range(2):
        torch.manual_seed(0)
        networks.append(create_network("albunet", width=0.1))
    trained, stated = networks
    train(trained, recipe, arrays, draw, chosen, 0, CPU)

    source = Batches(arrays, draw, chosen, 0, CPU)
    stated.train()
    parameters = list(stated.parameters())
    first, second = ([torch.zeros_like(p, dtype=torch.float64) for p in parameters] for _ in range(2))
    for step in range(1, 4):
        defective, mask = source.defects()
        normal = source.normals()
        losses = step_losses(
            stated, recipe, chosen, defective, mask, normal, source.paste(paste_probability(recipe, chosen))
        )
        gradients = torch.autograd.grad(losses.segmentation + losses.nbr, parameters, allow_unused=True)
        with torch.no_grad():
            for p, gradient, m, v in zip(parameters, gradients, first, second, strict=True):
                if gradient is not None:
                    m.mul_(0.8).add_(0.2 * gradient)
                    v.mul_(0.99).add_(0.01 * gradient.double() ** 2)
                    p -= (0.01 * (m / (1 - 0.8**step)) / ((v / (1 - 0.99**step)).sqrt() + 1e-8)).float()
    for a, b in zip(trained.parameters(), stated.parameters(), strict=True):
        # A step is 0.01. Where a gradient is next to nothing, rounding decides which way it goes.
        assert torch.isclose(a, b, atol=1e-3).float().mean() > 0.98


COMPOSED = (
    "unet+nbr+cap",
    "unet+bn",
    "smp:Unet/resnet18+cap",
    "smp:FPN/mobilenet_v2+nbr",
    "smp:Linknet/resnet18",
)


@pytest.mark.parametrize("name", [*method_names(), *COMPOSED])
def test_every_method_lowers_its_own_loss(arrays: CategoryArrays, name: str) -> None:
    """A method joins by being registered."""
    torch.manual_seed(0)
    method = get_method(name)
    try:
        network = create_network(method.network, width=0.125)
    except InputError:  # not every network can be narrowed
        network = create_network(method.network)
    chosen = protocol("iterations=30", "learning_rate=0.002")
    curve = train(network, method.recipe, arrays, draw_shots(arrays.manifest, 2, 0), chosen, 0, CPU)
    assert curve["loss"].tail(5).mean() < 0.9 * curve["loss"].head(5).mean()


def test_what_nbr_and_cap_add_at_inference_is_nothing(arrays: CategoryArrays) -> None:
    """The same parameters and, traced operation by operation, the same graph as B; another network's differs."""
    images = torch.randn(1, 3, 64, 64)
    networks, graphs = {}, {}
    for name in ("albunet", "albunet_nbr_cap", "unet"):
        torch.manual_seed(0)
        method = get_method(name)
        networks[name] = create_network(method.network, width=0.25)
        draw = draw_shots(arrays.manifest, 2, 0)
        train(networks[name], method.recipe, arrays, draw, protocol("iterations=2"), 0, CPU)
        graphs[name] = str(torch.export.export(networks[name].eval(), (images,)).graph)
    b, ours = networks["albunet"], networks["albunet_nbr_cap"]
    shapes = [{key: value.shape for key, value in network.state_dict().items()} for network in (b, ours)]
    assert shapes[0] == shapes[1]
    assert graphs["albunet"] == graphs["albunet_nbr_cap"] != graphs["unet"]
    assert not torch.equal(b(images), ours(images))  # they were trained apart
    ours.load_state_dict(b.state_dict())
    assert b(images).std() > 0
    assert torch.equal(b(images), ours(images))

"""Networks are the published ones: parameters, operations, shapes, encoders."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from baselines import InputError, create_network, network_names
from baselines.networks import SegmentationNetwork, pretrained
from baselines.networks.cost import network_cost

PUBLISHED = {"unet": (7_852_545, 55.80, 16), "albunet": (34_604_897, 126.35, 64)}


def test_every_network_is_checked_here() -> None:
    assert set(network_names()) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_operations_are_the_published_ones(name: str) -> None:
    parameters, gmacs, _ = PUBLISHED[name]
    counted = network_cost(name)
    assert counted[0] == parameters
    assert counted[1] == pytest.approx(gmacs, abs=0.005)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("width", [0.1, 0.25])
def test_logits_have_the_size_of_the_image_and_every_parameter_learns(name: str, width: float) -> None:
    torch.manual_seed(0)
    network = create_network(name, width=width)
    assert network.size_multiple == PUBLISHED[name][2]
    images = torch.randn(2, 3, 64, 128)
    logits = network(images)
    assert logits.shape == (2, 1, 64, 128)
    assert torch.equal(network.eval()(images), network.decode(network.encode(images)))
    network.train()(images).sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("unet", [(32, 64), (64, 32), (128, 16), (256, 8), (512, 4)]),
        ("albunet", [(64, 32), (64, 16), (128, 8), (256, 4), (512, 2)]),
    ],
)
def test_features_come_shallow_to_deep(name: str, stages: list[tuple[int, int]]) -> None:
    features = create_network(name).encode(torch.randn(1, 3, 64, 64))
    assert [tuple(feature.shape[1:3]) for feature in features] == stages
    assert (features[-1] >= 0).all()  # after its ReLU, so that lambda lies in [0, 1]


def test_the_albunet_encoder_is_torchvisions_resnet34_with_another_pool() -> None:
    torch.manual_seed(0)
    reference = torchvision.models.resnet34(weights=None).eval()
    reference.maxpool = nn.MaxPool2d(2)
    network = create_network("albunet").eval()
    network.encoder.load_state_dict(dict(reference.state_dict()))  # type: ignore[operator, union-attr]
    images = torch.randn(1, 3, 64, 64)
    x = reference.relu(reference.bn1(reference.conv1(images)))
    expected = [x]
    x = reference.maxpool(x)
    for layer in (reference.layer1, reference.layer2, reference.layer3, reference.layer4):
        x = layer(x)
        expected.append(x)
    for feature, wanted in zip(network.encode(images), expected, strict=True):
        assert torch.equal(feature, wanted)


def block_parameters(network: SegmentationNetwork, name: str) -> int:
    return sum(parameter.numel() for parameter in network.get_submodule(name).parameters())


def test_albunet_decoder_blocks_have_the_published_channels() -> None:
    network = create_network("albunet")

    def double_conv(inputs: int, middle: int, outputs: int) -> int:
        return 9 * inputs * middle + middle + 9 * middle * outputs + outputs

    blocks = {
        "centre": (512, 512, 256),
        "dec5": (256 + 512, 512, 256),
        "dec4": (256 + 256, 512, 256),
        "dec3": (256 + 128, 256, 64),
        "dec2": (64 + 64, 128, 128),
        "dec1": (128, 128, 32),
    }
    for name, channels in blocks.items():
        assert block_parameters(network, name) == double_conv(*channels), name
    assert block_parameters(network, "dec0") == 9 * 32 * 32 + 32
    assert block_parameters(network, "head") == 33


def test_a_scaled_encoder_starts_like_the_full_one() -> None:
    torch.manual_seed(0)
    full, half = (create_network("albunet", width=width) for width in (1.0, 0.5))
    for name in ("encoder.layer2.1.conv1", "encoder.layer4.2.conv2"):
        weights = [network.get_submodule(name).weight for network in (full, half)]
        assert weights[1].shape[0] * 2 == weights[0].shape[0]
        # He's rule: the variance falls with the fan out, 9 times the outputs.
        deviations = [weight.std().item() * (9 * weight.shape[0]) ** 0.5 for weight in weights]
        assert deviations == pytest.approx([2**0.5] * 2, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 511, 512), "AlbuNet takes heights and widths that are multiples of 64, got 511 x 512"),
        ((1, 1, 64, 64), r"AlbuNet takes images of shape \(N, 3, H, W\), got \(1, 1, 64, 64\)"),
        ((3, 64, 64), r"got \(3, 64, 64\)"),
        ((1, 3, 0, 64), "got 0 x 64"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_network("albunet", width=0.1)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "albnet"}, "unknown network 'albnet': did you mean 'albunet'"),
        ({"name": "unet", "weights": "coco"}, "weights must be None or 'imagenet', got 'coco'"),
        ({"name": "unet", "width": 0}, "width must be positive, got 0"),
        ({"name": "albunet", "weights": "imagenet", "width": 0.5}, "ImageNet weights fit width 1 only"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_network(**arguments)  # type: ignore[arg-type]


def test_missing_pretrained_weights_are_an_error_that_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"put torchvision's resnet34-b627a593.pth at .*resnet34-b627a593.pth"):
        create_network("albunet", weights="imagenet", weights_dir=tmp_path)


def test_damaged_pretrained_weights_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "resnet34-b627a593.pth").write_bytes(b"half a download")
    with pytest.raises(InputError, match="are damaged: their SHA-256 starts with"):
        create_network("albunet", weights="imagenet", weights_dir=tmp_path)


def test_pretrained_weights_are_loaded_into_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    state = torchvision.models.resnet34(weights=None).state_dict()
    path = tmp_path / "resnet34.pth"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    file = path.rename(tmp_path / f"resnet34-{digest}.pth")
    monkeypatch.setitem(pretrained.WEIGHTS, "resnet34", pretrained.PretrainedWeights(file.name))
    network = create_network("albunet", weights="imagenet", weights_dir=tmp_path)
    assert torch.equal(network.get_submodule("encoder.layer3.0.conv1").weight, state["layer3.0.conv1.weight"])

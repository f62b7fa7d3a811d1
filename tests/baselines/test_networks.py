"""Networks are the published ones: parameters, MACs, shapes, encoders."""

from __future__ import annotations

import itertools
from functools import partial

import pytest
import torch
import torchvision
from torch import nn

from baselines import create_network, network_names
from baselines.networks import SegmentationNetwork, network_class
from baselines.networks.cost import count_network, network_cost
from baselines.networks.known import COST_SIZE, KNOWN_COSTS, KNOWN_PRETRAINED, KNOWN_SIZE_MULTIPLES
from baselines.networks.pretrained import WEIGHTS
from tests.refusal import assert_refused

# Parameters, GMACs at 512 px, size multiple; in the order of the paper's tables.
PUBLISHED = {
    "ternausnet11": (25_364_513, 109.65, 32),
    "ternausnet16": (32_202_337, 159.84, 32),
    "unet": (7_852_545, 55.80, 16),
    "attention_unet": (34_878_573, 265.70, 16),
    "unet_plus_plus": (9_163_329, 137.94, 16),
    "albunet": (34_604_897, 126.35, 64),
}


def unet_parameters(channels: tuple[int, ...], batch_norm: bool) -> int:
    """Parameters of a U-Net of double convolutions with bias."""

    def double(inputs: int, outputs: int) -> int:
        norms = 4 * outputs if batch_norm else 0
        return 9 * inputs * outputs + outputs + 9 * outputs * outputs + outputs + norms

    down = sum(double(*pair) for pair in zip((3, *channels), channels, strict=False))
    up = sum(double(skip + deeper, skip) for skip, deeper in itertools.pairwise(channels))
    return down + up + channels[0] + 1


# Other readings of the paper's references: parameters, size multiple.
VARIANTS = {
    "ternausnet11_original": (22_927_393, 32),
    "albunet_transposed": (37_615_457, 64),
    "unet_wide": (unet_parameters((64, 128, 256, 512, 1024), batch_norm=True), 16),
    "unet_without_batch_norm": (unet_parameters((32, 64, 128, 256, 512), batch_norm=False), 16),
}


def test_every_network_is_checked_here() -> None:
    assert network_names() == (*PUBLISHED, *VARIANTS)
    assert unet_parameters((32, 64, 128, 256, 512), batch_norm=True) == PUBLISHED["unet"][0]


def test_what_is_known_without_importing_a_network_is_what_it_has() -> None:
    for name in network_names():
        cls = network_class(name)
        assert KNOWN_PRETRAINED[name] == (WEIGHTS[cls.encoder_name].file if cls.encoder_name else None)
        assert KNOWN_SIZE_MULTIPLES[name] == cls.size_multiple
        # Nor is their check of settings called, as they have none of their own.
        assert cls.check_settings.__func__ is SegmentationNetwork.check_settings.__func__


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_have_the_parameters_of_their_reading(name: str) -> None:
    parameters, multiple = VARIANTS[name]
    assert count_network(name).parameters == parameters
    for size in (COST_SIZE, 128, 192):
        assert count_network(name, size=size) == network_cost(name, size=size)
    network = create_network(name, width=0.1)
    assert network.size_multiple == multiple
    assert network(torch.randn(2, 3, 64, 128)).shape == (2, 1, 64, 128)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    parameters, gmacs, _ = PUBLISHED[name]
    counted = count_network(name)
    assert counted == network_cost(name) == KNOWN_COSTS[name]
    assert count_network(name, size=192) == network_cost(name, size=192)
    assert counted.parameters == parameters
    assert counted.macs / 1e9 == pytest.approx(gmacs, abs=0.005)


@pytest.mark.parametrize("name", PUBLISHED)
def test_logits_have_the_size_of_the_image_and_every_parameter_has_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(name, width=0.1)
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
        ("ternausnet11", [(64, 64), (128, 32), (256, 16), (512, 8), (512, 4)]),
        ("ternausnet16", [(64, 64), (128, 32), (256, 16), (512, 8), (512, 4)]),
        ("unet", [(32, 64), (64, 32), (128, 16), (256, 8), (512, 4)]),
        ("attention_unet", [(64, 64), (128, 32), (256, 16), (512, 8), (1024, 4)]),
        ("unet_plus_plus", [(32, 64), (64, 32), (128, 16), (256, 8), (512, 4)]),
        ("albunet", [(64, 32), (64, 16), (128, 8), (256, 4), (512, 2)]),
    ],
)
def test_features_come_shallow_to_deep(name: str, stages: list[tuple[int, int]]) -> None:
    features = create_network(name).encode(torch.randn(1, 3, 64, 64))
    assert [tuple(feature.shape[1:3]) for feature in features] == stages
    assert (features[-1] >= 0).all()  # after its ReLU, so that lambda lies in [0, 1]
    assert (features[-1] == 0).any()
    halves = create_network(name, width=0.5).encode(torch.randn(1, 3, 64, 64))
    assert [tuple(feature.shape[1:3]) for feature in halves] == [(channels // 2, size) for channels, size in stages]


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


@pytest.mark.parametrize("name", ["ternausnet11", "ternausnet16"])
def test_a_ternausnet_encoder_is_torchvisions_vgg_cut_before_each_pool(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(name).eval()
    vgg = {"ternausnet11": torchvision.models.vgg11, "ternausnet16": torchvision.models.vgg16}[name]
    with torch.device("meta"):  # its classifier would take half a gigabyte
        reference = vgg(weights=None).features
    reference.to_empty(device="cpu").load_state_dict(network.get_submodule("encoder.features").state_dict())
    images = torch.randn(1, 3, 64, 64)
    expected, x = [], images
    for layer in reference:
        if isinstance(layer, nn.MaxPool2d):
            expected.append(x)
        x = layer(x)
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


@pytest.mark.parametrize(
    ("network_name", "layers"),
    [
        ("albunet", ("encoder.layer2.1.conv1", "encoder.layer4.2.conv2")),
        ("ternausnet11", ("encoder.features.8", "encoder.features.18")),
        ("ternausnet16", ("encoder.features.12", "encoder.features.28")),
    ],
)
def test_a_scaled_encoder_starts_like_the_full_one(network_name: str, layers: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    full, half = (create_network(network_name, width=width) for width in (1.0, 0.5))
    for name in layers:
        weights = [network.get_submodule(name).weight for network in (full, half)]
        assert weights[1].shape[0] * 2 == weights[0].shape[0]
        # He's rule: the variance falls with the fan out, 9 times the outputs.
        deviations = [weight.std().item() * (9 * weight.shape[0]) ** 0.5 for weight in weights]
        assert deviations == pytest.approx([2**0.5] * 2, rel=0.02)


@pytest.mark.parametrize(("name", "fourth"), [("ternausnet11", 128), ("ternausnet16", 256)])
def test_ternausnet_decoder_blocks_have_the_published_channels(name: str, fourth: int) -> None:
    network = create_network(name)

    def conv_and_transposed(inputs: int, middle: int, outputs: int) -> int:
        return 9 * inputs * middle + middle + 16 * middle * outputs + outputs

    blocks = {
        "centre": (512, 512, 256),
        "dec5": (512 + 256, 512, 256),
        "dec4": (512 + 256, 512, fourth),
        "dec3": (256 + fourth, 256, 64),
        "dec2": (128 + 64, 128, 32),
    }
    for block, channels in blocks.items():
        assert block_parameters(network, block) == conv_and_transposed(*channels), block
    assert block_parameters(network, "dec1") == 9 * (64 + 32) * 32 + 32
    assert block_parameters(network, "head") == 33


def test_u_shaped_blocks_have_the_published_channels() -> None:
    def unit(inputs: int, outputs: int) -> int:  # two 3x3 convolutions with bias, each with a batch norm
        return 9 * inputs * outputs + 9 * outputs * outputs + 6 * outputs

    nested = create_network("unet_plus_plus")
    widths = (32, 64, 128, 256, 512)
    for row in range(4):
        for column in range(1, 5 - row):
            inputs = column * widths[row] + widths[row + 1]
            assert block_parameters(nested, f"nested.{row}_{column}") == unit(inputs, widths[row])
    attention = create_network("attention_unet")
    for stage, channels in enumerate((64, 128, 256, 512)):
        half = channels // 2
        assert block_parameters(attention, f"upsample.{stage}") == 9 * 2 * channels * channels + 3 * channels
        assert block_parameters(attention, f"gates.{stage}") == 2 * (channels * half + 3 * half) + half + 1 + 2
        assert block_parameters(attention, f"up.{stage}") == unit(2 * channels, channels)


def test_images_of_an_unsupported_shape_are_refused() -> None:
    for name, (_, _, multiple) in PUBLISHED.items():
        network = create_network(name, width=0.1)
        kind, wide = type(network).__name__, 64 + multiple // 2
        for shape, words in (
            ((1, 3, 64, wide), (f"multiples of {multiple}", f"64 x {wide}")),
            ((1, 3, 511, 512), (f"multiples of {multiple}", "511 x 512")),
            ((1, 3, 0, 64), ("0 x 64",)),
            ((1, 4, 64, 64), ("(N, 3, H, W)", "(1, 4, 64, 64)")),
            ((3, 64, 64), ("(N, 3, H, W)", "(3, 64, 64)")),
        ):
            images = torch.zeros(shape)
            assert_refused(partial(network, images), kind, *words)


def test_unusable_arguments_are_refused_by_name() -> None:
    assert_refused(lambda: create_network("albnet"), "'albnet'", "'albunet'")
    assert_refused(lambda: create_network("unet", weights="coco"), "weights", "'coco'")
    assert_refused(lambda: create_network("unet", width=0), "width", "got 0")
    assert_refused(lambda: create_network("albunet", weights="imagenet", width=0.5), "ImageNet", "width", "0.5")


@pytest.mark.parametrize("name", [*PUBLISHED, "smp:FPN/resnet18"])
def test_an_untrained_network_predicts_its_output_prior_where_it_sees_nothing(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(name, width=1.0 if name.startswith("smp:") else 0.1).eval()
    for prior in (0.02, 0.7):
        with torch.no_grad():
            network.output_layer().weight.zero_()
            network.set_output_prior(prior)
            probability = network(torch.randn(1, 3, 64, 64)).sigmoid()
        assert torch.allclose(probability, torch.full_like(probability, prior))
    for outside in (0.0, 1.0, -0.1):
        assert_refused(partial(network.set_output_prior, outside), "prior", f"got {outside}")

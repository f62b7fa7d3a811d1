"""Networks of segmentation-models-pytorch: every architecture of the library, unchanged behind our interface."""

from __future__ import annotations

import warnings
from functools import partial

import pytest
import segmentation_models_pytorch as smp
import torch

from baselines import create_network
from baselines.errors import InputError
from baselines.networks import check_pretrained, network_class
from baselines.networks.cost import network_cost
from baselines.networks.smp import ARCHITECTURES, SmpNetwork
from tests.refusal import assert_refused

# The size multiple of each; DPT supports vision transformers only.
MULTIPLES = {
    "Unet": 32,
    "UnetPlusPlus": 32,
    "MAnet": 32,
    "Linknet": 32,
    "FPN": 32,
    "PSPNet": 8,
    "DeepLabV3": 8,
    "DeepLabV3Plus": 16,
    "PAN": 128,
    "UPerNet": 32,
    "Segformer": 32,
    "DPT": 32,
}


def light(architecture: str) -> str:
    return f"smp:{architecture}/{'tu-vit_tiny_patch16_224' if architecture == 'DPT' else 'resnet18'}"


def test_every_architecture_is_checked_here() -> None:
    assert set(ARCHITECTURES) == set(MULTIPLES)


@pytest.mark.parametrize("architecture", MULTIPLES)
def test_every_architecture_gives_what_the_library_gives(architecture: str) -> None:
    network = create_network(light(architecture)).eval()
    assert isinstance(network, SmpNetwork)
    assert type(network.model) is ARCHITECTURES[architecture]
    assert network.size_multiple == MULTIPLES[architecture]
    side = max(64, network.size_multiple)
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        features = network.encode(images)
        logits = network(images)
        assert logits.shape == (2, 1, side, side)
        assert torch.equal(logits, network.model(images))
        assert torch.equal(logits, network.decode(features))
    assert features[-1].dim() == 4
    size = network.size_multiple
    assert network(torch.zeros(1, 3, size, 3 * size)).shape == (1, 1, size, 3 * size)
    with pytest.raises(InputError, match=f"{light(architecture)} takes heights and widths that are multiples of"):
        network(torch.zeros(1, 3, size + 1, size))
    network.train()(images).sum().backward()
    unreached = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not unreached


def test_parameters_are_the_librarys_without_those_it_never_uses() -> None:
    unet = smp.create_model("Unet", "resnet18", encoder_weights=None)
    assert network_cost("smp:Unet/resnet18", size=64).parameters == sum(p.numel() for p in unet.parameters())
    pspnet = smp.create_model("PSPNet", "resnet18", encoder_weights=None)
    unused = sum(p.numel() for stage in (pspnet.encoder.layer3, pspnet.encoder.layer4) for p in stage.parameters())
    assert (
        network_cost("smp:PSPNet/resnet18", size=64).parameters == sum(p.numel() for p in pspnet.parameters()) - unused
    )


def test_an_encoder_that_cannot_be_built_without_values_works_too() -> None:
    assert network_class("smp:Segformer/mit_b0").size_multiple == 32
    assert network_cost("smp:Segformer/mit_b0", size=64).parameters > 3e6


@pytest.mark.parametrize("name", ["smp:Unet/resnet18", "smp:PSPNet/vgg11_bn"])
def test_a_network_of_plain_convolutions_can_be_scaled(name: str) -> None:
    torch.manual_seed(0)
    narrow = create_network(name, width=0.25)
    encoder = narrow.model.encoder  # type: ignore[union-attr]
    first = next(module for module in encoder.modules() if isinstance(module, torch.nn.Conv2d))
    assert (first.in_channels, first.out_channels) == (3, 16)
    assert narrow(torch.randn(2, 3, 64, 64)).shape == (2, 1, 64, 64)


def test_a_network_that_cannot_be_scaled_is_refused_with_the_reason() -> None:
    for name, width, reason in (
        ("smp:Unet/mobilenet_v2", 0.25, "grouped or dilated convolutions"),
        ("smp:FPN/resnet18", 0.25, "GroupNorm layers"),
        ("smp:MAnet/resnet18", 0.25, "channel counts"),
        ("smp:Unet/resnet18", 2.0, "channel counts"),
    ):
        words = (name, f"width {width:g}", reason, "width=1")
        assert_refused(partial(create_network, name, width=width), *words)


def test_incompatible_architectures_and_encoders_are_refused_with_the_librarys_reason() -> None:
    for name, reason in {
        "smp:Linknet/mit_b0": "Encoder `mit_b0` is not supported",
        "smp:PAN/vgg11": "'VGG' models do not support dilated mode",
        "smp:DPT/resnet18": "Only Timm encoders are supported",
        "smp:Unet/tu-swin_tiny_patch4_window7_224": "Input height",
    }.items():
        assert_refused(partial(create_network, name), name, reason)


def test_pretrained_encoders_are_refused() -> None:
    assert_refused(lambda: create_network("smp:Unet/resnet18", weights="imagenet"), "smp:Unet/resnet18", "weights=none")
    assert check_pretrained("smp:Unet/resnet18") is None


def test_examining_a_model_keeps_the_random_state() -> None:
    """The first run of a process examines it, the next does not: both must start from the same weights."""
    states = []
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            network = create_network("smp:FPN/timm-skresnet18")
        states.append(network.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])

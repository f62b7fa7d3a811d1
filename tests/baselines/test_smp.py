"""Networks of segmentation-models-pytorch: each architecture the library has, unchanged behind our interface."""

from __future__ import annotations

import warnings

import pytest
import segmentation_models_pytorch as smp
import torch

from baselines import InputError, create_network
from baselines.networks import check_pretrained, network_class
from baselines.networks.cost import network_cost
from baselines.networks.smp import ARCHITECTURES, SmpNetwork

# Our size multiple of each; DPT takes vision transformers only.
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


def test_parameters_are_the_librarys_and_what_it_never_uses_is_not_counted() -> None:
    whole = smp.create_model("Unet", "resnet18", encoder_weights=None)
    assert network_cost("smp:Unet/resnet18", size=64).parameters == sum(p.numel() for p in whole.parameters())
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


@pytest.mark.parametrize(
    ("name", "width", "why"),
    [
        ("smp:Unet/mobilenet_v2", 0.25, "for it has grouped or dilated convolutions"),
        ("smp:FPN/resnet18", 0.25, "for it has GroupNorm layers"),
        ("smp:MAnet/resnet18", 0.25, "for its channel counts do not scale together"),
        ("smp:Unet/resnet18", 2.0, "for its channel counts do not scale together"),
    ],
)
def test_a_network_that_cannot_be_scaled_says_so(name: str, width: float, why: str) -> None:
    with pytest.raises(InputError, match=f"{name} cannot be built at width {width:g}, {why}: set width=1$"):
        create_network(name, width=width)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smp:Linknet/mit_b0", "smp:Linknet/mit_b0 does not go together: Encoder `mit_b0` is not supported"),
        ("smp:PAN/vgg11", "smp:PAN/vgg11 does not go together: 'VGG' models do not support dilated mode"),
        ("smp:DPT/resnet18", "smp:DPT/resnet18 does not go together: Only Timm encoders are supported"),
        ("smp:Unet/tu-swin_tiny_patch4_window7_224", "takes no images of a size of one's own: Input height"),
    ],
)
def test_pairs_that_do_not_go_together_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        create_network(name)
    assert "\n" not in str(caught.value)


def test_pretrained_encoders_are_refused() -> None:
    with pytest.raises(InputError, match="pretrained encoders are not supported for smp:Unet/resnet18"):
        create_network("smp:Unet/resnet18", weights="imagenet")
    assert check_pretrained("smp:Unet/resnet18") is None


def test_examining_a_model_leaves_the_random_numbers_alone() -> None:
    """The first run of a process examines it, the next does not: both must start from the same weights."""
    states = []
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            network = create_network("smp:FPN/timm-skresnet18")
        states.append(network.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])

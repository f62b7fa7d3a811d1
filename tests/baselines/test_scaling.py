"""Networks with fewer channels: the same layers, and no crash where oneDNN has one."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from baselines import create_network
from baselines.networks.scaling import StridedPointwiseConv2d
from tests.conftest import REPOSITORY

TRAIN = """
import torch
from baselines import create_network
network = create_network("albunet", width=0.125).to(memory_format=torch.channels_last)
for _ in range(3):
    images = torch.randn(2, 3, 256, 256).contiguous(memory_format=torch.channels_last)
    network(images).square().mean().backward()
"""


@pytest.mark.parametrize(("channels", "size"), [((8, 16), (128, 64)), ((6, 13), (17, 16)), ((32, 64), (8, 8))])
def test_a_convolution_of_fewer_pixels_is_the_strided_one(channels: tuple[int, int], size: tuple[int, int]) -> None:
    """The strided one is computed in double precision, channels first, where oneDNN takes no part."""
    torch.manual_seed(0)
    layer = StridedPointwiseConv2d(*channels, 2).to(memory_format=torch.channels_last)
    images = torch.randn(2, channels[0], *size)
    x = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    output = layer(x)
    output.square().sum().backward()

    weight, bias, pixels = (
        value.detach().double().contiguous().requires_grad_() for value in (layer.weight, layer.bias, images)
    )
    expected = conv2d(pixels, weight, bias, stride=2)
    expected.square().sum().backward()
    pairs = ((output, expected), (x.grad, pixels.grad), (layer.weight.grad, weight.grad), (layer.bias.grad, bias.grad))
    for found, value in pairs:
        assert found.shape == value.shape
        assert torch.allclose(found.double(), value, rtol=1e-5, atol=1e-5 * float(value.detach().abs().max()))


def test_the_shortcuts_of_a_narrow_resnet_are_computed_without_stride() -> None:
    network = create_network("albunet", width=0.125)
    shortcuts = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert sum(isinstance(layer, StridedPointwiseConv2d) for layer in shortcuts) == 3  # of stages 2 to 4


def test_a_narrow_network_trains_on_large_images() -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]

"""Networks with fewer channels: the same layers, and no crash where oneDNN has one."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
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


@pytest.mark.parametrize(("channels", "size"), [((8, 16), 32), ((6, 13), 16), ((32, 64), 8)])
def test_a_convolution_of_fewer_pixels_is_the_strided_one_to_the_bit(channels: tuple[int, int], size: int) -> None:
    torch.manual_seed(0)
    layer = StridedPointwiseConv2d(*channels, 1, 2, bias=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(2, channels[0], size, size).contiguous(memory_format=torch.channels_last)
    found: list[list[Tensor]] = []
    for convolve in (layer, lambda x: conv2d(x, layer.weight, stride=2)):
        x = images.clone().requires_grad_()
        layer.zero_grad()
        output = convolve(x)
        output.square().sum().backward()
        found.append([output, x.grad, layer.weight.grad])  # type: ignore[list-item]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_the_shortcuts_of_a_narrow_resnet_are_computed_without_stride() -> None:
    network = create_network("albunet", width=0.125)
    shortcuts = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert sum(isinstance(layer, StridedPointwiseConv2d) for layer in shortcuts) == 3  # of stages 2 to 4


def test_a_narrow_network_trains_on_large_images() -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]

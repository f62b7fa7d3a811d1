"""Library encoders with fewer or more channels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import conv2d

from baselines.networks.base import IMAGE_CHANNELS


class StridedPointwiseConv2d(nn.Conv2d):
    """A 1x1 convolution with a stride, computed without the stride from the pixels it lands on.

    Maps (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride)), as ``nn.Conv2d`` does. oneDNN's gradient
    of the latter writes past its memory if images are channels last, there are fewer than 16 input channels, and the
    image is large (56 px and more were seen to crash; issue 6035 of uxlfoundation/oneDNN).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int or tuple of int
    bias : bool

    Examples
    --------
    >>> import torch
    >>> StridedPointwiseConv2d(8, 16, 2)(torch.zeros(1, 8, 64, 64)).shape
    torch.Size([1, 16, 32, 32])
    """

    def __init__(self, inputs: int, outputs: int, stride: int | tuple[int, int], bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        down, right = self.stride
        return conv2d(x[:, :, ::down, ::right], self.weight, self.bias)


def scaled(channels: int, width: float) -> int:
    """Return a channel count multiplied by a width, at least 1.

    Examples
    --------
    >>> scaled(64, 0.25)
    16
    """
    return max(1, round(channels * width))


def scale_channels(module: nn.Module, width: float) -> nn.Module:
    """Scale the channels of a library encoder in place; at width 1 it stays unchanged.

    Parameters
    ----------
    module : nn.Module
        An encoder built of ungrouped ``Conv2d`` and ``BatchNorm2d`` layers.
    width : float
        Multiplier of every channel count, > 0.
    """
    return module if width == 1.0 else rebuild_channels(module, width)


def _scaled_convolution(layer: nn.Conv2d, width: float) -> nn.Conv2d:
    inputs = layer.in_channels if layer.in_channels == IMAGE_CHANNELS else scaled(layer.in_channels, width)
    outputs, bias = scaled(layer.out_channels, width), layer.bias is not None
    kernel, stride, padding = layer.kernel_size, layer.stride, layer.padding
    conv: nn.Conv2d
    if kernel == (1, 1) and stride != (1, 1) and padding == (0, 0):
        conv = StridedPointwiseConv2d(inputs, outputs, stride, bias)  # type: ignore[arg-type]
    else:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)  # type: ignore[arg-type]
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def rebuild_channels(module: nn.Module, width: float) -> nn.Module:
    """Replace every convolution and batch norm in place by a new one with its channels multiplied by ``width``.

    The three input channels of the image stay. Convolutions are initialised as torchvision initialises ResNet and VGG
    (He normal, fan out), so that a rebuilt encoder starts like the library's.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, _scaled_convolution(child, width))
        elif isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.BatchNorm2d(scaled(child.num_features, width)))
        else:
            rebuild_channels(child, width)
    return module

"""Building blocks that several networks share."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.networks.base import IMAGE_CHANNELS, SegmentationNetwork


class DoubleConv(nn.Sequential):
    """Two times a 3x3 convolution with bias, batch norm (optional) and ReLU.

    Maps (N, inputs, H, W) to (N, outputs, H, W).
    """

    def __init__(self, inputs: int, outputs: int, batch_norm: bool = True) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers.append(nn.Conv2d(channels, outputs, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class BilinearUpsample(nn.Module):
    """Bilinear upsampling by 2. Maps (N, C, H, W) to (N, C, 2H, 2W).

    On CUDA it is done by two matrix products: torch's own kernel sums gradients in an order that changes from run to
    run, and its deterministic replacement is slow (docs/performance.md).

    Parameters
    ----------
    align_corners : bool
        Whether the outermost pixels keep their values; otherwise pixels are areas, and those at the border repeat.
    """

    def __init__(self, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cuda":
            return upsample_by_products(x, self.align_corners)
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=self.align_corners)

    def extra_repr(self) -> str:
        return f"align_corners={self.align_corners}"


def upsample_by_products(x: Tensor, align_corners: bool) -> Tensor:
    """Upsample (N, C, H, W) bilinearly to (N, C, 2H, 2W), channels last in memory, by one matrix product per axis.

    Examples
    --------
    >>> upsample_by_products(torch.tensor([[[[0.0, 3.0]]]]), align_corners=True)[0, 0, 0].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    images, channels, height, width = x.shape
    down, across = (_interpolation(size, align_corners, x.device, x.dtype) for size in (height, width))
    rows = down @ x.permute(0, 2, 3, 1).reshape(images, height, width * channels)
    pixels = across @ rows.reshape(images * 2 * height, width, channels)
    return pixels.reshape(images, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


@functools.cache
def _interpolation(size: int, align_corners: bool, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the weights (2 size, size) of the inputs of each output along one axis."""
    with torch.inference_mode(False), torch.no_grad():
        unit = torch.eye(size)[None]  # as a sequence of `size` channels, each of which has one non-zero sample
        weights = F.interpolate(unit, scale_factor=2, mode="linear", align_corners=align_corners)[0].T
        return weights.contiguous().to(device, dtype)


class TransposedBlock(nn.Sequential):
    """A 3x3 convolution, ReLU, a transposed convolution and ReLU. Maps (N, inputs, H, W) to (N, outputs, 2H, 2W).

    Parameters
    ----------
    inputs, middle, outputs : int
        Channels.
    kernel : {4, 3}
        Kernel size of the transposed convolution; 3 needs one row and column of output padding.
    """

    def __init__(self, inputs: int, middle: int, outputs: int, kernel: int = 4) -> None:
        super().__init__(
            nn.Conv2d(inputs, middle, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(middle, outputs, kernel, stride=2, padding=1, output_padding=kernel % 2),
            nn.ReLU(inplace=True),
        )


class DownPath(nn.ModuleList):
    """One ``DoubleConv`` per stage, with a 2x2 max-pool between stages.

    Maps images (N, 3, H, W) to one feature map per stage, shallow to deep: (N, channels[i], H / 2**i, W / 2**i).
    """

    def __init__(self, channels: Sequence[int], batch_norm: bool = True) -> None:
        inputs = [IMAGE_CHANNELS, *channels[:-1]]
        super().__init__(DoubleConv(*pair, batch_norm) for pair in zip(inputs, channels, strict=True))

    def forward(self, images: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for stage in self:
            features.append(stage(F.max_pool2d(features[-1], 2) if features else images))
        return features


class FiveStageNetwork(SegmentationNetwork):
    """A network whose encoder is a ``DownPath`` of five stages, ``down``."""

    size_multiple = 16
    down: DownPath

    def _encode(self, images: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.down(images)
        return features

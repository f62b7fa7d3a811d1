"""What the networks without a library encoder share: the double convolution, and the way down."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from baselines.networks.base import IMAGE_CHANNELS


class DoubleConv(nn.Sequential):
    """Twice: 3x3 convolution with bias, batch norm, ReLU. Maps (N, inputs, H, W) to (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class DownPath(nn.ModuleList):
    """A ``DoubleConv`` per stage, with a 2x2 max-pool between stages.

    Maps images (N, 3, H, W) to one feature map per stage, shallow to deep: (N, channels[i], H / 2**i, W / 2**i).
    """

    def __init__(self, channels: Sequence[int]) -> None:
        inputs = [IMAGE_CHANNELS, *channels[:-1]]
        super().__init__(DoubleConv(*pair) for pair in zip(inputs, channels, strict=True))

    def forward(self, images: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for stage in self:
            features.append(stage(F.max_pool2d(features[-1], 2) if features else images))
        return features

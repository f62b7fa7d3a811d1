"""Building blocks that several networks share."""

from __future__ import annotations

from collections.abc import Sequence

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

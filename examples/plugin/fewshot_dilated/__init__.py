"""An example plug-in: a small network and two methods that use it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines import Method, Recipe, SegmentationNetwork, register_network


class DilatedNet(SegmentationNetwork):
    """Three strided stages, two dilated stages of the same resolution, and one bilinear upsampling.

    Parameters
    ----------
    width : float
        Multiplier of every channel count.
    """

    size_multiple = 8

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c16, c32, c64 = (max(1, round(count * width)) for count in (16, 32, 64))
        self.stages = nn.ModuleList(
            [
                self._stage(3, c16, stride=2),
                self._stage(c16, c32, stride=2),
                self._stage(c32, c64, stride=2),
                self._stage(c64, c64, dilation=2),
                self._stage(c64, c64, dilation=4),
            ]
        )
        self.head = nn.Conv2d(c64 + c16, 1, 1)

    @staticmethod
    def _stage(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def _encode(self, images: Tensor) -> list[Tensor]:
        features = [images]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]

    def decode(self, features: list[Tensor]) -> Tensor:
        shallow, deep = features[0], features[-1]
        height, width = shallow.shape[-2:]
        deep = nn.functional.interpolate(deep, (height, width), mode="bilinear")
        logits = self.head(torch.cat([deep, shallow], dim=1))
        return nn.functional.interpolate(logits, (2 * height, 2 * width), mode="bilinear")


def methods() -> list[Method]:
    """Return the methods of this plug-in; called once per process."""
    register_network("dilated", DilatedNet)
    reference = "docs/adding-a-method.md"
    return [
        Method("dilated", "DilatedNet", "dilated", Recipe(crop_paste="augmentation"), reference),
        Method(
            "dilated_ours",
            "DilatedNet+NBR+CaP",
            "dilated",
            Recipe(crop_paste="cap", paste_weight="realism", nbr="cosine"),
            reference,
        ),
    ]

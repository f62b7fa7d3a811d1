"""U-Net++ (reference [29] of the paper): the stages of U-Net, connected by a triangle of nested nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.networks.blocks import BilinearUpsample, DoubleConv, DownPath, FiveStageNetwork
from baselines.networks.scaling import scaled
from baselines.networks.unet import STAGE_CHANNELS


class UNetPlusPlus(FiveStageNetwork):
    """U-Net++ of five stages without deep supervision.

    Node (row, 0) is the encoder's stage ``row``. Node (row, column) is a ``DoubleConv`` over all earlier nodes
    of its row, in order, and the upsampled node (row + 1, column - 1); the logits come from node (0, 4).

    Parameters
    ----------
    width : float
        Multiplier of every channel count.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [scaled(count, width) for count in STAGE_CHANNELS]
        self.down = DownPath(channels)
        self.nested = nn.ModuleDict(
            {
                f"{row}_{column}": DoubleConv(column * channels[row] + channels[row + 1], channels[row])
                for row, column in _triangle(len(channels))
            }
        )
        self.upsample = BilinearUpsample(align_corners=True)
        self.head = nn.Conv2d(channels[0], 1, 1)

    def decode(self, features: list[Tensor]) -> Tensor:
        rows = [[feature] for feature in features]
        for row, column in _triangle(len(features)):
            inputs = [*rows[row], self.upsample(rows[row + 1][column - 1])]
            rows[row].append(self.nested[f"{row}_{column}"](torch.cat(inputs, dim=1)))
        logits: Tensor = self.head(rows[0][-1])
        return logits


def _triangle(stages: int) -> list[tuple[int, int]]:
    """Return (row, column) of every nested node, each after the nodes it depends on."""
    return [(row, column) for column in range(1, stages) for row in range(stages - column)]

"""What every network of the suite offers: encode, decode, and a clear word about inputs that do not fit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from baselines.errors import InputError

IMAGE_CHANNELS = 3


class SegmentationNetwork(nn.Module, ABC):
    """Encoder-decoder that maps images to one logit map of the same size.

    Attributes
    ----------
    size_multiple : int
        Height and width of an input must be multiples of it.
    encoder_name : str or None
        Of the library encoder, ``network.encoder``, that ImageNet weights can be loaded into; None if there is none.
    pretrained : dict or None
        What was loaded into it: ``encoder``, ``file``, ``sha256`` and ``source``; None if it started at random.
    """

    size_multiple: int
    encoder_name: str | None = None
    pretrained: dict[str, str] | None = None

    def __init__(self, width: float = 1.0) -> None:
        """Build the network with every channel count times ``width``."""
        super().__init__()

    @classmethod
    def check_settings(cls, weights: str | None, width: float) -> None:
        """Refuse start weights or a width that this network cannot have; nothing is refused unless overridden.

        Asked before any training, so that what cannot be built is one line and not a failed run.

        Parameters
        ----------
        weights : {None, "imagenet"}
        width : float
            > 0.

        Raises
        ------
        InputError
            If the network cannot be built so.
        """

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the encoder's feature maps, shallow to deep; the last one is the paper's F (Section III-D).

        Parameters
        ----------
        images : Tensor, float, shape (N, 3, H, W)
            H and W multiples of ``size_multiple``.

        Raises
        ------
        InputError
            If the shape does not fit.
        """
        self._check(images)
        return self._encode(images)

    @abstractmethod
    def _encode(self, images: Tensor) -> list[Tensor]: ...

    @abstractmethod
    def decode(self, features: list[Tensor]) -> Tensor:
        """Return the logits, shape (N, 1, H, W), of what ``encode`` returned for images of shape (N, 3, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (N, 1, H, W), of images of shape (N, 3, H, W)."""
        return self.decode(self.encode(images))

    def output_layer(self) -> nn.Conv2d:
        """Return the convolution that gives the logits: one output channel and a bias.

        It is ``self.head`` unless a network overrides this.

        Raises
        ------
        InputError
            If there is no such layer.
        """
        layer = getattr(self, "head", None)
        if not (isinstance(layer, nn.Conv2d) and layer.out_channels == 1 and layer.bias is not None):
            raise InputError(
                f"{type(self).__name__} has no convolution 'head' with one output and a bias: override output_layer()"
            )
        return layer

    def set_output_prior(self, probability: float) -> None:
        """Let an untrained network predict about ``probability`` everywhere, by the bias of its last layer.

        Defects are rare; a network that starts at one half spends its first iterations on learning only that
        (Lin et al., Focal Loss for Dense Object Detection, Section 4.1).

        Parameters
        ----------
        probability : float
            Between 0 and 1, both excluded.

        Raises
        ------
        InputError
            If it is out of range, or the network has no such layer.
        """
        if not 0 < probability < 1:
            raise InputError(f"a prior is a probability between 0 and 1, got {probability}")
        bias = self.output_layer().bias
        assert bias is not None
        nn.init.constant_(bias, math.log(probability / (1 - probability)))

    def _check(self, images: Tensor) -> None:
        if images.dim() != 4 or images.shape[1] != IMAGE_CHANNELS:
            raise InputError(
                f"{type(self).__name__} takes images of shape (N, {IMAGE_CHANNELS}, H, W), got {tuple(images.shape)}"
            )
        height, width = images.shape[-2:]
        if height % self.size_multiple or width % self.size_multiple or not height or not width:
            raise InputError(
                f"{type(self).__name__} takes heights and widths that are multiples of {self.size_multiple}, "
                f"got {height} x {width}"
            )


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a module that has shapes but no values, and leave the random numbers where they were.

    A few networks read a value while they are built, which the meta device does not have; these are built for
    real and moved.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return build()
        except (RuntimeError, NotImplementedError):  # what torch raises where a value is read
            return build().to("meta")


def scaled(channels: int, width: float) -> int:
    """Return a channel count times the width multiplier, at least one."""
    return max(1, round(channels * width))


def scale_channels(module: nn.Module, width: float) -> nn.Module:
    """Rebuild a library encoder with scaled channels, in place; at width 1 it stays as it is.

    Parameters
    ----------
    module : nn.Module
        An encoder built of ungrouped ``Conv2d`` and ``BatchNorm2d`` layers.
    width : float
        Multiplier of every channel count, > 0.
    """
    return module if width == 1.0 else rebuild_channels(module, width)


def rebuild_channels(module: nn.Module, width: float) -> nn.Module:
    """Replace, in place, every convolution and batch norm by a new one with its channels times ``width``.

    The image's three input channels stay. Convolutions are initialised as torchvision initialises those of
    ResNet and VGG (He normal, fan out), so that a rebuilt encoder starts like the library's.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            inputs = child.in_channels if child.in_channels == IMAGE_CHANNELS else scaled(child.in_channels, width)
            conv = nn.Conv2d(
                inputs,
                scaled(child.out_channels, width),
                child.kernel_size,  # type: ignore[arg-type]
                child.stride,  # type: ignore[arg-type]
                child.padding,  # type: ignore[arg-type]
                bias=child.bias is not None,
            )
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)
            setattr(module, name, conv)
        elif isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.BatchNorm2d(scaled(child.num_features, width)))
        else:
            rebuild_channels(child, width)
    return module

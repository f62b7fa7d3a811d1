"""The interface of every network: encode, decode, and a clear error for images of the wrong shape."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from baselines.errors import InputError

if TYPE_CHECKING:
    from baselines.networks.pretrained import WeightsRecord

IMAGE_CHANNELS = 3
ModuleT = TypeVar("ModuleT", bound=nn.Module)


class SegmentationNetwork(nn.Module, ABC):
    """Encoder-decoder that maps images to logits of the same size.

    Attributes
    ----------
    size_multiple : int
        Height and width of an input must be multiples of it.
    encoder_name : str or None
        Name of the library encoder ``network.encoder``, of which torchvision has ImageNet weights; None without one.
    pretrained : WeightsRecord or None
        The weights that were loaded into it; None for random weights.
    """

    size_multiple: int
    encoder_name: str | None = None
    pretrained: WeightsRecord | None = None

    def __init__(self, width: float = 1.0) -> None:
        """Build the network with every channel count multiplied by ``width``."""
        super().__init__()

    @classmethod
    def check_settings(cls, weights: str | None, width: float) -> None:
        """Check that the network can start from these weights at this width; override it to refuse any.

        It is called before any training, so that the user gets one error and not a failed run.

        Parameters
        ----------
        weights : {None, "imagenet"}
        width : float
            > 0.

        Raises
        ------
        InputError
            If the network does not support the weights or the width.
        """

    def weights_encoder(self) -> nn.Module | None:
        """Return the library encoder into which weights are loaded; None without one.

        It is ``self.encoder`` if ``encoder_name`` is set, unless a network overrides this method.
        """
        return self.get_submodule("encoder") if self.encoder_name else None

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the encoder's feature maps, shallow to deep; the last one is the paper's F (Section III-D).

        Parameters
        ----------
        images : Tensor, float, shape (N, 3, H, W)
            H and W multiples of ``size_multiple``.

        Raises
        ------
        InputError
            If the shape is not supported.
        """
        self._check(images)
        return self._encode(images)

    @abstractmethod
    def _encode(self, images: Tensor) -> list[Tensor]: ...

    @abstractmethod
    def decode(self, features: list[Tensor]) -> Tensor:
        """Return the logits, shape (N, 1, H, W), from the feature maps of ``encode`` for images (N, 3, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (N, 1, H, W), of images (N, 3, H, W)."""
        return self.decode(self.encode(images))

    def output_layer(self) -> nn.Conv2d:
        """Return the convolution that computes the logits, with one output channel and a bias.

        It is ``self.head`` unless a network overrides this method.

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
        """Set the bias of the last layer so that an untrained network predicts about ``probability`` everywhere.

        Defects are rare; a network that starts at one half spends its first iterations learning only that
        (Lin et al., Focal Loss for Dense Object Detection, Section 4.1).

        Parameters
        ----------
        probability : float
            In (0, 1).

        Raises
        ------
        InputError
            If it is out of range, or the network has no such layer.
        """
        if not 0 < probability < 1:
            raise InputError(f"an output prior must be a probability > 0 and < 1, got {probability}")
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


def on_meta(build: Callable[[], ModuleT]) -> ModuleT:
    """Build a module on the meta device: shapes without values; the random number generator keeps its state.

    A few networks read a value during construction, which the meta device does not have; they are built on the CPU
    and moved.

    Examples
    --------
    >>> on_meta(lambda: nn.Linear(2, 3)).weight.device
    device(type='meta')
    """
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return build()
        except (RuntimeError, NotImplementedError):  # raised by torch when a value is read
            return build().to("meta")

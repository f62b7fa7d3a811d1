"""``smp:<Architecture>/<encoder>``: the networks of segmentation-models-pytorch with our interface."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import segmentation_models_pytorch as smp
import timm
import torch
from torch import Tensor, nn

from baselines.errors import InputError, unknown_name
from baselines.networks import SMP_PREFIX
from baselines.networks.base import IMAGE_CHANNELS, SegmentationNetwork, on_meta
from baselines.networks.scaling import scale_channels

ARCHITECTURES = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}

# Candidates for the size multiple, in output strides of the encoder: PAN's pyramid halves its map three more times.
_STRIDE_FACTORS = (1, 2, 4, 8)


class SmpNetwork(SegmentationNetwork):
    """A model of segmentation-models-pytorch; ``smp_class`` returns the class of one architecture and encoder.

    ``encode`` returns the feature maps of the model's encoder, which for most encoders start with the image itself.
    With DPT the prefix tokens, of shape (N, tokens, C), come first.

    Attributes
    ----------
    architecture, smp_encoder : str
    unused : frozenset of str
        Parameters that the model never uses (deep stages of a truncated encoder, an unused head); they are frozen, so
        they are neither counted nor trained.
    """

    architecture: str
    smp_encoder: str
    unused: frozenset[str]

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.check_settings(None, width)
        self.model = _scaled(_build(self.architecture, self.smp_encoder), width)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name not in self.unused)

    @classmethod
    def check_settings(cls, weights: str | None, width: float) -> None:
        name = f"{SMP_PREFIX}{cls.architecture}/{cls.smp_encoder}"
        if weights:
            raise InputError(
                f"there are no ImageNet weights for {name}: set weights=none, or give a file of your own with "
                f"weights_files.{name}=FILE"
            )
        reason = _reason_not_scalable(cls.architecture, cls.smp_encoder, width, cls.size_multiple)
        if reason:
            raise InputError(f"{name} cannot be built at width {width:g} because {reason}: set width=1")

    def weights_encoder(self) -> nn.Module:
        return self.model.get_submodule("encoder")

    def output_layer(self) -> nn.Conv2d:
        layers = self.model.get_submodule("segmentation_head").modules()
        return [layer for layer in layers if isinstance(layer, nn.Conv2d)][-1]

    def _encode(self, images: Tensor) -> list[Tensor]:
        if isinstance(self.model, smp.DPT):
            maps, tokens = self.model.encoder(images)
            return [*(token for token in tokens if token is not None), *maps]
        return list(self.model.encoder(images))  # type: ignore[operator]

    def decode(self, features: list[Tensor]) -> Tensor:
        if isinstance(self.model, smp.DPT):
            stages = len(self.model.encoder.output_strides)
            tokens: list[Tensor] | list[None] = features[:-stages] or [None] * stages
            decoded = self.model.decoder(features[-stages:], tokens)
        else:
            decoded = self.model.decoder(list(features))  # type: ignore[operator]
        logits: Tensor = self.model.segmentation_head(decoded)  # type: ignore[operator]
        return logits


@functools.cache
def smp_class(name: str) -> type[SmpNetwork]:
    """Return the network class of ``smp:<Architecture>/<encoder>``.

    Raises
    ------
    InputError
        If the architecture or the encoder is unknown (the error suggests the closest one), or they are incompatible.

    Examples
    --------
    >>> smp_class("smp:PSPNet/resnet18").size_multiple
    8
    """
    architecture, slash, encoder = name.removeprefix(SMP_PREFIX).partition("/")
    if not slash:
        raise InputError(f"'{name}' has no encoder: write {SMP_PREFIX}<Architecture>/<encoder>")
    if architecture not in ARCHITECTURES:
        raise unknown_name("architecture", architecture, ARCHITECTURES)
    known = [*smp.encoders.get_encoder_names(), *(f"tu-{model}" for model in timm.list_models())]
    if encoder not in known:
        raise unknown_name("encoder", encoder, known)
    properties = _examine(architecture, encoder)
    attributes = {
        "architecture": architecture,
        "smp_encoder": encoder,
        "size_multiple": properties.size_multiple,
        "unused": properties.unused,
        "__module__": __name__,
        "__doc__": SmpNetwork.__doc__,
    }
    return type(name, (SmpNetwork,), attributes)


@dataclass(frozen=True)
class _ModelProperties:
    """Properties found by running a model: the multiple of its input sizes, and the parameters it never uses."""

    size_multiple: int
    unused: frozenset[str]


def _build(architecture: str, encoder: str) -> nn.Module:
    # By default a vision transformer accepts one image size only; of the architectures only DPT uses them.
    options = {"dynamic_img_size": True} if ARCHITECTURES[architecture] is smp.DPT else {}
    model: nn.Module = smp.create_model(
        architecture, encoder, encoder_weights=None, in_channels=IMAGE_CHANNELS, classes=1, **options
    )
    return model


def _examine(architecture: str, encoder: str) -> _ModelProperties:
    """Run a model on the meta device to find its properties.

    The size multiple is the smallest multiple of the encoder's output stride for which square and rectangular images
    give logits of their own size.
    """
    pair = f"{SMP_PREFIX}{architecture}/{encoder}"
    try:
        model = on_meta(lambda: _build(architecture, encoder))
    # The library raises any of these for an incompatible pair.
    except (ValueError, TypeError, KeyError, RuntimeError, NotImplementedError, AttributeError) as error:
        raise InputError(f"the architecture and the encoder of {pair} are incompatible: {_one_line(error)}") from error
    stride = int(model.get_submodule("encoder").output_stride)  # type: ignore[arg-type]
    problem = ""
    for multiple in (stride * factor for factor in _STRIDE_FACTORS):
        problem = _problem_at(model, multiple)
        if not problem:
            unused = frozenset(name for name, parameter in model.named_parameters() if parameter.grad is None)
            return _ModelProperties(multiple, unused)
    raise InputError(f"{pair} does not support arbitrary image sizes: {problem}")


def _problem_at(model: nn.Module, multiple: int) -> str:
    """Return why a model on the meta device does not map images of a size to logits of that size, or ""."""
    try:
        for width in (multiple, 3 * multiple):
            logits = model(torch.empty(2, IMAGE_CHANNELS, multiple, width, device="meta"))
            if logits.shape != (2, 1, multiple, width):
                return f"logits of shape {tuple(logits.shape)} for images of {multiple} x {width} px"
        logits.sum().backward()
    except Exception as error:  # models raise all kinds of errors for unsupported sizes
        return _one_line(error)
    return ""


def _scaled(model: nn.Module, width: float) -> nn.Module:
    if width == 1.0:
        return model
    scale_channels(model, width)
    model.initialize()  # type: ignore[operator]  # the library's initialisation of decoder and head
    return model


@functools.cache
def _reason_not_scalable(architecture: str, encoder: str, width: float, multiple: int) -> str:
    """Return why the channels of a model cannot be scaled, or "" if they can.

    ``scale_channels`` supports plain convolutions and batch norms; with any other layer that has weights, or with
    settings that it does not copy, the result would be a different network.
    """
    if width == 1.0:
        return ""
    model = on_meta(lambda: _build(architecture, encoder))
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
            kind = "grouped or dilated convolutions"
        elif isinstance(layer, nn.BatchNorm2d):
            plain = (layer.eps, layer.momentum, layer.affine) == (1e-5, 0.1, True)
            kind = "batch norms with other settings"
        else:
            plain = not [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
            kind = f"{type(layer).__name__} layers"
        if not plain:
            return f"it has {kind}"
    if _problem_at(on_meta(lambda: _scaled(_build(architecture, encoder), width)), multiple):
        return "its channel counts do not scale together"
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

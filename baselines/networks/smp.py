"""``smp:<Architecture>/<encoder>``: the networks of segmentation-models-pytorch behind our interface."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import segmentation_models_pytorch as smp
import timm
import torch
from torch import Tensor, nn

from baselines.errors import InputError, unknown_name
from baselines.networks import SMP_PREFIX
from baselines.networks.base import IMAGE_CHANNELS, SegmentationNetwork, on_meta, scale_channels

ARCHITECTURES = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}

# How many times its encoder's output stride an input may have to be: PAN's pyramid halves its map three times more.
_STRIDE_FACTORS = (1, 2, 4, 8)


class SmpNetwork(SegmentationNetwork):
    """A model of segmentation-models-pytorch; ``smp_class`` gives the class of one architecture and encoder.

    ``encode`` returns what the model's encoder does: for most of them the image itself comes first. DPT's prefix
    tokens, of shape (N, tokens, C), stand before its maps.

    Attributes
    ----------
    architecture, smp_encoder : str
    unused : frozenset of str
        Parameters that the model carries but never uses (deep stages of a shortened encoder, a left-over head);
        they are frozen, so that they are neither counted nor trained.
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
            raise InputError(f"pretrained encoders are not supported for {name}: set weights=none")
        if width != 1.0:
            why = _why_not_scaled(cls.architecture, cls.smp_encoder, width, cls.size_multiple)
            if why:
                raise InputError(f"{name} cannot be built at width {width:g}, {why}: set width=1")

    def output_layer(self) -> nn.Conv2d:
        layers = self.model.segmentation_head.modules()  # type: ignore[union-attr]
        head = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
        return head[-1]

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
        return self.model.segmentation_head(decoded)  # type: ignore[operator]


@functools.cache
def smp_class(name: str) -> type[SmpNetwork]:
    """Return the network class of ``smp:<Architecture>/<encoder>``.

    Raises
    ------
    InputError
        If the architecture or the encoder is unknown (the nearest one is suggested), or they do not go together.
    """
    architecture, slash, encoder = name.removeprefix(SMP_PREFIX).partition("/")
    if not slash:
        raise InputError(f"'{name}' names no encoder: write {SMP_PREFIX}<Architecture>/<encoder>")
    if architecture not in ARCHITECTURES:
        raise unknown_name("architecture", architecture, ARCHITECTURES)
    known = [*smp.encoders.get_encoder_names(), *(f"tu-{model}" for model in timm.list_models())]
    if encoder not in known:
        raise unknown_name("encoder", encoder, known)
    found = _examine(architecture, encoder)
    attributes = {
        "architecture": architecture,
        "smp_encoder": encoder,
        "size_multiple": found.size_multiple,
        "unused": found.unused,
        "__module__": __name__,
        "__doc__": SmpNetwork.__doc__,
    }
    return type(name, (SmpNetwork,), attributes)


@dataclass(frozen=True)
class _Findings:
    """What only a model itself tells: the multiple its input sizes must be of, and what it never uses."""

    size_multiple: int
    unused: frozenset[str]


def _build(architecture: str, encoder: str) -> nn.Module:
    # A vision transformer takes one image size unless told otherwise; only DPT is made for them.
    options = {"dynamic_img_size": True} if ARCHITECTURES[architecture] is smp.DPT else {}
    return smp.create_model(
        architecture, encoder, encoder_weights=None, in_channels=IMAGE_CHANNELS, classes=1, **options
    )


def _examine(architecture: str, encoder: str) -> _Findings:
    """Find out what a model needs by running it without values.

    The size multiple is the smallest multiple of the encoder's output stride that the model maps to logits of the
    same size, tried square and oblong.
    """
    pair = f"{SMP_PREFIX}{architecture}/{encoder}"
    try:
        model = on_meta(lambda: _build(architecture, encoder))
    # The library refuses a pair in one of these ways, or stumbles over it.
    except (ValueError, TypeError, KeyError, RuntimeError, NotImplementedError, AttributeError) as error:
        raise InputError(f"{pair} does not go together: {_one_line(error)}") from error
    stride = int(model.encoder.output_stride)  # type: ignore[union-attr, arg-type]
    problem = ""
    for multiple in (stride * factor for factor in _STRIDE_FACTORS):
        problem = _problem_at(model, multiple)
        if not problem:
            unused = frozenset(name for name, parameter in model.named_parameters() if parameter.grad is None)
            return _Findings(multiple, unused)
    raise InputError(f"{pair} takes no images of a size of one's own: {problem}")


def _problem_at(model: nn.Module, multiple: int) -> str:
    """Return why a model on the meta device does not map images of such a size to logits of that size, or ""."""
    try:
        for width in (multiple, 3 * multiple):
            logits = model(torch.empty(2, IMAGE_CHANNELS, multiple, width, device="meta"))
            if logits.shape != (2, 1, multiple, width):
                return f"logits of shape {tuple(logits.shape)} for images of {multiple} x {width} px"
        logits.sum().backward()
    except Exception as error:  # each model fails in its own way on sizes it cannot take
        return _one_line(error)
    return ""


def _scaled(model: nn.Module, width: float) -> nn.Module:
    if width == 1.0:
        return model
    scale_channels(model, width)
    model.initialize()  # type: ignore[operator]  # decoder and head start as the library starts them
    return model


@functools.cache
def _why_not_scaled(architecture: str, encoder: str, width: float, multiple: int) -> str:
    """Return why the channels of a model cannot be scaled, or "".

    ``scale_channels`` knows plain convolutions and batch norms; any other layer with weights, or one with settings
    that it does not copy, would come out as another network.
    """
    model = on_meta(lambda: _build(architecture, encoder))
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
            what = "grouped or dilated convolutions"
        elif isinstance(layer, nn.BatchNorm2d):
            plain = (layer.eps, layer.momentum, layer.affine) == (1e-5, 0.1, True)
            what = "batch norms of its own settings"
        else:
            plain = not [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
            what = f"{type(layer).__name__} layers"
        if not plain:
            return f"for it has {what}"
    if _problem_at(on_meta(lambda: _scaled(_build(architecture, encoder), width)), multiple):
        return "for its channel counts do not scale together"
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

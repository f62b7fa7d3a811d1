"""Weights for encoders: read from files without executing anything, and loaded only if they fit the whole encoder."""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from baselines.networks.base import SegmentationNetwork, on_meta
from baselines.networks.encoder_names import file_names, is_head
from baselines.networks.pretrained import FoundWeights, WeightsRecord
from baselines.weights_files import SAFETENSORS, WeightsFile, WeightsFileError

# How many names of weights an error or a log line lists.
_NAMED = 3
# What files of torch.save begin with, present and past.
_PICKLES = (b"PK\x03\x04", b"\x80")
# The source of a user's file, in place of the URL of a published one.
GIVEN = "weights_files"
_ADVICE = "save the encoder's state_dict() alone, with torch.save or as safetensors"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedWeights:
    """Weights under an encoder's own names, and what else their file has.

    Attributes
    ----------
    state : dict of str to Tensor
        All of the encoder.
    ignored : tuple of str
        Weights of the complete model that the encoder leaves out, such as its classifier.
    """

    state: dict[str, Tensor]
    ignored: tuple[str, ...]


class MisfitError(ValueError):
    """Weights are not those of an encoder; the message says what is missing, extra or differs.

    Attributes
    ----------
    differs : bool
        Whether any has another shape or type.
    """

    def __init__(self, message: str, differs: bool) -> None:
        super().__init__(message)
        self.differs = differs


def fit_weights(encoder: nn.Module, weights: Mapping[str, Tensor]) -> FittedWeights:
    """Return weights under the names of an encoder.

    Batch norms may lack ``num_batches_tracked``, which files of early versions of PyTorch do not have and which counts
    for nothing.

    Parameters
    ----------
    encoder : nn.Module
        Its values are not read, so it may be on the meta device.
    weights : mapping of str to Tensor
        Named as by torchvision, timm, segmentation-models-pytorch or, for an EfficientNet, efficientnet_pytorch.

    Raises
    ------
    MisfitError
        If they are not the whole encoder, or belong to more than the complete model that it is part of.

    Examples
    --------
    >>> encoder = nn.Sequential(nn.Linear(2, 1))
    >>> fit_weights(encoder, {"0.weight": torch.ones(1, 2), "0.bias": torch.ones(1), "fc.bias": torch.ones(9)}).ignored
    ('fc.bias',)
    """
    own = encoder.state_dict()
    known = file_names(encoder)
    state: dict[str, Tensor] = {}
    ignored: list[str] = []
    extra: list[str] = []
    differing = []
    for name, tensor in weights.items():
        mine = known.get(name)
        if mine is None:
            (ignored if name in known or is_head(name) else extra).append(name)
        elif mine in state:
            extra.append(name)
        else:
            state[mine] = tensor
            if tensor.shape != own[mine].shape:
                differing.append(f"{name} is {tuple(tensor.shape)}, not {tuple(own[mine].shape)}")
            elif own[mine].is_floating_point() and not tensor.is_floating_point():  # a quantised model
                differing.append(f"{name} is {tensor.dtype}, not {own[mine].dtype}")
    absent = [name for name in own if name not in state]
    missing = [name for name in absent if not name.endswith(".num_batches_tracked")]
    found = ((missing, "missing"), (extra, "extra"), (differing, "of another shape or type"))
    if any(names for names, _ in found):
        problems = [f"{len(names)} {what} ({_listed(names)})" for names, what in found if names]
        raise MisfitError("; ".join(problems), differs=bool(differing))
    return FittedWeights(state | {name: torch.tensor(0) for name in absent}, tuple(ignored))


def load_weights(encoder: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights into an encoder; raises as ``fit_weights``."""
    # Not the encoder's own method: some of the library's drop or rename entries.
    nn.Module.load_state_dict(encoder, fit_weights(encoder, weights).state)


@lru_cache  # however many runs start from a file, it is checked once, and so is what is ignored of it logged
def check_fit(file: WeightsFile, name: str, cls: type[SegmentationNetwork], width: float) -> None:
    """Check that a file has the weights of a network's encoder; what else it has of the complete model is logged.

    Parameters
    ----------
    name : str
        Of the network, for messages.

    Raises
    ------
    WeightsFileError
        If the file cannot be used or does not fit, or the network has no encoder for it.
    """
    encoder = _encoder(on_meta(lambda: cls(width=width)), name, file)
    with _naming_misfits(file, name, width):
        ignored = fit_weights(encoder, read_weights(file)).ignored
    if ignored:
        logger.info(
            f"weights file {file.name}: {len(ignored)} entries that the encoder of {name} does not have are ignored "
            f"({_listed(ignored)})"
        )


def start_from_file(network: SegmentationNetwork, name: str, file: WeightsFile, width: float) -> WeightsRecord:
    """Load a file into a network's encoder and return what is recorded of it; raises as ``check_fit``."""
    with _naming_misfits(file, name, width):
        load_weights(_encoder(network, name, file), read_weights(file))
    return WeightsRecord(network.encoder_name or name.rpartition("/")[2], file.name, file.sha256, GIVEN)


def start_from_found(network: SegmentationNetwork, found: FoundWeights) -> WeightsRecord:
    """Load torchvision's file into a network's encoder and return what is recorded of it."""
    load_weights(network.get_submodule("encoder"), torch.load(found.path, map_location="cpu", weights_only=True))
    return found.record


def _encoder(network: SegmentationNetwork, name: str, file: WeightsFile) -> nn.Module:
    encoder = network.weights_encoder()
    if encoder is None:
        raise WeightsFileError(f"weights file {file.path} cannot be used: network {name} has no encoder for weights")
    return encoder


@contextmanager
def _naming_misfits(file: WeightsFile, name: str, width: float) -> Iterator[None]:
    try:
        yield
    except MisfitError as error:
        advice = "; published weights fit width=1" if width != 1.0 and error.differs else ""
        raise WeightsFileError(
            f"weights file {file.path} does not fit the encoder of {name} at width {width:g}: {error}{advice}"
        ) from error


def read_weights(file: WeightsFile) -> dict[str, Tensor]:
    """Return the content of a file, on the CPU.

    Raises
    ------
    WeightsFileError
        If the file cannot be read, has changed, is truncated, or holds anything but named tensors.
    """
    with file.open() as content:
        weights = _read_safetensors(file, content) if file.path.suffix == SAFETENSORS else _read_torch(file, content)
    if not isinstance(weights, Mapping):
        raise WeightsFileError(f"weights file {file.path} holds a {type(weights).__name__}: {_ADVICE}")
    others = [str(name) for name, value in weights.items() if not isinstance(value, Tensor)]
    if others or not weights:
        found = f"entries that are not tensors ({_listed(others)})" if others else "nothing"
        raise WeightsFileError(f"weights file {file.path} holds {found}: {_ADVICE}")
    return {str(name): tensor for name, tensor in weights.items()}


def _read_safetensors(file: WeightsFile, content: BinaryIO) -> object:
    try:
        return load_safetensors(content.read())
    except (SafetensorError, ValueError) as error:
        raise _corrupted(file, error) from error


def _read_torch(file: WeightsFile, content: BinaryIO) -> object:
    start = content.read(max(map(len, _PICKLES)))
    content.seek(0)
    if start and not start.startswith(_PICKLES):
        raise WeightsFileError(f"weights file {file.path} was not written by torch.save: {_ADVICE}")
    try:
        with warnings.catch_warnings(action="ignore"):  # about files that are refused
            return torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise anything
        if isinstance(error, pickle.UnpicklingError) or "TorchScript" in str(error):
            raise WeightsFileError(
                f"weights file {file.path} holds more than tensors and was not read, since that can execute code: "
                f"{_ADVICE}"
            ) from error
        raise _corrupted(file, error) from error


def _corrupted(file: WeightsFile, error: Exception) -> WeightsFileError:
    reason = " ".join(str(error).split()).partition(". ")[0] or "it ends too early"
    return WeightsFileError(f"weights file {file.path} is truncated or corrupted ({reason}): copy it again")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")

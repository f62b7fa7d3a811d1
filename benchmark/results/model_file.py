"""The file of a kept model, ``model.safetensors``: weights, and in its metadata what they were trained and scored with.

Nothing in such a file is executed when it is read, unlike a pickle, which ``torch.save`` writes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from safetensors import SafetensorError, safe_open

from baselines.errors import InputError
from benchmark.protocol.identity import Identity
from benchmark.protocol.profile import Protocol
from benchmark.schema import SchemaError, decode_versioned, to_builtins

if TYPE_CHECKING:
    from torch import Tensor

MODEL_FILE = "model.safetensors"
MODEL_FORMAT = 1
# The key of the description among a file's metadata, which maps strings to strings.
_KEY = "fewshot-defect-benchmark"
_LENGTH_BYTES = 8  # of the header's length, at the beginning of a safetensors file
_AGAIN = "delete it and train its run again with --keep-models"
_PICKLES = (b"PK\x03\x04", b"\x80")  # what files of torch.save and of pickle begin with

Channels = tuple[float, float, float]


class Normalisation(Struct, frozen=True):
    """What is done to RGB values in [0, 1] before the network sees them: subtract ``mean``, divide by ``std``."""

    mean: Channels
    std: Channels


class ModelDescription(Struct, frozen=True, kw_only=True):
    """What a model is and how it was trained: all that is needed to use its weights.

    Attributes
    ----------
    format : int
        ``MODEL_FORMAT``.
    run : str
        The id of its run.
    dataset : str
    label : str
        Of the method.
    identity : Identity
        Of its run: category, method, network, K, seed and recipe.
    protocol : Protocol
        With image size, width, precision and the threshold it was scored with, the paper's 0.5 unless changed.
    normalisation : Normalisation
    training_threshold : float
        Chosen on the training images alone (``training.threshold``), in (0, 1).
    scored_alone : str
        SHA-256 of the pixels of the test image that was predicted in a batch of its own; "" if none was. Such a
        prediction is rounded differently, see ``models.predict``.
    weights_sha256 : str
        As ``digest_weights`` returns it.
    """

    format: Literal[1] = 1
    run: str
    dataset: str
    label: str
    identity: Identity
    protocol: Protocol
    normalisation: Normalisation
    training_threshold: Annotated[float, Meta(gt=0, lt=1)]
    scored_alone: str = ""
    weights_sha256: str

    @property
    def network(self) -> str:
        return self.identity.network


@dataclass(frozen=True)
class KeptModel:
    """A trained network's weights, and what was found out about it while its images were at hand.

    Attributes
    ----------
    weights : dict
        The network's state: name to tensor.
    normalisation : Normalisation
    training_threshold : float
    scored_alone : str
        As of ``ModelDescription``.
    """

    weights: dict[str, Tensor]
    normalisation: Normalisation
    training_threshold: float
    scored_alone: str = ""


def write_model(path: Path, description: ModelDescription, weights: Mapping[str, Tensor]) -> None:
    """Write a model; the caller makes it atomic. OSError if it cannot be written."""
    from safetensors.torch import save  # imports torch

    text = json.dumps(to_builtins(description), ensure_ascii=False, allow_nan=False)
    # Not its save_file, whose files only their owner may read.
    path.write_bytes(save(_plain(weights), metadata={_KEY: text}))


def read_description(path: Path) -> ModelDescription:
    """Return what a model is, without reading its weights.

    Raises
    ------
    InputError
        If the file is missing, not a safetensors file, truncated, without a description, or of another format.
    """
    _check_kind(path)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise _corrupted(path, error) from error
    if _KEY not in metadata:
        raise InputError(
            f"model {path} does not say how it was trained: only files that run --keep-models wrote can be used"
        )
    try:
        return decode_versioned(metadata[_KEY].encode(), ModelDescription, MODEL_FORMAT)
    except SchemaError as error:
        raise InputError(f"the description in model {path} cannot be read ({error})") from error


def read_weights(path: Path, description: ModelDescription) -> dict[str, Tensor]:
    """Return a model's weights.

    Raises
    ------
    InputError
        If they cannot be read, or are not those the description was written with.
    """
    from safetensors.torch import load_file  # imports torch

    try:
        weights: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _corrupted(path, error) from error
    if digest_weights(weights) != description.weights_sha256:
        raise InputError(f"the weights in model {path} are not those it was written with: copy it again, or {_AGAIN}")
    return weights


def digest_weights(weights: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of weights: of their names, types, shapes and values."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(_plain(weights).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def digest_pixels(image: np.ndarray) -> str:
    """Return the SHA-256 of an image's pixels, uint8.

    Examples
    --------
    >>> digest_pixels(np.zeros((2, 2, 3), np.uint8))[:8]
    '15ec7bf0'
    """
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights on the CPU, in row-major order, each with memory of its own."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(_LENGTH_BYTES + 1)
    except OSError as error:
        raise InputError(f"model {path} cannot be read: {error.strerror or error}") from error
    if start[_LENGTH_BYTES:] == b"{":
        return
    if start.startswith(_PICKLES):
        raise InputError(
            f"model {path} is a pickle, as torch.save writes it, and was not read, since reading one can execute code: "
            "give the model.safetensors that run --keep-models wrote"
        )
    raise InputError(f"model {path} is not a safetensors file: give the {MODEL_FILE} that run --keep-models wrote")


def _corrupted(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    return InputError(f"model {path} is truncated or corrupted ({reason}): copy it again, or {_AGAIN}")

"""A kept model as a network that predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from baselines import create_network
from baselines.errors import InputError
from baselines.networks import SegmentationNetwork
from benchmark.environment import prepare_torch
from benchmark.results.model_file import ModelDescription, digest_pixels, read_description, read_weights
from benchmark.training.predict import Predictor

# How many missing, unexpected or differing weights an error names.
_NAMED = 3


@dataclass(frozen=True)
class TrainedModel:
    """A network with the weights of a run.

    Attributes
    ----------
    description : ModelDescription
    predictor : Predictor
    """

    description: ModelDescription
    predictor: Predictor

    @property
    def image_size(self) -> int:
        """Height and width of the network's input, in pixels."""
        return self.description.protocol.image_size

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return the defect probabilities of images at the size of the network.

        An image alone in a batch is computed in another order than one among several, on CPUs at least, which changes
        the last bit. So that a prediction does not depend on how many images there are, an image is predicted alone
        only if scoring did so, and otherwise at least in a pair.

        Parameters
        ----------
        pixels : np.ndarray, uint8, shape (N, image_size, image_size, 3)

        Returns
        -------
        np.ndarray, float32, shape (N, image_size, image_size)
            In [0, 1].
        """
        result = np.empty(pixels.shape[:3], dtype=np.float32)
        alone = np.array([digest_pixels(image) == self.description.scored_alone for image in pixels], dtype=bool)
        for index in np.flatnonzero(alone):
            result[index] = self.predictor.probabilities(pixels[index : index + 1])[0]
        others = np.flatnonzero(~alone)
        if len(others):
            batch = pixels[np.resize(others, max(2, len(others)))]  # one image twice
            result[others] = self.predictor.probabilities(batch)[: len(others)]
        return result


def load_model(path: Path, device: torch.device, threads: int | None = None) -> TrainedModel:
    """Read a model and build its network; torch is set up as for training.

    Parameters
    ----------
    threads : int, optional
        On the CPU. By default those of training, with which predictions are those that were scored.

    Raises
    ------
    InputError
        If the file cannot be used, or its network is not available here or is another one.
    """
    description = read_description(path)
    protocol = description.protocol
    prepare_torch(threads or protocol.threads, protocol.precision)
    try:
        network = create_network(description.network, width=protocol.width)
    except InputError as error:
        if digest := description.identity.file_digest:
            raise InputError(
                f"the network '{description.network}' of model {path} is that of a file (SHA-256 {digest[:12]}), which "
                "cannot be given here: register it in a plug-in (docs/adding-a-method.md)"
            ) from error
        raise InputError(f"the network of model {path} cannot be built: {error}") from error
    weights = read_weights(path, description)
    _check_fit(path, description.network, network, weights)
    network.load_state_dict(weights)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # as in training
    return TrainedModel(description, Predictor(network.eval(), protocol, device))


def _check_fit(path: Path, name: str, network: SegmentationNetwork, weights: Mapping[str, Tensor]) -> None:
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    problems = [f"{key} is missing" for key in expected.keys() - found.keys()]
    problems += [f"{key} is not part of it" for key in found.keys() - expected.keys()]
    problems += [
        f"{key} has shape {found[key]}, not {shape}"
        for key, shape in expected.items()
        if found.get(key, shape) != shape
    ]
    if problems:
        more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise InputError(
            f"the weights in model {path} are of another network than {name} as it is here: "
            f"{', '.join(sorted(problems)[:_NAMED])}{more}"
        )

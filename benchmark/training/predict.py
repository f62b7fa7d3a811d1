"""Network input, predictions, and lambda of pasted images."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from baselines.losses import realism_weight
from baselines.networks import SegmentationNetwork
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.profile import Protocol
from benchmark.results.model_file import Normalisation
from benchmark.score import count_image

# Not a profile field: the batch size does not change what a network in evaluation mode predicts.
BATCH_SIZE = 8
NORMALISATIONS = {
    "imagenet": Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def to_input(images: np.ndarray, normalisation: str, device: torch.device) -> Tensor:
    """Turn uint8 images (N, H, W, 3) into network input: float32 (N, 3, H, W), channels last in memory.

    Parameters
    ----------
    normalisation : {"imagenet", "none"}
        Subtract ImageNet's mean and divide by its standard deviation, or leave values in [0, 1].

    Examples
    --------
    >>> to_input(np.zeros((2, 8, 8, 3), np.uint8), "none", torch.device("cpu")).shape
    torch.Size([2, 3, 8, 8])
    """
    scaled = to_device(images, device).permute(0, 3, 1, 2).float().div_(255)
    if normalisation == "none":
        return scaled
    mean, std = _mean_and_std(normalisation, device)
    return scaled.sub_(mean).div_(std)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy an array to a device; the program does not wait for a CUDA device that is still busy with earlier work.

    Examples
    --------
    >>> to_device(np.zeros(2, np.uint8), torch.device("cpu")).tolist()
    [0, 0]
    """
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@functools.cache
def _mean_and_std(normalisation: str, device: torch.device) -> tuple[Tensor, Tensor]:
    known = NORMALISATIONS[normalisation]
    with torch.inference_mode(False):  # they outlive the prediction that may be the first to need them
        mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (known.mean, known.std))
    return mean, std


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the context in which layers compute with a precision, "fp32" or "bf16"."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


class NonFiniteOutputError(RuntimeError):
    """A network's output for an image contains NaN or infinity."""


@dataclass(frozen=True)
class Predictor:
    """A network under a protocol: its normalisation of inputs, its precision, its threshold.

    The network is in evaluation mode during a prediction and returns to its previous mode.

    Attributes
    ----------
    network : SegmentationNetwork
        On ``device``.
    protocol : Protocol
    device : torch.device

    Examples
    --------
    >>> from baselines import create_network
    >>> predictor = Predictor(create_network("unet", width=0.1), Protocol(batch_size=2), torch.device("cpu"))
    >>> predictor.probabilities(np.zeros((1, 64, 64, 3), np.uint8)).shape
    (1, 64, 64)
    """

    network: SegmentationNetwork
    protocol: Protocol
    device: torch.device

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the defect probabilities, float32 (N, H, W) in [0, 1], of uint8 images (N, H, W, 3)."""
        return self._maps(images)[1]

    def predict(self, arrays: CategoryArrays, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (index, logits, probabilities) of some images of a category; both float32 (H, W).

        Raises
        ------
        NonFiniteOutputError
            If the network's output for an image is not finite.
        """
        for start in range(0, len(indices), BATCH_SIZE):
            batch = list(indices[start : start + BATCH_SIZE])
            for index, logit, probability in zip(batch, *self._maps(arrays.images[batch]), strict=True):
                if not np.isfinite(logit).all():
                    raise NonFiniteOutputError(
                        f"the output of {type(self.network).__name__} for image {arrays.manifest.records[index].name} "
                        "is not finite"
                    )
                yield index, logit, probability

    def logits_without_deepest(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return logits, float32 (N, H, W), of uint8 images (N, H, W, 3), and with F averaged over the batch.

        F is the deepest feature map; its mean over the N images takes the place of each image's own.
        """
        with self._evaluating():
            features = self.network.encode(self._input(images))
            averaged = features[-1].mean(dim=0, keepdim=True).expand_as(features[-1]).contiguous()
            whole, ablated = (self.network.decode(maps) for maps in (features, [*features[:-1], averaged]))
        return whole.float()[:, 0].cpu(), ablated.float()[:, 0].cpu()

    def count(self, arrays: CategoryArrays, indices: Sequence[int]) -> Iterator[dict[str, int | float]]:
        """Yield the pixel counts of some images of a category, as ``count_image`` returns them."""
        for index, _, probability in self.predict(arrays, indices):
            yield count_image(probability, arrays.masks[index], self.protocol.threshold)

    def realism(self, defective: np.ndarray, pasted: np.ndarray) -> np.ndarray:
        """Return how real pasted images look, Eq. (6): lambda in [0, 1], float64 (N,), of uint8 images (N, H, W, 3)."""
        with self._evaluating():
            deepest = [self.network.encode(self._input(images))[-1].float() for images in (defective, pasted)]
        weights: np.ndarray = realism_weight(deepest[0], deepest[1]).cpu().double().clamp(0, 1).numpy()
        return weights

    def _maps(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and probabilities, float32 (N, H, W), of uint8 images (N, H, W, 3)."""
        with self._evaluating():
            logits: Tensor = self.network(self._input(images)).float()
        return logits[:, 0].cpu().numpy(), logits.sigmoid()[:, 0].cpu().numpy()

    def _input(self, images: np.ndarray) -> Tensor:
        return to_input(images, self.protocol.image_normalisation, self.device)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode(), autocast(self.protocol.precision, self.device):
                yield
        finally:
            self.network.train(was_training)

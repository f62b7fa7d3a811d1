"""The contract of networks and pastings, as checks that anyone can run on their own method."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from baselines.errors import InputError
from baselines.losses import nbr_loss, weighted_bce
from baselines.networks import SegmentationNetwork, check_weights_file, create_network
from baselines.networks.base import IMAGE_CHANNELS
from baselines.pasting import COPY, get_pasting
from baselines.pasting.base import Pasting
from baselines.registry import get_method
from baselines.weights_files import WeightsFile

# The images of the checks are at least this high, so that the deepest feature map has more than one cell.
_MIN_SIZE = 64
_BATCH_SIZE = 2
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name : str
        The requirement, as a sentence.
    passed : bool
    message : str
        How the network violates it; empty if the check passed.
    """

    name: str
    passed: bool
    message: str = ""


class _ViolationError(AssertionError):
    """A violation of the contract, as opposed to an error that the network raises."""


def _require(condition: object, violation: str) -> None:
    if not condition:
        raise _ViolationError(violation)


class _Subject:
    """The network of a method, with inputs for it."""

    def __init__(self, network_name: str, width: float, weights_file: WeightsFile | None) -> None:
        self.network_name, self.width, self.weights_file = network_name, width, weights_file
        self.untrained = self.build(0).eval()
        self.multiple = self.untrained.size_multiple
        _require(
            isinstance(self.multiple, int) and self.multiple > 0,
            f"size_multiple is {self.multiple!r}, not a positive integer",
        )
        self.size = -(-_MIN_SIZE // self.multiple) * self.multiple

    def build(self, seed: int) -> SegmentationNetwork:
        torch.manual_seed(seed)
        return create_network(self.network_name, width=self.width, weights_file=self.weights_file)

    def batch(self, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Return images (2, 3, S, 2S) and masks (2, 1, S, 2S) with a defect in the upper left corner."""
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(_BATCH_SIZE, IMAGE_CHANNELS, self.size, 2 * self.size, generator=generator)
        masks = torch.zeros(_BATCH_SIZE, 1, self.size, 2 * self.size)
        masks[..., : self.size // 4, : self.size // 4] = 1
        return images, masks

    @cached_property
    def trained(self) -> SegmentationNetwork:
        """Return a network after one training step; its gradients are kept."""
        network = self.build(0).train()
        images, masks = self.batch()
        weighted_bce(network(images), masks).backward()
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad.sign(), alpha=1e-3)
        return network


def _check_shape(subject: _Subject) -> None:
    images, masks = subject.batch()
    logits = subject.untrained(images)
    _require(logits.shape == masks.shape, f"got {tuple(logits.shape)} for images of {tuple(images.shape)}")
    _require(logits.is_floating_point() and logits.isfinite().all(), "the logits are not finite numbers")


def _check_refusal(subject: _Subject) -> None:
    network, size = subject.untrained, subject.size
    unsupported = [(1, IMAGE_CHANNELS + 1, size, size)]
    if subject.multiple > 1:
        unsupported += [(1, IMAGE_CHANNELS, size + 1, size), (1, IMAGE_CHANNELS, size, size + 1)]
    for shape in unsupported:
        try:
            network(torch.zeros(shape))
        except InputError:
            continue
        except Exception as error:
            raise _ViolationError(f"images of shape {shape} raise {type(error).__name__}, not InputError") from error
        raise _ViolationError(f"images of shape {shape} are accepted")


def _check_gradient(subject: _Subject) -> None:
    gradients = {name: p.grad for name, p in subject.trained.named_parameters() if p.requires_grad}
    _require(gradients, "there are no trainable parameters")
    unreached = [name for name, gradient in gradients.items() if gradient is None]
    _require(not unreached, f"no gradient reaches {_shorten(unreached)}")
    known = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    infinite = [name for name, gradient in known.items() if not gradient.isfinite().all()]
    _require(not infinite, f"the gradient is not finite for {_shorten(infinite)}")
    _require(any(gradient.any() for gradient in known.values()), "every gradient is zero")


def _check_determinism(subject: _Subject) -> None:
    images, _ = subject.batch()
    logits, states = [], []
    for _ in range(2):
        network = subject.build(3).train()
        states.append(network.state_dict())
        torch.manual_seed(4)
        logits.append(network(images))
    changed = [name for name in states[0] if not torch.equal(states[0][name], states[1][name])]
    _require(not changed, f"the same seed gives different values of {_shorten(changed)}")
    _require(torch.equal(*logits), "the same seed gives different logits")


def _check_state(subject: _Subject) -> None:
    images, _ = subject.batch()
    trained, fresh = subject.trained.eval(), subject.build(1).eval()
    fresh.load_state_dict(trained.state_dict())
    with torch.no_grad():
        _require(torch.equal(trained(images), fresh(images)), "a network with the same state gives different logits")


def _check_parts(subject: _Subject) -> None:
    images, _ = subject.batch()
    network = subject.untrained
    with torch.no_grad():
        _require(torch.equal(network.decode(network.encode(images)), network(images)), "the logits differ")


def _check_nbr(subject: _Subject) -> None:
    network = subject.build(0).train()
    (defective, masks), (normal, _) = subject.batch(0), subject.batch(1)
    deepest, reference = (network.encode(images)[-1] for images in (defective, normal))
    for features in (deepest, reference):
        _require(
            features.dim() == 4 and len(features) == _BATCH_SIZE,
            f"the deepest features have shape {tuple(features.shape)}",
        )
        _require(features.isfinite().all(), "the deepest features are not finite")
    nbr_loss(deepest, reference, masks).backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    _require(any(gradient.any() for gradient in gradients), "no gradient of NBR reaches a parameter")
    _require(all(gradient.isfinite().all() for gradient in gradients), "the gradient of NBR is not finite")


def _check_independence(subject: _Subject) -> None:
    images, _ = subject.batch()
    network = subject.trained.eval()
    with torch.no_grad():
        together, alone = network(images)[:1], network(images[:1])
    difference = (together - alone).abs().max().item() / max(1.0, alone.abs().max().item())
    _require(difference <= _TOLERANCE, f"with another image in the batch the logits change by {difference:.2g}")


def _check_prior(subject: _Subject) -> None:
    images, _ = subject.batch()
    network = subject.build(0).eval()
    with torch.no_grad():
        network.set_output_prior(0.5)
        even = network(images)
        network.set_output_prior(0.01)
        shift = network(images) - even
    expected = math.log(0.01 / 0.99)
    _require(
        (shift - expected).abs().max() <= _TOLERANCE * abs(expected),
        f"a prior of 0.01 shifts the logits by {shift.mean():.3g}",
    )


def _shorten(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _check_pasting(pasting: Pasting) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, IMAGE_CHANNELS, _MIN_SIZE, 2 * _MIN_SIZE), dtype=np.uint8)
    defective, normal = torch.from_numpy(images)
    annotated = torch.zeros(1, _MIN_SIZE, 2 * _MIN_SIZE, dtype=torch.bool)
    annotated[:, :9, 30:50] = True
    for mask in (annotated, annotated & False, annotated | True):
        given = (defective.clone(), mask.clone(), normal.clone())
        made = [pasting(*given, np.random.default_rng(1)) for _ in range(2)]
        for name, tensor, like in zip(("source", "mask"), made[0], (normal, mask), strict=True):
            _require(
                isinstance(tensor, Tensor) and (tensor.shape, tensor.dtype) == (like.shape, like.dtype),
                f"the {name} is not {like.dtype} of shape {tuple(like.shape)}",
            )
        _require(all(torch.equal(*pair) for pair in zip(*made, strict=True)), "the same generator gives other defects")
        unchanged = zip(given, (defective, mask, normal), strict=True)
        _require(all(torch.equal(*pair) for pair in unchanged), "it changes the images or the mask that it is given")


BUILDS = "the network can be built"
PASTES = "the pasting makes a defect of the right type, repeats it, and changes none of its arguments"
CHECKS: dict[str, Callable[[_Subject], None]] = {
    "logits have the size of the images": _check_shape,
    "images of an unsupported shape raise InputError": _check_refusal,
    "gradients reach every parameter": _check_gradient,
    "the same seed gives the same network and the same logits": _check_determinism,
    "the state can be saved and loaded": _check_state,
    "encode followed by decode equals forward": _check_parts,
    "NBR can be computed and trained through the deepest features": _check_nbr,
    "in evaluation mode an image does not depend on its batch": _check_independence,
    "the output prior can be set": _check_prior,
}


def check_method(name: str, width: float = 1.0, weights_file: WeightsFile | None = None) -> list[Check]:
    """Check a method's network, built with random weights or, its encoder, with those of a file, and its pasting.

    torch's random state is kept.

    Parameters
    ----------
    name : str
        Any name that ``get_method`` accepts.
    width : float
        Multiplier of the channel counts; narrow networks are checked faster.
    weights_file : WeightsFile, optional

    Returns
    -------
    list of Check
        One per requirement on networks, only the first if the network cannot be built; then one on the pasting, if it
        is not the paper's.

    Raises
    ------
    InputError
        If there is no such method, or the file does not fit.

    Examples
    --------
    >>> all(check.passed for check in check_method("unet", width=0.1))
    True
    """
    method = get_method(name)
    network_name = method.network
    if weights_file:
        check_weights_file(network_name, weights_file, width)
    with torch.random.fork_rng(devices=[]):
        subjects: list[_Subject] = []
        checks = [_run(BUILDS, lambda: subjects.append(_Subject(network_name, width, weights_file)))]
        for subject in subjects:
            checks += [_run(name, check, subject) for name, check in CHECKS.items()]
        if method.recipe.pasting != COPY:
            checks.append(_run(PASTES, _check_pasting, get_pasting(method.recipe.pasting)))
    return checks


def _run(name: str, check: Callable[..., None], *arguments: object) -> Check:
    try:
        check(*arguments)
    except _ViolationError as violation:
        return Check(name, False, str(violation))
    except Exception as error:  # a network may raise anything
        return Check(name, False, f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Check(name, True)

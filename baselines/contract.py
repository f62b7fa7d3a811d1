"""What every network behind a method must do, as checks that anyone can run on their own method."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from baselines.errors import InputError
from baselines.losses import nbr_loss, weighted_bce
from baselines.networks import SegmentationNetwork, create_network
from baselines.networks.base import IMAGE_CHANNELS
from baselines.registry import get_method

# Images of the checks are at least this high, so that the deepest map has more than one cell.
SMALLEST_SIZE = 64
BATCH = 2
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Check:
    """How one check ended.

    Attributes
    ----------
    name : str
        What was asked, as a sentence.
    passed : bool
    message : str
        What was found instead; empty if it passed.
    """

    name: str
    passed: bool
    message: str = ""


class _FoundError(AssertionError):
    """A check's own finding, told apart from an error of the network."""


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise _FoundError(otherwise)


class _Subject:
    """A method's network, and what to feed it."""

    def __init__(self, network_name: str, width: float) -> None:
        self.network_name, self.width = network_name, width
        self.untrained = self.build(0).eval()
        self.multiple = self.untrained.size_multiple
        _require(
            isinstance(self.multiple, int) and self.multiple > 0, f"size_multiple is {self.multiple!r}, no whole number"
        )
        self.size = -(-SMALLEST_SIZE // self.multiple) * self.multiple

    def build(self, seed: int) -> SegmentationNetwork:
        torch.manual_seed(seed)
        return create_network(self.network_name, width=self.width)

    def batch(self, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Return images (2, 3, S, 2S) and masks (2, 1, S, 2S) with a defect in the upper left."""
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(BATCH, IMAGE_CHANNELS, self.size, 2 * self.size, generator=generator)
        masks = torch.zeros(BATCH, 1, self.size, 2 * self.size)
        masks[..., : self.size // 4, : self.size // 4] = 1
        return images, masks

    @cached_property
    def trained(self) -> SegmentationNetwork:
        """Return a network after one step of the loss, its gradients still there."""
        network = self.build(0).train()
        images, masks = self.batch()
        weighted_bce(network(images), masks).backward()
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad.sign(), alpha=1e-3)
        return network


def _shape(subject: _Subject) -> None:
    images, masks = subject.batch()
    logits = subject.untrained(images)
    _require(logits.shape == masks.shape, f"got {tuple(logits.shape)} for images of {tuple(images.shape)}")
    _require(logits.is_floating_point() and logits.isfinite().all(), "the logits are not finite numbers")


def _refusal(subject: _Subject) -> None:
    network, size = subject.untrained, subject.size
    unfit = [(1, IMAGE_CHANNELS + 1, size, size)]
    if subject.multiple > 1:
        unfit += [(1, IMAGE_CHANNELS, size + 1, size), (1, IMAGE_CHANNELS, size, size + 1)]
    for shape in unfit:
        try:
            network(torch.zeros(shape))
        except InputError:
            continue
        except Exception as error:
            raise _FoundError(f"images of shape {shape} raise {type(error).__name__}, not InputError") from error
        raise _FoundError(f"images of shape {shape} are taken")


def _gradient(subject: _Subject) -> None:
    parameters = [(n, p) for n, p in subject.trained.named_parameters() if p.requires_grad]
    _require(parameters, "nothing can be trained")
    unreached = [name for name, parameter in parameters if parameter.grad is None]
    _require(not unreached, f"no gradient reaches {_some(unreached)}")
    infinite = [name for name, parameter in parameters if not parameter.grad.isfinite().all()]  # type: ignore[union-attr]
    _require(not infinite, f"the gradient is not finite at {_some(infinite)}")
    _require(any(p.grad.any() for _, p in parameters), "every gradient is zero")  # type: ignore[union-attr]


def _deterministic(subject: _Subject) -> None:
    images, _ = subject.batch()
    logits, states = [], []
    for _ in range(2):
        network = subject.build(3).train()
        states.append(network.state_dict())
        torch.manual_seed(4)
        logits.append(network(images))
    changed = [name for name in states[0] if not torch.equal(states[0][name], states[1][name])]
    _require(not changed, f"the same seed gives other values of {_some(changed)}")
    _require(torch.equal(*logits), "the same seed gives other logits")


def _state(subject: _Subject) -> None:
    images, _ = subject.batch()
    trained, fresh = subject.trained.eval(), subject.build(1).eval()
    fresh.load_state_dict(trained.state_dict())
    with torch.no_grad():
        _require(torch.equal(trained(images), fresh(images)), "a network with the same state gives other logits")


def _parts(subject: _Subject) -> None:
    images, _ = subject.batch()
    network = subject.untrained
    with torch.no_grad():
        _require(torch.equal(network.decode(network.encode(images)), network(images)), "they give other logits")


def _nbr(subject: _Subject) -> None:
    network = subject.build(0).train()
    (defective, masks), (normal, _) = subject.batch(0), subject.batch(1)
    deepest, reference = (network.encode(images)[-1] for images in (defective, normal))
    for features in (deepest, reference):
        _require(
            features.dim() == 4 and len(features) == BATCH, f"the deepest features have shape {tuple(features.shape)}"
        )
        _require(features.isfinite().all(), "the deepest features are not finite")
    nbr_loss(deepest, reference, masks).backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    _require(any(gradient.any() for gradient in gradients), "NBR's gradient reaches no parameter")
    _require(all(gradient.isfinite().all() for gradient in gradients), "NBR's gradient is not finite")


def _independent(subject: _Subject) -> None:
    images, _ = subject.batch()
    network = subject.trained.eval()
    with torch.no_grad():
        together, alone = network(images)[:1], network(images[:1])
    difference = (together - alone).abs().max().item() / max(1.0, alone.abs().max().item())
    _require(difference <= TOLERANCE, f"beside another image the logits differ by {difference:.2g} of the largest")


def _prior(subject: _Subject) -> None:
    images, _ = subject.batch()
    network = subject.build(0).eval()
    with torch.no_grad():
        network.set_output_prior(0.5)
        even = network(images)
        network.set_output_prior(0.01)
        shift = network(images) - even
    wanted = math.log(0.01 / 0.99)
    _require(
        (shift - wanted).abs().max() <= TOLERANCE * abs(wanted), f"a prior of 0.01 moves logits by {shift.mean():.3g}"
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


BUILDS = "the network can be built"
CHECKS: dict[str, Callable[[_Subject], None]] = {
    "logits have the size of the images": _shape,
    "images that do not fit are an InputError": _refusal,
    "gradient reaches every parameter": _gradient,
    "the same seed gives the same network and the same logits": _deterministic,
    "the state can be saved and loaded": _state,
    "encode, then decode, is forward": _parts,
    "NBR can be computed and trained through the deepest features": _nbr,
    "in evaluation an image does not depend on its batch": _independent,
    "the prior of its output can be set": _prior,
}


def check_method(name: str, width: float = 1.0) -> list[Check]:
    """Check a method's network, built with random weights; the random number generator is left alone.

    Parameters
    ----------
    name : str
        Any name ``get_method`` takes.
    width : float
        Multiplier of the channel counts; narrow networks are checked faster.

    Returns
    -------
    list of Check
        One per question; only the first where the network cannot be built.

    Raises
    ------
    InputError
        If there is no such method.
    """
    network_name = get_method(name).network
    with torch.random.fork_rng(devices=[]):
        subjects: list[_Subject] = []
        checks = [_ask(BUILDS, lambda: subjects.append(_Subject(network_name, width)))]
        for subject in subjects:
            checks += [_ask(question, check, subject) for question, check in CHECKS.items()]
    return checks


def _ask(question: str, check: Callable[..., None], *arguments: object) -> Check:
    try:
        check(*arguments)
    except _FoundError as found:
        return Check(question, False, str(found))
    except Exception as error:  # a network may raise anything; that is what is to be told
        return Check(question, False, f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Check(question, True)

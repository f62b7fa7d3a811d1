"""Every built-in network fulfils the contract, and every check of it can fail."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from baselines import SegmentationNetwork, network_names, networks, pasting, register_pasting
from baselines.contract import BUILDS, CHECKS, PASTES, check_method
from baselines.methods import PAPER_METHODS
from baselines.pasting import BUILT_IN_PASTINGS
from tests.refusal import assert_refused

WIDTH = 0.125


def test_the_built_in_methods_are_those_of_the_checked_networks() -> None:
    assert {method.network for method in PAPER_METHODS} <= set(network_names())


@pytest.mark.parametrize("name", [*network_names(), "smp:Unet/resnet18+nbr+cap"])
def test_every_built_in_network_fulfils_the_contract(name: str) -> None:
    state = torch.get_rng_state()
    checks = check_method(name, WIDTH)
    assert [check.name for check in checks] == [BUILDS, *CHECKS]
    assert [check for check in checks if not check.passed] == []
    assert torch.equal(state, torch.get_rng_state())


class Good(SegmentationNetwork):
    """A network that fulfils the contract; each of those below violates one requirement."""

    size_multiple = 4

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Conv2d(8, 1, 1)

    def _encode(self, images: Tensor) -> list[Tensor]:
        return [self.body(images)]

    def decode(self, features: list[Tensor]) -> Tensor:
        return nn.functional.interpolate(self.head(features[-1]), scale_factor=4)


class Unbuildable(Good):
    def __init__(self, width: float = 1.0) -> None:
        raise RuntimeError("no such file")


class NoMultiple(Good):
    size_multiple = 0


class SmallLogits(Good):
    def decode(self, features: list[Tensor]) -> Tensor:
        return self.head(features[-1])


class TakesAnything(Good):
    def _check(self, images: Tensor) -> None: ...


class FailsObscurely(Good):
    def _check(self, images: Tensor) -> None:
        if images.shape[1] != 3 or images.shape[2] % 4 or images.shape[3] % 4:
            raise RuntimeError("mat1 and mat2 cannot be multiplied")


class Unused(Good):
    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.spare = nn.Linear(2, 2)


class Random(Good):
    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        with torch.no_grad():
            self.head.weight += torch.rand(1, generator=torch.Generator().manual_seed(torch.seed() % 2**31))


class Hidden(Good):
    """A value that is not part of the state."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.scale = torch.rand(())

    def decode(self, features: list[Tensor]) -> Tensor:
        return super().decode(features) * self.scale


class OtherForward(Good):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + 1


class FlatFeatures(Good):
    def _encode(self, images: Tensor) -> list[Tensor]:
        return [*super()._encode(images), images.mean(dim=(2, 3))]

    def decode(self, features: list[Tensor]) -> Tensor:
        return super().decode(features[:1])


class DetachedFeatures(Good):
    def _encode(self, images: Tensor) -> list[Tensor]:
        features = super()._encode(images)
        return [*features, features[-1].detach()]

    def decode(self, features: list[Tensor]) -> Tensor:
        return super().decode(features[:1])


class MixesImages(Good):
    def decode(self, features: list[Tensor]) -> Tensor:
        return super().decode([features[-1] - features[-1].mean(dim=0)])


class OtherHead(Good):
    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.head = nn.Sequential(self.head)  # type: ignore[assignment]


class ScaledLogits(Good):
    def decode(self, features: list[Tensor]) -> Tensor:
        return 2 * super().decode(features)


def failures(cls: type[SegmentationNetwork], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setitem(networks._NETWORKS, "subject", cls)
    return {check.name: check.message for check in check_method("subject") if not check.passed}


SHAPE, REFUSAL, GRADIENT, SEED, STATE, PARTS, NBR, BATCH, PRIOR = CHECKS
BAD = {
    Unbuildable: (BUILDS, "RuntimeError: no such file"),
    NoMultiple: (BUILDS, "size_multiple is 0"),
    SmallLogits: (SHAPE, r"got \(2, 1, 16, 32\) for images of \(2, 3, 64, 128\)"),
    TakesAnything: (REFUSAL, "images of shape .* are accepted|not InputError"),
    FailsObscurely: (REFUSAL, "raise RuntimeError, not InputError"),
    Unused: (GRADIENT, "no gradient reaches spare.weight, spare.bias"),
    Random: (SEED, "the same seed gives different values of head.weight"),
    Hidden: (STATE, "a network with the same state gives different logits"),
    OtherForward: (PARTS, "the logits differ"),
    FlatFeatures: (NBR, r"the deepest features have shape \(2, 3\)"),
    DetachedFeatures: (NBR, "does not require grad"),
    MixesImages: (BATCH, "with another image in the batch the logits change"),
    OtherHead: (PRIOR, "InputError: OtherHead has no convolution 'head' with one output and a bias: override"),
    ScaledLogits: (PRIOR, r"a prior of 0.01 shifts the logits by -9.19"),
}


def test_a_network_that_fulfils_the_contract_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(Good, monkeypatch) == {}


def test_every_check_can_fail_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {name for name, _ in BAD.values()} == {BUILDS, *CHECKS}
    for cls, (name, message) in BAD.items():
        found = failures(cls, monkeypatch)
        assert name in found, cls
        assert re.search(message, found[name]), found[name]


def test_an_unknown_method_is_an_input_error() -> None:
    assert_refused(lambda: check_method("unett"), "'unett'", "'unet'")


def test_the_pasting_of_a_method_is_checked_too_unless_it_is_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasting, "_PASTINGS", dict(pasting._PASTINGS))
    monkeypatch.setitem(networks._NETWORKS, "subject", Good)
    for name in BUILT_IN_PASTINGS[1:]:
        checks = check_method(f"subject+cap-{name}")
        assert [check.name for check in checks] == [BUILDS, *CHECKS, PASTES]
        assert checks[-1].passed, checks[-1].message
    state = torch.Generator()
    for number, (bad, message) in enumerate(
        {
            lambda d, m, n, rng: (d / 255, m): "the source is not torch.uint8 of shape (3, 64, 128)",
            lambda d, m, n, rng: (d, m[0]): "the mask is not torch.bool of shape (1, 64, 128)",
            lambda d, m, n, rng: (d, m.float()): "the mask is not torch.bool of shape (1, 64, 128)",
            lambda d, m, n, rng: (d, torch.rand(m.shape, generator=state) > 0.5): "the same generator gives other",
            lambda d, m, n, rng: (d.add_(1), m): "it changes the images or the mask",
            lambda d, m, n, rng: rng.shuffled(d): "AttributeError: ",
        }.items()
    ):
        register_pasting(f"bad{number}", bad)
        check = check_method(f"subject+cap-bad{number}")[-1]
        assert not check.passed
        assert message in check.message

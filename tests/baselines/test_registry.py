"""Methods are found by name, and a name says what it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines import (
    InputError,
    Method,
    Recipe,
    SegmentationNetwork,
    create_network,
    get_method,
    method_names,
    network_names,
    networks,
    register_method,
    register_network,
    registry,
)
from baselines.methods import PAPER_METHODS

BASELINE = Recipe("augmentation", "one", None)


@pytest.fixture(autouse=True)
def _registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    method_names()  # plug-ins of this environment, once
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))


def test_the_methods_are_network_and_recipe() -> None:
    names = [method.name for method in PAPER_METHODS]
    assert names == list(method_names())[: len(names)]
    assert names[-5:] == [
        "albunet",
        "albunet_nbr",
        "albunet_nbr_cap",
        "albunet_nbr_cap_lambda1",
        "albunet_nbr_cap_euclidean",
    ]
    assert {get_method(name).recipe for name in names[:-4]} == {BASELINE}
    assert get_method("albunet_nbr").recipe == Recipe("never", "one", "cosine")
    assert get_method("albunet_nbr_cap_lambda1").recipe == Recipe("cap", "one", "cosine")
    assert get_method("albunet_nbr_cap_euclidean").recipe == Recipe("cap", "realism", "euclidean")
    ours = get_method("albunet_nbr_cap")
    assert ours.recipe == Recipe("cap", "realism", "cosine")
    assert {get_method(name).network for name in names[-5:]} == {"albunet"}
    assert [get_method(name).label for name in names[-3:]] == [
        "B+NBR+CaP (ours)",
        "B+NBR+CaP (lambda = 1)",
        "B+NBR+CaP (Euclidean)",
    ]


@pytest.mark.parametrize("network", [*network_names(), "smp:Unet/resnet18"])
def test_every_network_can_be_composed(network: str) -> None:
    wanted = {
        "+nbr": get_method("albunet_nbr").recipe,
        "+cap": Recipe("cap", "realism", None),
        "+nbr+cap": get_method("albunet_nbr_cap").recipe,
        "+bn": Recipe("augmentation", "one", None, normal_statistics=True),
    }
    for additions, recipe in wanted.items():
        method = get_method(network + additions)
        assert (method.name, method.network, method.recipe) == (network + additions, network, recipe)
    assert len({get_method(network + additions).label for additions in wanted}) == len(wanted)
    assert get_method(network).recipe == BASELINE


def test_labels_and_summaries_of_composed_methods_are_readable() -> None:
    assert get_method("unet+nbr+cap").label == "U-Net+NBR+CaP"
    assert get_method("unet+bn").label == "U-Net+BN (control)"
    assert get_method("smp:FPN/mobilenet_v2+nbr").label == "SMP FPN (mobilenet_v2)+NBR"
    assert get_method("unet+bn").recipe.summary == "crop-and-paste augmentation + normal images in batch norm only"
    assert get_method("albunet+nbr+cap").recipe == get_method("albunet_nbr_cap").recipe


def test_every_pair_of_pasting_and_normal_images_is_a_recipe_with_one_name() -> None:
    pastings = {
        "plain": {"crop_paste": "never"},
        "paste": {"crop_paste": "augmentation"},
        "cap": {"crop_paste": "cap", "paste_weight": "realism"},
        "cap1": {"crop_paste": "cap"},
    }
    normals: dict[str, dict[str, Any]] = {
        "": {},
        "+bn": {"normal_statistics": True},
        "+nbr": {"nbr": "cosine"},
        "+nbr_euclidean": {"nbr": "euclidean"},
    }
    methods = []
    for pasting, pasted in pastings.items():
        for normal, used in normals.items():
            method = get_method(f"unet+{pasting}{normal}")
            assert method.recipe == Recipe(**(pasted | used)), method.name
            assert get_method(method.name) == method
            methods.append(method)
    assert len({method.name for method in methods}) == len({method.label for method in methods}) == 16


def test_names_leave_out_what_the_paper_does_and_keep_one_order() -> None:
    assert get_method("unet+cap+nbr") == get_method("unet+nbr+cap")
    assert get_method("unet+plain+nbr").name == "unet+nbr"
    assert get_method("unet+bn+paste").name == "unet+bn"
    assert get_method("albunet+paste") is get_method("albunet")
    assert get_method("unet+nbr+paste").name == "unet+paste+nbr"
    assert get_method("unet+bn+plain").label == "U-Net+no pasting+BN (control)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("albunet_ncp", "unknown method 'albunet_ncp': did you mean 'albunet_nbr_cap'"),
        ("x", "unknown method 'x': known: "),
        ("unett+nbr", "unknown network 'unett': did you mean 'unet'"),
        ("unet+nrb", "unknown addition to a network 'nrb': did you mean 'nbr'"),
        ("unet+", "unknown addition to a network '': known: plain, paste, nbr"),
        ("unet+nbr+nbr", "has nbr and nbr: a name holds one of nbr, nbr_euclidean, bn"),
        ("unet+nbr+bn", "has nbr and bn: a name holds one of nbr, nbr_euclidean, bn"),
        ("unet+plain+cap", "has plain and cap: a name holds one of plain, paste, cap, cap1"),
        ("albunet_nbr+cap", "unknown network 'albunet_nbr': did you mean 'albunet'"),
        ("smp:unet/resnet18", "unknown architecture 'unet': did you mean 'Unet'"),
        ("smp:FPN/mobilenet_2+nbr", "unknown encoder 'mobilenet_2': did you mean 'mobilenet_v2'"),
        ("smp:FPN", r"names no encoder: write smp:<Architecture>/<encoder>"),
    ],
)
def test_an_unknown_name_is_one_line_that_suggests_the_nearest(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        get_method(name)
    assert "\n" not in str(caught.value)


def test_a_long_list_of_known_names_is_cut() -> None:
    with pytest.raises(InputError, match=r"unknown encoder '\?': known: .*, \.\.\. \(\d+ in all\)$") as caught:
        get_method("smp:Unet/?")
    assert len(str(caught.value)) < 300


def test_a_method_can_be_added_once() -> None:
    mine = Method("mine", "Mine", "unet", Recipe(nbr="cosine"), "this test")
    register_method(mine)
    assert get_method("mine") is mine
    assert method_names()[-1] == "mine"
    with pytest.raises(InputError, match="method 'mine' is registered already"):
        register_method(mine)
    with pytest.raises(InputError, match="unknown network 'unett': did you mean 'unet'"):
        register_method(Method("other", "Other", "unett", Recipe(), "this test"))
    with pytest.raises(InputError, match="a method must be a Method, got 'unet'"):
        register_method("unet")  # type: ignore[arg-type]
    assert "other" not in method_names()


@pytest.mark.parametrize("words", [{"crop_paste": "sometimes"}, {"nbr": "cosin"}, {"paste_weight": "half"}])
def test_a_recipe_of_unknown_words_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(words))} of a recipe must be one of"):
        Recipe(**words)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mine+nbr", "smp:mine", "my/net", ""])
def test_names_that_mean_something_else_cannot_be_given(name: str) -> None:
    with pytest.raises(InputError, match="may hold letters, digits"):
        register_method(Method(name, "Mine", "unet", Recipe(), "this test"))


class Mine(SegmentationNetwork):
    size_multiple = 1

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 1, 1)

    def _encode(self, images: Tensor) -> list[Tensor]:
        return [self.body(images)]

    def decode(self, features: list[Tensor]) -> Tensor:
        return self.head(features[-1])


def test_a_network_can_be_added_and_composed() -> None:
    register_network("mine", Mine)
    assert "mine" in network_names()
    assert create_network("mine")(torch.zeros(1, 3, 5, 7)).shape == (1, 1, 5, 7)
    assert get_method("mine+nbr+cap") == Method(
        "mine+nbr+cap",
        "mine+NBR+CaP",
        "mine",
        Recipe("cap", "realism", "cosine"),
        "a registered network; Lin et al., Section III",
    )
    with pytest.raises(InputError, match="network 'mine' is registered already"):
        register_network("mine", Mine)
    with pytest.raises(InputError, match="must be a class derived from SegmentationNetwork, got <class"):
        register_network("conv", nn.Conv2d)  # type: ignore[arg-type]
    unknown = type("Unknown", (Mine,), {"encoder_name": "resnet43"})
    with pytest.raises(
        InputError, match="unknown pretrained encoder of network 'deep' 'resnet43': did you mean 'resnet34'"
    ):
        register_network("deep", unknown)

"""Methods are found by name, registered or composed."""

from __future__ import annotations

from functools import partial
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
from baselines.pasting import pasting_names
from tests.refusal import assert_refused

BASELINE = Recipe("augmentation", "one", None)


@pytest.fixture(autouse=True)
def _registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a test registers."""
    method_names()  # plug-ins of this environment, once
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))


def test_the_papers_methods_have_the_papers_networks_and_recipes() -> None:
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


def test_every_network_can_be_composed() -> None:
    recipes = {
        "": BASELINE,
        "+nbr": get_method("albunet_nbr").recipe,
        "+cap": Recipe("cap", "realism", None),
        "+nbr+cap": get_method("albunet_nbr_cap").recipe,
        "+bn": Recipe("augmentation", "one", None, normal_statistics=True),
    }
    for network in (*network_names(), "smp:Unet/resnet18"):
        for additions, recipe in recipes.items():
            method = get_method(network + additions)
            assert (method.name, method.network, method.recipe) == (network + additions, network, recipe)
        assert len({get_method(network + additions).label for additions in recipes}) == len(recipes)


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


def test_an_unknown_name_is_refused_and_the_closest_one_suggested() -> None:
    for name, words in {
        "albunet_ncp": ("method", "'albunet_ncp'", "'albunet_nbr_cap'"),
        "x": ("method", "'x'", "known: "),
        "unett+nbr": ("network", "'unett'", "'unet'"),
        "unet+nrb": ("addition", "'nrb'", "'nbr'"),
        "unet+": ("addition", "''", "plain, paste, nbr"),
        "unet+nbr+nbr": ("'unet+nbr+nbr'", "nbr and nbr", "nbr, nbr_euclidean, bn"),
        "unet+nbr+bn": ("'unet+nbr+bn'", "nbr and bn", "nbr, nbr_euclidean, bn"),
        "unet+plain+cap": ("'unet+plain+cap'", "plain and cap", "plain, paste, cap, cap1"),
        "albunet_nbr+cap": ("network", "'albunet_nbr'", "'albunet'"),
        "smp:unet/resnet18": ("architecture", "'unet'", "'Unet'"),
        "smp:FPN/mobilenet_2+nbr": ("encoder", "'mobilenet_2'", "'mobilenet_v2'"),
        "smp:FPN": ("'smp:FPN'", "encoder", "smp:<Architecture>/<encoder>"),
    }.items():
        assert_refused(partial(get_method, name), *words)


def test_a_long_list_of_known_names_is_cut() -> None:
    with pytest.raises(InputError, match=r"unknown encoder '\?': known: .*, \.\.\. \(\d+ in all\)$") as caught:
        get_method("smp:Unet/?")
    assert len(str(caught.value)) < 300


def test_a_method_can_be_added_once() -> None:
    mine = Method("mine", "Mine", "unet", Recipe(nbr="cosine"), "this test")
    register_method(mine)
    assert get_method("mine") is mine
    assert method_names()[-1] == "mine"
    assert_refused(lambda: register_method(mine), "method 'mine'", "already")
    other = Method("other", "Other", "unett", Recipe(), "this test")
    assert_refused(lambda: register_method(other), "network 'unett'", "'unet'")
    assert_refused(lambda: register_method("unet"), "Method", "'unet'")  # type: ignore[arg-type]
    assert "other" not in method_names()


def test_an_unknown_value_in_a_recipe_is_refused() -> None:
    for field, value in (("crop_paste", "sometimes"), ("nbr", "cosin"), ("paste_weight", "half")):
        assert_refused(partial(Recipe, **{field: value}), field, value)


def test_names_with_another_meaning_are_refused() -> None:
    for name in ("mine+nbr", "smp:mine", "my/net", ""):
        method = Method(name, "Mine", "unet", Recipe(), "this test")
        assert_refused(partial(register_method, method), f"'{name}'")


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
    assert_refused(lambda: register_network("mine", Mine), "network 'mine'", "already")
    assert_refused(lambda: register_network("conv", nn.Conv2d), "SegmentationNetwork", "Conv2d")  # type: ignore[arg-type]
    unknown = type("Unknown", (Mine,), {"encoder_name": "resnet43"})
    assert_refused(lambda: register_network("deep", unknown), "'deep'", "'resnet43'", "'resnet34'")


def test_every_pasting_is_an_addition() -> None:
    assert pasting_names()[0] == "copy"
    for name in pasting_names()[1:]:
        method = get_method(f"unet+cap-{name}+nbr")
        assert method.name == f"unet+nbr+cap-{name}"
        assert method.recipe == Recipe("cap", "realism", "cosine", pasting=name)
        assert method.label.startswith("U-Net+NBR+CaP (")
    method = get_method("unet+cap-poisson")
    assert method.label == "U-Net+CaP (Poisson blending)"
    assert method.recipe.summary == "CaP, Poisson blending"
    assert method.reference.endswith("; Lin et al., Section III; Perez et al., Poisson Image Editing, SIGGRAPH 2003")
    assert Recipe("augmentation", pasting="place").summary == "crop-and-paste augmentation, random place"
    assert_refused(partial(get_method, "unet+cap-poison"), "'cap-poison'", "'cap-poisson'")
    assert_refused(partial(get_method, "unet+cap-copy"), "addition", "'cap-copy'")
    assert_refused(partial(get_method, "unet+cap+cap-place"), "cap and cap-place")
    unknown = Method("mine", "Mine", "unet", Recipe("cap", pasting="poison"), "this test")
    assert_refused(lambda: register_method(unknown), "pasting 'poison'", "'poisson'")

"""Methods are found by name, and a name says what it is."""

from __future__ import annotations

import pytest

from baselines import InputError, Method, Recipe, get_method, method_names, register_method
from baselines.registry import _METHODS


def test_the_methods_are_network_and_recipe() -> None:
    assert method_names() == ("unet", "albunet", "albunet_nbr", "albunet_nbr_cap")
    assert get_method("unet").recipe == get_method("albunet").recipe == Recipe("augmentation", "one", None)
    assert get_method("albunet_nbr").recipe == Recipe("never", "one", "cosine")
    ours = get_method("albunet_nbr_cap")
    assert ours.recipe == Recipe("cap", "realism", "cosine")
    assert (ours.label, ours.network) == ("B+NBR+CaP (ours)", "albunet")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown method 'albunet_ncp': did you mean 'albunet_nbr_cap'"):
        get_method("albunet_ncp")
    with pytest.raises(InputError, match="unknown method 'x': known: unet, albunet"):
        get_method("x")


def test_a_method_can_be_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_METHODS, "mine", raising=False)
    mine = Method("mine", "Mine", "unet", Recipe(nbr="cosine"), "this test")
    register_method(mine)
    assert get_method("mine") is mine
    with pytest.raises(InputError, match="method 'mine' is registered already"):
        register_method(mine)
    del _METHODS["mine"]
    with pytest.raises(InputError, match="unknown network 'unett': did you mean 'unet'"):
        register_method(Method("mine", "Mine", "unett", Recipe(), "this test"))
    assert "mine" not in method_names()

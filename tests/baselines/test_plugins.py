"""Methods that other packages bring: found once, and one that is broken does not stop the others."""

from __future__ import annotations

import sys
import types
import warnings
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import torch

from baselines import (
    InputError,
    Method,
    Recipe,
    get_method,
    method_names,
    network_names,
    networks,
    plugins,
    register_network,
    registry,
)
from baselines.methods import PAPER_METHODS
from baselines.networks.unet import UNet

BUILT_IN = tuple(method.name for method in PAPER_METHODS)


def method(name: str, network: str = "unet") -> Method:
    return Method(name, name.title(), network, Recipe(), "this test")


class Bench:
    """Entry points that are not installed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.module = types.ModuleType("fake_plugin")
        monkeypatch.setitem(sys.modules, "fake_plugin", self.module)
        monkeypatch.setattr(plugins, "_found", None)
        monkeypatch.setattr(registry, "_plugins_registered", False)
        monkeypatch.setattr(registry, "_METHODS", {m.name: m for m in PAPER_METHODS})
        monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))
        self.asked = 0

    def offer(self, **brought: Any) -> list[str]:
        """Offer one entry point per keyword; return the warnings of the first look-up."""
        points = [EntryPoint(name, f"fake_plugin:{name}", plugins.GROUP) for name in brought]
        for name, value in brought.items():
            if value is not ImportError:
                setattr(self.module, name, value)

        def found(group: str) -> list[EntryPoint]:
            assert group == "fewshot_defect_benchmark.methods"
            self.asked += 1
            return points

        self._patch.setattr(plugins, "entry_points", found)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            method_names()
            method_names()
        assert self.asked == 1
        return [str(warning.message) for warning in caught]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_an_entry_point_is_a_method_several_or_a_callable(bench: Bench) -> None:
    def lazily() -> Any:
        yield method("from_generator")

    said = bench.offer(
        z_one=method("one"), several=(method("b"), method("a")), called=lambda: method("called"), lazily=lazily
    )
    assert said == []
    assert method_names() == (*BUILT_IN, "a", "b", "called", "from_generator", "one")
    assert get_method("called").label == "Called"


def test_a_plug_in_brings_its_network(bench: Bench) -> None:
    def both() -> Method:
        register_network("own", UNet)
        return method("own", "own")

    assert bench.offer(both=both) == []
    assert "own" in network_names()
    assert get_method("own+nbr").label == "Own+NBR"


def test_a_worker_that_only_builds_the_network_finds_the_plug_in(bench: Bench) -> None:
    def both() -> Method:
        torch.rand(3)  # loading must not shift the weights that a run starts with
        register_network("own", UNet)
        return method("own", "own")

    bench.offer(both=both)
    plugins._found = None
    del networks._NETWORKS["own"]
    torch.manual_seed(0)
    first = networks.create_network("own", width=0.1).head.weight  # type: ignore[union-attr]
    torch.manual_seed(0)
    assert torch.equal(first, networks.create_network("own", width=0.1).head.weight)  # type: ignore[arg-type, union-attr]


def test_a_broken_plug_in_is_named_and_the_others_are_there(bench: Bench) -> None:
    def raises() -> None:
        raise RuntimeError("two\nlines")

    def leaves() -> None:
        raise SystemExit(3)

    said = bench.offer(fine=method("fine"), gone=ImportError, raises=raises, leaves=leaves, number=3, text="unet")
    assert method_names() == (*BUILT_IN, "fine")
    assert not any("\n" in line for line in said)
    assert "plug-in raises is left out: RuntimeError: two lines" in said
    assert "plug-in leaves is left out: SystemExit: 3" in said
    assert "plug-in number is left out: InputError: a method must be a Method, got 3" in said
    assert any(line.startswith("plug-in gone is left out: AttributeError") for line in said)
    assert any(line.startswith("plug-in text is left out: InputError: a method must be a Method, got") for line in said)


def test_a_clash_is_named_and_the_first_stays(bench: Bench) -> None:
    def clashing_network() -> None:
        register_network("unet", UNet)

    said = bench.offer(
        a=[method("fine"), method("albunet")],
        b=[method("fine", "albunet")],
        c=clashing_network,
        d=method("nowhere", "zzz"),
    )
    assert sorted(said) == [
        "plug-in a is left out: InputError: method 'albunet' is registered already",
        "plug-in b is left out: InputError: method 'fine' is registered already",
        "plug-in c is left out: InputError: network 'unet' is registered already",
        "plug-in d is left out: InputError: unknown network 'zzz': known: " + ", ".join(network_names()),
    ]
    assert get_method("albunet").label == "B (AlbuNet)"
    assert get_method("fine").network == "unet"
    with pytest.raises(InputError, match="unknown method"):
        get_method("nowhere")

"""Methods of other packages: plug-ins are loaded once, and a broken one does not affect the others."""

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
    """A set of made-up entry points."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.module = types.ModuleType("fake_plugin")
        monkeypatch.setitem(sys.modules, "fake_plugin", self.module)
        monkeypatch.setattr(plugins, "_loaded", None)
        monkeypatch.setattr(registry, "_plugins_registered", False)
        monkeypatch.setattr(registry, "_METHODS", {m.name: m for m in PAPER_METHODS})
        monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))
        self.lookups = 0

    def offer(self, **provided: Any) -> list[str]:
        """Provide one entry point per keyword; return the warnings of the first look-up."""
        points = [EntryPoint(name, f"fake_plugin:{name}", plugins.GROUP) for name in provided]
        for name, value in provided.items():
            if value is not ImportError:
                setattr(self.module, name, value)

        def found(group: str) -> list[EntryPoint]:
            assert group == "fewshot_defect_benchmark.methods"
            self.lookups += 1
            return points

        self._patch.setattr(plugins, "entry_points", found)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            method_names()
            method_names()
        assert self.lookups == 1
        return [str(warning.message) for warning in caught]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_an_entry_point_is_a_method_several_or_a_callable(bench: Bench) -> None:
    def lazily() -> Any:
        yield method("from_generator")

    warned = bench.offer(
        z_one=method("one"), several=(method("b"), method("a")), called=lambda: method("called"), lazily=lazily
    )
    assert warned == []
    assert method_names() == (*BUILT_IN, "a", "b", "called", "from_generator", "one")
    assert get_method("called").label == "Called"


def test_a_plug_in_registers_its_network(bench: Bench) -> None:
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
    plugins._loaded = None
    del networks._NETWORKS["own"]
    torch.manual_seed(0)
    first = networks.create_network("own", width=0.1).head.weight  # type: ignore[union-attr]
    torch.manual_seed(0)
    assert torch.equal(first, networks.create_network("own", width=0.1).head.weight)  # type: ignore[arg-type, union-attr]


def test_a_broken_plug_in_is_named_and_the_others_are_available(bench: Bench) -> None:
    def raises() -> None:
        raise RuntimeError("two\nlines")

    def leaves() -> None:
        raise SystemExit(3)

    warned = bench.offer(fine=method("fine"), gone=ImportError, raises=raises, leaves=leaves, number=3, text="unet")
    assert method_names() == (*BUILT_IN, "fine")
    assert not any("\n" in line for line in warned)
    assert {line.split(": ")[0] for line in warned} == {
        f"plug-in {name} is skipped" for name in ("raises", "leaves", "number", "gone", "text")
    }
    for words in ("RuntimeError: two lines", "SystemExit: 3", "got 3", "AttributeError", "a method must be a Method"):
        assert any(words in line for line in warned), words


def test_a_name_clash_is_reported_and_the_first_stays(bench: Bench) -> None:
    def clashing_network() -> None:
        register_network("unet", UNet)

    warned = bench.offer(
        a=[method("fine"), method("albunet")],
        b=[method("fine", "albunet")],
        c=clashing_network,
        d=method("nowhere", "zzz"),
    )
    assert len(warned) == 4
    for line, words in zip(
        sorted(warned), (("a", "'albunet'"), ("b", "'fine'"), ("c", "'unet'"), ("d", "'zzz'")), strict=True
    ):
        assert all(word in line for word in words)
    assert get_method("albunet").label == "B (AlbuNet)"
    assert get_method("fine").network == "unet"
    with pytest.raises(InputError, match="unknown method"):
        get_method("nowhere")

"""What one run is, what makes it the same run (its identity), and which runs a selection consists of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated

from msgspec import Meta, Struct

from baselines import Method, get_method
from baselines.errors import InputError
from baselines.networks import check_start, network_class
from benchmark.data.datasets import DataSet
from benchmark.data.manifest import CategoryManifest, digest_of
from benchmark.protocol.draws import Draw, draw_shots
from benchmark.protocol.profile import PositiveInt, Profile, Protocol, Seed
from benchmark.schema import to_builtins

# Raise when a change of the code changes what a run means: every stored run then counts as another one.
TRAINING_VERSION = 2


class Identity(Struct, frozen=True, kw_only=True):
    """Everything that can change a run's result, and nothing else (no paths, devices, worker counts).

    Attributes
    ----------
    training_version : int
        ``TRAINING_VERSION`` of the code.
    category, method, network : str
    recipe : dict
        The fields of the method's ``Recipe``.
    shots, seed : int
    protocol : Protocol
    data_digest, draw_digest : str
        SHA-256 of the category's content, and of the names of the drawn images.
    """

    training_version: Annotated[int, Meta(ge=0)]
    category: str
    method: str
    network: str
    recipe: dict[str, str | int | float | bool | None]
    shots: PositiveInt
    seed: Seed
    protocol: Protocol
    data_digest: str
    draw_digest: str


@dataclass(frozen=True)
class RunSpec:
    """One (data set, category, method, K, seed) under one protocol; hashable.

    Attributes
    ----------
    dataset, profile : str
        Names, for people; not part of the identity.
    category : str
    method : Method
    shots, seed : int
    protocol : Protocol
    data_digest : str
        SHA-256 of the category's content.
    draw : Draw
        The images trained from and tested on.
    """

    dataset: str
    profile: str
    category: str
    method: Method
    shots: int
    seed: int
    protocol: Protocol
    data_digest: str
    draw: Draw

    @cached_property
    def identity(self) -> Identity:
        """Return what makes this the same run as another."""
        return Identity(
            training_version=TRAINING_VERSION,
            category=self.category,
            method=self.method.name,
            network=self.method.network,
            recipe=asdict(self.method.recipe),
            shots=self.shots,
            seed=self.seed,
            protocol=self.protocol,
            data_digest=self.data_digest,
            draw_digest=self.draw.digest,
        )

    @cached_property
    def id(self) -> str:
        """Readable and unique: what is run, then twelve characters of the identity's digest."""
        words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.category}_{self.method.name}")[:60].lstrip(".")
        return f"{words}_k{self.shots}_s{self.seed}_{digest_of(to_builtins(self.identity))[:12]}"

    @property
    def title(self) -> str:
        return f"{self.category} {self.method.name} {self.shots}-shot seed {self.seed}"


@dataclass(frozen=True)
class Selection:
    """Which runs to do: the product of four lists."""

    methods: Sequence[str]
    categories: Sequence[str]
    shots: Sequence[int]
    seeds: Sequence[int]


def select_runs(dataset: DataSet, profile: Profile, selections: Iterable[Selection]) -> list[RunSpec]:
    """Return the runs of some selections, each once: by category, K, seed, then method. Nothing is decoded.

    Raises
    ------
    InputError
        If a method or a category is unknown, a draw is impossible, or the profile does not fit a method.
    """
    selections = list(selections)
    check_methods([name for selection in selections for name in selection.methods], profile)
    manifests = {
        category: dataset.manifest(category)
        for category in dict.fromkeys(name for selection in selections for name in selection.categories)
    }
    found = {spec.id: spec for selection in selections for spec in expand(selection, manifests, profile)}
    if len(selections) < 2:
        return list(found.values())
    methods = list(dict.fromkeys(spec.method.name for spec in found.values()))
    categories = list(manifests)
    return sorted(
        found.values(),
        key=lambda spec: (categories.index(spec.category), spec.shots, spec.seed, methods.index(spec.method.name)),
    )


def expand(selection: Selection, manifests: Mapping[str, CategoryManifest], profile: Profile) -> list[RunSpec]:
    """Return the runs of one selection: by category, K, seed, then method.

    Parameters
    ----------
    manifests : mapping
        One per category of the selection.

    Raises
    ------
    InputError
        If a method is unknown, or a draw is impossible.
    """
    methods = list(dict.fromkeys(get_method(name) for name in selection.methods))  # unet+cap+nbr is unet+nbr+cap
    specs = []
    for category in selection.categories:
        manifest = manifests[category]
        for shots in selection.shots:
            protocol = profile.protocol(shots)
            for seed in selection.seeds:
                draw = draw_shots(manifest, shots, seed, profile.shots_per, profile.draws)
                specs += [
                    RunSpec(
                        manifest.dataset, profile.name, category, method, shots, seed, protocol, manifest.digest, draw
                    )
                    for method in methods
                ]
    return specs


def check_methods(names: Iterable[str], profile: Profile) -> None:
    """Check before any training that the methods can be built under a profile.

    Raises
    ------
    InputError
        If a method is unknown, or the image size, the width or the kind of weights do not fit its network.
    """
    for name in dict.fromkeys(names):
        network = get_method(name).network
        check_start(network, None if profile.weights == "none" else profile.weights, profile.width)
        multiple = network_class(network).size_multiple
        if profile.image_size % multiple:
            raise InputError(
                f"image_size {profile.image_size} does not fit method {name}: it must be a multiple of {multiple}, "
                f"e.g. --set image_size={max(1, round(profile.image_size / multiple)) * multiple}"
            )

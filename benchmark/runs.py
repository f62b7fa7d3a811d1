"""What one run is, and what makes it the same run: its identity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from baselines import Method, get_method
from benchmark.data.draws import Draw, draw_shots
from benchmark.data.manifest import CategoryManifest, digest_of
from benchmark.profile import Profile

# Raise when a change of the code changes what a run means: every stored run then counts as another one.
TRAINING_VERSION = 2


@dataclass(frozen=True)
class RunSpec:
    """One (data set, category, method, K, seed) under one protocol.

    Attributes
    ----------
    dataset, profile : str
        Names, for people; no part of the identity.
    category : str
    method : Method
    shots, seed : int
    protocol : dict
        Every profile field that can change the result.
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
    protocol: dict[str, Any]
    data_digest: str
    draw: Draw

    def identity(self) -> dict[str, Any]:
        """Return everything that can change this run's result, and nothing else (no paths, devices, worker counts)."""
        return {
            "training_version": TRAINING_VERSION,
            "category": self.category,
            "method": self.method.name,
            "network": self.method.network,
            "recipe": asdict(self.method.recipe),
            "shots": self.shots,
            "seed": self.seed,
            "protocol": self.protocol,
            "data_digest": self.data_digest,
            "draw_digest": self.draw.digest,
        }

    @cached_property
    def id(self) -> str:
        """Readable and unique: what is run, then twelve characters of the identity's digest."""
        words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.category}_{self.method.name}")[:60].lstrip(".")
        return f"{words}_k{self.shots}_s{self.seed}_{digest_of(self.identity())[:12]}"

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


def expand(selection: Selection, manifests: dict[str, CategoryManifest], profile: Profile) -> list[RunSpec]:
    """Return the runs of a selection: by category, K, seed, then method.

    Parameters
    ----------
    manifests : dict
        One per category of the selection.

    Raises
    ------
    InputError
        If a method is unknown, or a draw is not possible.
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

"""The specification of one run, and its identity, which decides whether two runs are the same."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated

from msgspec import Meta, Struct

from baselines import Method
from benchmark.data.manifest import digest_of
from benchmark.protocol.draws import Draw
from benchmark.protocol.profile import PositiveInt, Protocol, Seed
from benchmark.schema import to_builtins

# Increase it when a change of the code changes the results of runs: stored runs then no longer match.
TRAINING_VERSION = 2


class Identity(Struct, frozen=True, kw_only=True):
    """Everything that can change a run's result, and nothing else: no paths, devices or worker counts.

    Attributes
    ----------
    training_version : int
        ``TRAINING_VERSION`` of the code that trained it.
    category, method, network : str
    recipe : dict
        The fields of the method's ``Recipe``.
    shots, seed : int
    protocol : Protocol
    data_digest, draw_digest : str
        SHA-256 of the category's content and of the names of the drawn images.
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
        Names for display; not part of the identity.
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
        """Return the identity; equal for two specs of the same run."""
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
        """Return a readable, unique id that ends in twelve characters of the identity's digest."""
        words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.category}_{self.method.name}")[:60].lstrip(".")
        return f"{words}_k{self.shots}_s{self.seed}_{digest_of(to_builtins(self.identity))[:12]}"

    @property
    def title(self) -> str:
        """Return the run in words, for messages."""
        return f"{self.category} {self.method.name} {self.shots}-shot seed {self.seed}"

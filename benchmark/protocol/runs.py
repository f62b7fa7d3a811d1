"""The specification of one run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from baselines import Method
from baselines.networks import pretrained_file
from baselines.weights_files import WeightsFile
from benchmark.data.manifest import digest_of
from benchmark.protocol.draws import Draw, draw_in_words
from benchmark.protocol.identity import TRAINING_VERSION, Identity, effective_recipe, effective_settings
from benchmark.protocol.profile import Protocol
from benchmark.schema import to_builtins


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
    weights_file : WeightsFile or None
        The user's file from which the encoder starts.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> from benchmark.protocol.selection import Selection, select_runs
    >>> [spec] = select_runs(SyntheticDataSet(), load_profile("ci"), [Selection(["unet"], ["tile"], [1], [0])])
    >>> spec.title
    'tile unet 1-shot seed 0'
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
    weights_file: WeightsFile | None = None

    @cached_property
    def identity(self) -> Identity:
        """Return the identity; equal for two specs of the same run."""
        recipe = effective_recipe(self.method.recipe, self.protocol)
        reads_weights = self.weights_file is None and pretrained_file(self.method.network) is not None
        return Identity(
            training_version=TRAINING_VERSION,
            category=self.category,
            method=self.method.name,
            network=self.method.network,
            recipe=recipe,
            shots=self.shots,
            seed=self.seed,
            settings=effective_settings(recipe, self.protocol, reads_weights),
            data_digest=self.data_digest,
            draw_digest=self.draw.digest,
            file_digest=self.method.file.digest if self.method.file else None,
            weights_digest=self.weights_file.sha256 if self.weights_file else None,
        )

    @cached_property
    def id(self) -> str:
        """Return a readable, unique id that ends in twelve characters of the identity's digest."""
        words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.category}_{self.method.name}")[:60].lstrip(".")
        return f"{words}_k{self.shots}_s{self.seed}_{digest_of(to_builtins(self.identity))[:12]}"

    @property
    def title(self) -> str:
        """Return the run in words, for messages."""
        title = f"{self.category} {self.method.name} {self.shots}-shot seed {self.seed}"
        return title + draw_in_words(self.protocol.draws)

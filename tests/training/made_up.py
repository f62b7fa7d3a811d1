"""Runs of a U-Net on made-up images, for tests of training."""

from __future__ import annotations

import torch

from baselines import Method, Recipe
from benchmark.data.image_cache import CategoryArrays
from benchmark.protocol.draws import draw_shots
from benchmark.protocol.profile import Protocol, load_profile
from benchmark.protocol.runs import RunSpec

CPU = torch.device("cpu")
BASELINE = Recipe("augmentation")
NBR = Recipe("never", nbr="cosine")
OURS = Recipe("cap", "realism", "cosine")
CONTROL = Recipe("augmentation", normal_statistics=True)


def protocol(*settings: str) -> Protocol:
    unmeasured = [] if any(setting.startswith("curve_every") for setting in settings) else ["curve_every=0"]
    return load_profile("quick", ["width=0.1", *unmeasured, *settings]).protocol(1)


def spec_of(arrays: CategoryArrays, shots: int, recipe: Recipe, *settings: str, seed: int = 0) -> RunSpec:
    return RunSpec(
        dataset="test",
        profile="quick",
        category=arrays.manifest.category,
        method=Method("tested", "Tested", "unet", recipe, "this test"),
        shots=shots,
        seed=seed,
        protocol=protocol(*settings),
        data_digest="",
        draw=draw_shots(arrays.manifest, shots, seed),
    )

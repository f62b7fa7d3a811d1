"""A model whose network is not the one here is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch

from benchmark.models.trained import load_model
from benchmark.results.model_file import ModelDescription, digest_weights, read_description, read_weights, write_model
from tests.refusal import assert_refused

CPU = torch.device("cpu")


def rewritten(description: ModelDescription, **changes: object) -> ModelDescription:
    identity = msgspec.structs.replace(description.identity, **{"network": changes.pop("network", "unet")})
    return msgspec.structs.replace(description, identity=identity, **changes)


def test_weights_of_another_network_are_refused_with_what_does_not_fit(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    stored = read_description(run_folder / "model.safetensors")
    weights = read_weights(run_folder / "model.safetensors", stored)
    wider = msgspec.structs.replace(stored.protocol, width=0.2)
    for changes, words in (
        ({"network": "albunet"}, ("another network than albunet as it is here", "is missing", "more")),
        ({"network": "mynet"}, ("network of model", "cannot be built", "unknown network 'mynet'")),
        ({"protocol": wider}, ("another network than unet as it is here", "has shape")),
    ):
        write_model(path, rewritten(stored, **changes), weights)
        assert_refused(lambda: load_model(path, CPU), str(path), *words)
    name = sorted(weights)[0]
    fewer = {other: tensor for other, tensor in weights.items() if other != name}
    write_model(path, msgspec.structs.replace(stored, weights_sha256=digest_weights(fewer)), fewer)
    assert_refused(lambda: load_model(path, CPU), f"{name} is missing")

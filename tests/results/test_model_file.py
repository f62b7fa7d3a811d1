"""The file of a model: what is written is read, and anything else is refused unread."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.results.model_file import (
    ModelDescription,
    Normalisation,
    digest_weights,
    read_description,
    read_weights,
    write_model,
)
from benchmark.schema import to_builtins
from tests.factories import make_spec
from tests.refusal import assert_refused


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    """Weights of several types, one of them in channels-last memory and one a view of another."""
    torch.manual_seed(0)
    first = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    counter = torch.tensor(7)
    return {"a.weight": first, "b.view": first[:2], "a.count": counter, "c": torch.randn(5, dtype=torch.bfloat16)}


@pytest.fixture
def description(weights: dict[str, torch.Tensor]) -> ModelDescription:
    spec = make_spec()
    return ModelDescription(
        run=spec.id, dataset=spec.dataset, label=spec.method.label, identity=spec.identity, protocol=spec.protocol,
        normalisation=Normalisation((0.1, 0.2, 0.3), (1.0, 1.0, 1.0)), training_threshold=0.25,
        weights_sha256=digest_weights(weights),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path, description: ModelDescription, weights: dict[str, torch.Tensor]) -> Path:
    write_model(tmp_path / "model.safetensors", description, weights)
    return tmp_path / "model.safetensors"


def test_what_is_written_is_read(
    path: Path, description: ModelDescription, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    assert read_description(path) == description
    found = read_weights(path, description)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) and found[name].dtype == weights[name].dtype for name in found)
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


class Bomb:
    """An object whose pickle would create a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_is_refused_unread(tmp_path: Path, protocol: int) -> None:
    for name, save in {
        "torch.pt": lambda file: torch.save(Bomb(tmp_path / "exploded"), file),
        "plain.pkl": lambda file: file.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded"), protocol)),
    }.items():
        save(tmp_path / name)
        assert_refused(lambda name=name: read_description(tmp_path / name), name, "is a pickle", "was not read")
    assert not (tmp_path / "exploded").exists()


def test_any_other_file_is_refused(tmp_path: Path) -> None:
    assert_refused(lambda: read_description(tmp_path / "none"), "none cannot be read: No such file")
    assert_refused(lambda: read_description(tmp_path), "cannot be read: Is a directory")
    for content in (b"", b"{}", b"\x89PNG\r\n\x1a\n0000"):
        (tmp_path / "wrong").write_bytes(content)
        assert_refused(lambda: read_description(tmp_path / "wrong"), "wrong is not a safetensors file")


def test_a_truncated_file_is_refused_wherever_it_ends(path: Path) -> None:
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    for size in (9, 8 + length // 2, 8 + length, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert_refused(lambda: read_description(path), str(path), "is truncated or corrupted")
    path.write_bytes(struct.pack("<Q", 10**9) + whole[8:])
    assert_refused(lambda: read_description(path), "is truncated or corrupted")


def test_changed_weights_are_noticed(path: Path, description: ModelDescription) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert_refused(lambda: read_weights(path, description), "are not those it was written with")


def test_a_file_without_or_with_another_description_is_refused(
    path: Path, description: ModelDescription, weights: dict[str, torch.Tensor]
) -> None:
    plain = to_builtins(description)
    stored = load_file(path)
    for metadata, words in (
        (None, ("does not say how it was trained",)),
        ({"format": "pt"}, ("does not say how it was trained",)),
        ({"fewshot-defect-benchmark": json.dumps(plain | {"format": 2})}, ("format: is 2, this version reads 1",)),
        ({"fewshot-defect-benchmark": json.dumps(plain | {"training_threshold": 1})}, ("training_threshold",)),
        ({"fewshot-defect-benchmark": json.dumps(plain | {"protocol": {}})}, ("protocol",)),
        ({"fewshot-defect-benchmark": "{"}, ("cannot be read",)),
    ):
        save_file(stored, path, metadata=metadata)
        assert_refused(lambda: read_description(path), str(path), *words)

"""A user's file of encoder weights is loaded as it is into the encoder it fits, and refused by any other."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from baselines import create_network
from baselines.contract import check_method
from baselines.networks import check_weights_file
from baselines.networks.base import on_meta
from baselines.networks.encoder_names import file_names
from baselines.networks.encoder_weights import MisfitError, fit_weights, read_weights
from baselines.networks.pretrained import WeightsRecord
from baselines.weights_files import WeightsFileError, identify_weights_file
from tests.refusal import assert_refused

LITE0 = "smp:Unet/timm-tf_efficientnet_lite0"


def values_for(state: Mapping[str, Tensor], seed: int = 1) -> dict[str, Tensor]:
    """Random values, and counters of batches, of the shapes of a state."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(tensor.shape, generator=generator) if tensor.is_floating_point() else torch.tensor(7)
        for name, tensor in state.items()
    }


def encoder_of(name: str, depth: int = 5) -> nn.Module:
    with warnings.catch_warnings(action="ignore"):
        return on_meta(lambda: get_encoder(name, weights=None, depth=depth))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_every_kind_of_file_is_loaded_value_for_value_and_recorded(suffix: str, tmp_path: Path) -> None:
    state = values_for(create_network("albunet", width=0.1).get_submodule("encoder").state_dict())
    path = tmp_path / f"mine{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    network = create_network("albunet", "imagenet", width=0.1, weights_file=identify_weights_file(path))
    loaded = network.get_submodule("encoder").state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert network.pretrained == WeightsRecord("resnet34", path.name, digest, "weights_files")


def test_only_the_encoder_differs_from_a_network_without_a_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = create_network("albunet", width=0.1)
    torch.save(values_for(plain.get_submodule("encoder").state_dict()), tmp_path / "mine.pth")
    torch.manual_seed(0)
    network = create_network("albunet", width=0.1, weights_file=identify_weights_file(tmp_path / "mine.pth"))
    for name, values in network.state_dict().items():
        same = torch.equal(values, plain.state_dict()[name])
        assert same != name.startswith("encoder."), name


@pytest.mark.parametrize(
    ("name", "model"),
    [("ternausnet11", "vgg11"), ("ternausnet16", "vgg16"), ("albunet", "resnet34"), ("smp:FPN/resnet18", "resnet18")],
)
def test_complete_models_of_torchvision_fit_and_their_classifier_is_named_once(
    name: str, model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    complete = on_meta(lambda: torchvision.models.get_model(model)).state_dict()
    heads = [key for key in complete if key.startswith(("classifier.", "fc."))]
    state = {key: torch.zeros(1) if key in heads else torch.ones(complete[key].shape) for key in complete}
    torch.save(state, tmp_path / "model.pth")
    file = identify_weights_file(tmp_path / "model.pth")
    caplog.set_level("INFO")
    for _ in range(2):
        check_weights_file(name, file, 1.0)
    (said,) = caplog.messages
    assert said.startswith(f"weights file model.pth: {len(heads)} entries that the encoder of {name} does not have")
    assert heads[0] in said


@pytest.mark.parametrize("depth", [5, 3])
@pytest.mark.parametrize(
    "name", ["tu-resnet18", "tu-convnext_atto", "tu-tf_efficientnet_lite0", "timm-regnetx_002", "tu-vgg11"]
)
def test_models_of_timm_fit_the_encoders_that_wrap_them(name: str, depth: int) -> None:
    encoder = encoder_of(name, depth)
    with warnings.catch_warnings(action="ignore"):
        state = on_meta(lambda: timm.create_model(encoder.name)).state_dict()  # type: ignore[arg-type]
        features = on_meta(lambda: timm.create_model(encoder.name, features_only=True))  # type: ignore[arg-type]
    fitted = fit_weights(encoder, state)
    assert fitted.state.keys() == encoder.state_dict().keys()
    assert len(fitted.state) + len(fitted.ignored) == len(state)
    # timm flattens one level of names: the digits and words are the same in the same order.
    for mine, tensor in fitted.state.items():
        (theirs,) = (key for key, value in state.items() if value is tensor)
        assert mine.removeprefix("model.").replace("_", ".") == theirs.replace("_", ".")
        assert mine.removeprefix("model.") in features.state_dict()
    own = dict(encoder.state_dict())
    assert fit_weights(encoder, own).state == own


@pytest.mark.parametrize("name", ["timm-tf_efficientnet_lite0", "timm-efficientnet-b0"])
def test_names_of_efficientnet_pytorch_are_those_of_timm_in_the_same_order(name: str) -> None:
    encoder = encoder_of(name)
    names = file_names(encoder)
    theirs = [key for key in names if key.startswith("_")]
    # Both packages create their layers in the order in which they are used.
    assert [names[key] for key in theirs] == list(encoder.state_dict())
    flat = [key for key in theirs if key.startswith("_blocks.")]
    assert list(dict.fromkeys(key.split(".")[1] for key in flat)) == [str(number) for number in range(16)]
    assert {"_conv_stem.weight", "_bn0.bias", "_blocks.15._project_conv.weight", "_bn1.running_var"} <= set(theirs)


def test_encoders_of_the_library_with_other_names_take_their_own() -> None:
    for name in (
        "mobilenet_v2",
        "densenet121",
        "mit_b0",
        "efficientnet-b0",
        "se_resnet50",
        "timm-mobilenetv3_small_075",
    ):
        encoder = encoder_of(name)
        state = dict(encoder.state_dict())
        assert fit_weights(encoder, state).state == state


def test_old_files_without_counters_of_batches_fit() -> None:
    encoder = encoder_of("resnet18")
    state = values_for(encoder.state_dict())
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    assert fit_weights(encoder, old).state.keys() == state.keys()


def test_a_partly_fitting_file_is_refused_with_what_is_missing_extra_and_of_another_shape() -> None:
    encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    state = values_for(encoder.state_dict())
    del state["1.weight"], state["1.running_mean"]
    state |= {"0.bias": torch.zeros(5), "2.weight": torch.zeros(1)}
    with pytest.raises(MisfitError) as error:
        fit_weights(encoder, state)
    assert str(error.value) == (
        "2 missing (1.weight, 1.running_mean); 1 extra (2.weight); "
        "1 of another shape or type (0.bias is (5,), not (4,))"
    )
    quantised = values_for(encoder.state_dict()) | {"0.weight": torch.zeros(4, 3, 3, 3, dtype=torch.int8)}
    with pytest.raises(
        MisfitError, match=r"^1 of another shape or type \(0.weight is torch.int8, not torch.float32\)$"
    ):
        fit_weights(encoder, quantised)


def test_a_network_without_such_an_encoder_refuses_files(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "mine.pth")
    file = identify_weights_file(tmp_path / "mine.pth")
    assert_refused(lambda: check_weights_file("unet", file, 1.0), "mine.pth", "network unet has no encoder for weights")


class Executed:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


def saved(content: object, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def test_what_is_not_a_state_dict_is_refused_and_never_executed(tmp_path: Path) -> None:
    mark, good = tmp_path / "executed", {"a": torch.zeros(100)}
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), scripted)
    for content, word in {
        saved({"a": Executed(mark)}): "holds more than tensors and was not read",
        saved({"a": Executed(mark)}, zipped=False): "holds more than tensors and was not read",
        saved(nn.Linear(1, 1)): "holds more than tensors and was not read",
        scripted.getvalue(): "holds more than tensors and was not read",
        pickle.dumps({"a": np.zeros(3)}): "holds more than tensors and was not read",
        saved(good)[:-10]: "is truncated or corrupted",
        saved(good, zipped=False)[:-10]: "is truncated or corrupted",
        saved(good)[:200]: "is truncated or corrupted",
        b"": "is truncated or corrupted (it ends too early)",
        b"not what it should be": "was not written by torch.save",
        saved({"state_dict": good, "epoch": 3}): "holds entries that are not tensors (state_dict, epoch)",
        saved([1]): "holds a list",
        saved({}): "holds nothing",
    }.items():
        path = tmp_path / "mine.pth"
        path.write_bytes(content)
        assert_refused(lambda: read_weights(identify_weights_file(tmp_path / "mine.pth")), str(path), word)
    assert not mark.exists()
    save_file(good, tmp_path / "mine.safetensors")
    content = (tmp_path / "mine.safetensors").read_bytes()
    for part in (content[:-1], content[:4], b""):
        (tmp_path / "mine.safetensors").write_bytes(part)
        file = identify_weights_file(tmp_path / "mine.safetensors")
        assert_refused(lambda file=file: read_weights(file), "mine.safetensors is truncated or corrupted")  # type: ignore[misc]


def test_a_file_that_changed_or_went_since_it_was_identified_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save({"a": torch.zeros(1)}, path)
    file = identify_weights_file(path)
    torch.save({"a": torch.ones(1)}, path)
    assert_refused(lambda: read_weights(file), f"weights file {path} changed since the runs were planned: run again")
    assert identify_weights_file(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256
    path.unlink()
    assert_refused(lambda: read_weights(file), f"weights file {path} cannot be read: No such file")
    os.mkfifo(path)  # nobody writes to it
    assert_refused(lambda: identify_weights_file(path), f"weights file {path} is not a file")
    path.unlink()
    with pytest.raises(WeightsFileError):
        identify_weights_file(path)


def test_the_contract_is_checked_from_a_file_that_fits(tmp_path: Path) -> None:
    torch.save(create_network("albunet", width=0.1).get_submodule("encoder").state_dict(), tmp_path / "mine.pth")
    file = identify_weights_file(tmp_path / "mine.pth")
    assert all(check.passed for check in check_method("albunet_nbr", width=0.1, weights_file=file))
    words = ("does not fit the encoder of albunet at width 0.2: ", "; published weights fit width=1")
    assert_refused(lambda: check_method("albunet_nbr", width=0.2, weights_file=file), *words)


@pytest.fixture
def real_weights() -> Path:
    """A folder with ``vgg16.ckpt`` and ``efficientnet-lite0-57934424.pth``."""
    folder = os.environ.get("BENCHMARK_REAL_WEIGHTS")
    if not folder:
        pytest.skip("BENCHMARK_REAL_WEIGHTS is not set")
    return Path(folder)


class NumpyUnpickler(pickle.Unpickler):
    """Admits NumPy's arrays only."""

    def find_class(self, module: str, name: str) -> object:
        if module.partition(".")[0] == "numpy":
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def test_convolutions_of_lpips_are_the_encoder_of_ternausnet16(real_weights: Path, tmp_path: Path) -> None:
    with (real_weights / "vgg16.ckpt").open("rb") as content:
        kernels = NumpyUnpickler(content).load()["VGG16_0"]
    layers = [
        number for number, layer in enumerate(on_meta(torchvision.models.vgg16).features) if hasattr(layer, "bias")
    ]
    state = {}
    for number, layer in enumerate(layers):
        kernel = np.array(kernels[f"Conv_{number}"]["kernel"]).transpose(3, 2, 0, 1)
        state[f"features.{layer}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
        state[f"features.{layer}.bias"] = torch.from_numpy(np.array(kernels[f"Conv_{number}"]["bias"]))
    torch.save(state, tmp_path / "vgg16.pth")
    network = create_network("ternausnet16", weights_file=identify_weights_file(tmp_path / "vgg16.pth"))
    loaded = network.get_submodule("encoder").state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_the_published_efficientnet_lite0_is_the_encoder_of_that_name(real_weights: Path) -> None:
    path = real_weights / "efficientnet-lite0-57934424.pth"
    network = create_network(LITE0, weights_file=identify_weights_file(path))
    encoder = network.weights_encoder()
    assert encoder is not None
    published = {name: tensor for name, tensor in torch.load(path).items() if not name.startswith("_fc.")}
    loaded = encoder.state_dict()
    # In both the layers are in the order in which they are used.
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(loaded.values(), published.values(), strict=True))

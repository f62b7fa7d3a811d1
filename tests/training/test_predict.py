"""Network input and predictions; predicting does not change the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from baselines import create_network
from benchmark.data.image_cache import CategoryArrays
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.profile import load_profile
from benchmark.training.predict import NonFiniteOutputError, Predictor, to_input


def test_input_is_channels_first_and_normalised_as_the_profile_says() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    plain = to_input(pixels, "none", torch.device("cpu")).numpy()
    assert plain.shape == (2, 3, 4, 5)
    assert np.allclose(plain, np.moveaxis(pixels, -1, 1) / 255, atol=1e-6)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = np.moveaxis((pixels / 255 - mean) / std, -1, 1)
    assert np.allclose(to_input(pixels, "imagenet", torch.device("cpu")).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_probabilities_are_the_networks_and_batching_does_not_matter(precision: str) -> None:
    rng = np.random.default_rng(1)
    records = tuple(ImageRecord("test", "good", f"{i}.png") for i in range(11))
    images = rng.integers(0, 256, (11, 32, 32, 3), dtype=np.uint8)
    arrays = CategoryArrays(CategoryManifest("test", "x", "", records), images, np.zeros((11, 32, 32), dtype=bool))
    protocol = load_profile("quick", [f"precision={precision}"]).protocol(1)
    torch.manual_seed(0)
    network = create_network("unet", width=0.25).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    predictor = Predictor(network, protocol, torch.device("cpu"))
    predicted = list(predictor.predict(arrays, [7, 2, *range(8, 11), 0, 1, 3, 4, 5]))
    found = {index: probability for index, _, probability in predicted}
    assert list(found) == [7, 2, 8, 9, 10, 0, 1, 3, 4, 5]
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    network.eval()
    with torch.no_grad():
        alone = torch.sigmoid(network(to_input(images[8:9], "imagenet", torch.device("cpu"))))[0, 0].numpy()
    assert found[8].dtype == np.float32
    for _, logits, probability in predicted:
        assert np.array_equal(torch.sigmoid(torch.from_numpy(logits)).numpy(), probability)
    assert np.abs(found[8] - alone).max() < (1e-5 if precision == "fp32" else 0.05)


def test_an_output_that_is_not_finite_is_named_with_its_image() -> None:
    records = tuple(ImageRecord("test", "good", f"test/good/{i}.png") for i in range(2))
    images = np.zeros((2, 32, 32, 3), dtype=np.uint8)
    arrays = CategoryArrays(CategoryManifest("test", "x", "", records), images, np.zeros((2, 32, 32), dtype=bool))
    network = create_network("unet", width=0.1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(float("nan"))
    predictor = Predictor(network, load_profile("quick", []).protocol(1), torch.device("cpu"))
    with pytest.raises(NonFiniteOutputError, match=r"^the output of UNet for image test/good/1\.png is not finite$"):
        list(predictor.predict(arrays, [1]))


def test_lambda_is_equation_6_of_the_trained_network() -> None:
    rng = np.random.default_rng(2)
    defective, pasted = rng.integers(0, 256, (2, 2, 64, 64, 3), dtype=np.uint8)
    protocol = load_profile("quick", []).protocol(1)
    torch.manual_seed(0)
    network = create_network("albunet", width=0.25).train()
    predictor = Predictor(network, protocol, torch.device("cpu"))
    realism = predictor.realism(defective, pasted)
    assert network.training
    network.eval()
    with torch.no_grad():
        a, b = (
            network.encode(to_input(images, "imagenet", torch.device("cpu")))[-1].numpy().mean(axis=(2, 3))
            for images in (defective, pasted)
        )
    expected = np.abs((a * b).sum(axis=1)) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert realism == pytest.approx(expected, abs=1e-5)
    same = predictor.realism(defective, defective)
    assert same == pytest.approx([1, 1], abs=1e-6)
    assert same.max() <= 1

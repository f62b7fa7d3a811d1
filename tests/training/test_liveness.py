"""What is measured of the losses: whether F reaches the predictions, which loss moves the encoder, term means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from baselines import create_network
from baselines.networks import SegmentationNetwork
from benchmark.data.datasets import SyntheticDataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from benchmark.protocol.draws import draw_shots
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.records import TermMeans
from benchmark.training.gradients import encoder_stages, gradient_norms
from benchmark.training.liveness import measure_liveness
from benchmark.training.log import term_means
from benchmark.training.one_run import RunContext, train_and_score
from benchmark.training.predict import Predictor, to_input
from benchmark.training.train import train
from tests.factories import make_spec

CPU = torch.device("cpu")


@pytest.fixture
def arrays(shared_cache: Path) -> CategoryArrays:
    return ImageCache(shared_cache).arrays(SyntheticDataSet(), "carpet", 64)


def predictor(network: SegmentationNetwork) -> Predictor:
    return Predictor(network, load_profile("quick").protocol(1), CPU)


def test_liveness_is_the_change_of_logits_and_iou_when_f_is_averaged(arrays: CategoryArrays) -> None:
    torch.manual_seed(0)
    network = create_network("unet", width=0.1)
    network.eval()
    test = draw_shots(arrays.manifest, 1, 0).test
    marked = [index for index in test if arrays.masks[index].any()][:5]
    found = measure_liveness(predictor(network), arrays, marked)
    assert found is not None
    with torch.inference_mode():
        features = network.encode(to_input(arrays.images[marked], "imagenet", CPU))
        whole = network.decode(features)[:, 0].numpy()
        features[-1] = torch.stack([features[-1].mean(dim=0)] * len(marked))
        averaged = network.decode(features)[:, 0].numpy()
    truth = arrays.masks[marked]

    def ious(logits: np.ndarray) -> np.ndarray:
        predicted = logits >= 0
        hits, union = (predicted & truth).sum(axis=(1, 2)), (predicted | truth).sum(axis=(1, 2))
        return np.divide(hits, union)

    assert found.logits == pytest.approx(np.abs(whole - averaged).mean(), rel=1e-4)
    assert found.iou == pytest.approx(np.abs(ious(whole) - ious(averaged)).mean(), abs=1e-9)


def test_a_network_that_does_not_read_f_is_dead_and_one_image_says_nothing(arrays: CategoryArrays) -> None:
    network = create_network("unet", width=0.1)
    with torch.no_grad():  # the first unit on the way up reads [skip, F]
        skip = network.up[-1][0].weight.shape[1] - network.down[-1][0].weight.shape[0]  # type: ignore[index, union-attr]
        network.up[-1][0].weight[:, skip:] = 0  # type: ignore[index, union-attr]
    test = draw_shots(arrays.manifest, 1, 0).test
    found = measure_liveness(predictor(network), arrays, test)
    assert found is not None
    assert found.logits < 1e-6
    assert (found.iou, found.alive) == (0.0, False)
    marked = [index for index in test if arrays.masks[index].any()]
    assert measure_liveness(predictor(network), arrays, marked[:1]) is None


@pytest.mark.parametrize("profile", ["quick", pytest.param("ci", marks=pytest.mark.slow)])
def test_f_is_alive_under_the_profiles_of_every_day(profile: str, shared_cache: Path) -> None:
    """Otherwise NBR and lambda, which act on F alone, could not change a prediction."""
    dataset = SyntheticDataSet("synthetic-validation")
    settings = load_profile(profile, ["curve_every=0"])
    (spec,) = select_runs(dataset, settings, [Selection(["albunet_nbr_cap"], ["carpet"], [1], [0])])
    result = train_and_score(spec, RunContext(dataset, ImageCache(shared_cache), CPU))
    assert result.liveness is not None
    assert result.liveness.alive, result.liveness
    late = result.curve.iloc[spec.protocol.iterations // 2 :]
    assert result.terms.nbr == pytest.approx(late["nbr"].mean() / spec.protocol.batch_size)
    assert result.terms.realism == pytest.approx(late["realism"].mean())
    assert -1 <= result.terms.nbr <= 0 < result.terms.realism <= 1  # type: ignore[operator]


@pytest.mark.parametrize("name", ["unet", "albunet", "ternausnet11", "smp:Unet/resnet18"])
def test_stages_partition_the_encoder_and_norms_are_those_of_autograd(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(name, width=1.0 if name.startswith("smp:") else 0.1)
    stages = encoder_stages(network, CPU)
    names = {id(parameter): key for key, parameter in network.named_parameters()}
    staged = [names[id(parameter)] for stage in stages for parameter in stage]
    assert len(staged) == len(set(staged))
    images = torch.randn(2, 3, 64, 64)
    features = network.encode(images)
    assert len(stages) == len(features)
    loss = features[-1].square().sum()
    whole, *each = gradient_norms(loss, stages)
    network.zero_grad()
    loss.backward()
    reached = {key for key, parameter in network.named_parameters() if parameter.grad is not None}
    assert reached == set(staged)
    squares = [sum(float(parameter.grad.square().sum()) for parameter in stage) for stage in stages]  # type: ignore[union-attr]
    assert each == pytest.approx(np.sqrt(squares), rel=1e-4)
    assert whole == pytest.approx(np.sqrt(sum(squares)), rel=1e-4)


def test_a_loss_that_does_not_reach_the_encoder_has_no_gradient_there() -> None:
    stages = encoder_stages(create_network("unet", width=0.1), CPU)
    assert np.isnan(gradient_norms(torch.zeros(()), stages)).all()


def test_readings_hold_both_terms_per_stage_from_the_first_iteration_on(arrays: CategoryArrays) -> None:
    profile = load_profile("quick", ["image_size=64", "width=0.1", "iterations=4", "curve_every=2"])
    for method, has_nbr in (("unet+nbr", True), ("unet", False)):
        (spec,) = select_runs(SyntheticDataSet(), profile, [Selection([method], ["carpet"], [1], [0])])
        log = train(create_network("unet", width=0.1), spec, arrays, CPU)
        assert log.gradients["iteration"].unique().tolist() == [1, 2, 4]
        assert log.gradients["stage"].unique().tolist() == [0, 1, 2, 3, 4, 5]
        assert (log.gradients["segmentation"] > 0).all()
        assert (log.gradients["nbr"] > 0).all() if has_nbr else log.gradients["nbr"].isna().all()


def test_the_gradient_of_nbr_is_read_with_its_weight(arrays: CategoryArrays) -> None:
    norms = []
    for weight in (1, 3):
        settings = ["image_size=64", "width=0.1", "iterations=1", "curve_every=1", f"nbr_weight={weight}"]
        profile = load_profile("quick", settings)
        (spec,) = select_runs(SyntheticDataSet(), profile, [Selection(["unet+nbr"], ["carpet"], [1], [0])])
        torch.manual_seed(0)
        norms.append(train(create_network("unet", width=0.1), spec, arrays, CPU).gradients)
    assert norms[1]["nbr"].to_numpy() == pytest.approx(3 * norms[0]["nbr"].to_numpy(), rel=1e-3)
    assert norms[1]["segmentation"].to_numpy() == pytest.approx(norms[0]["segmentation"].to_numpy(), rel=1e-3)


def test_terms_are_averaged_over_the_second_half_of_training() -> None:
    curve = pd.DataFrame(
        {"nbr": [9, 9, -1.0, -2.0], "realism": [0.1, 0.2, np.nan, 0.8], "weighting": [2, 2, np.nan, 0.5]}
    )
    spec = make_spec(method="albunet_nbr_cap", settings=["batch_size=3"])
    assert term_means(curve, spec) == TermMeans(nbr=-0.5, realism=0.8, weighting=0.5)
    unpasted = curve.assign(nbr=0.0, realism=np.nan, weighting=np.nan)
    assert term_means(unpasted, make_spec(method="albunet")) == TermMeans()

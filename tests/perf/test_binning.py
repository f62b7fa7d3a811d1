"""What the bins of logits cost: metrics from what is stored beside those of whole maps, on real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from baselines import create_network
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.results.metrics import measure
from benchmark.training.one_run import RunContext, train_and_score
from benchmark.training.predict import Predictor
from tests.slow_metrics import exact

pytestmark = pytest.mark.perf
SHORT, LONG = ("iterations=300",), ("iterations=500", "width=0.25", "learning_rate=0.002")
CASES = [
    (method, category, shots, settings)
    for method, shots, settings in (("unet", 1, SHORT), ("albunet_nbr_cap", 1, SHORT), ("albunet_nbr_cap", 5, LONG))
    for category in ("bottle", "toothbrush")
]
LARGEST = 0.002


def outside(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """AUPRO by anomalib, where it is installed; it wants scores in [0, 1], so each gets its place among them."""
    try:
        from anomalib.metrics.aupro import _AUPRO
    except ImportError:
        return {}
    values, place = np.unique(scores, return_inverse=True)
    found = {}
    for limit in (0.3, 0.05):
        metric = _AUPRO(fpr_limit=limit)
        metric.update(
            torch.from_numpy((place.reshape(scores.shape) / len(values)).astype(np.float32)),
            torch.from_numpy(truth.astype(int)),
        )
        found[f"aupro_{limit:g}"] = float(metric.compute())
    return found


@pytest.mark.parametrize(("method", "category", "shots", "settings"), CASES)
def test_binning(
    real_data: Path, shared_cache: Path, method: str, category: str, shots: int, settings: tuple[str, ...]
) -> None:
    dataset = FolderDataSet(real_data / "mvtec_ad")
    profile = load_profile("quick", ["curve_every=0", *settings])
    (spec,) = select_runs(dataset, profile, [Selection([method], [category], [shots], [0])])
    context = RunContext(dataset, ImageCache(shared_cache), torch.device("cpu"), keep_model=True)
    result = train_and_score(spec, context)
    network = create_network(spec.method.network, width=spec.protocol.width)
    assert result.model is not None
    network.load_state_dict(result.model.weights)
    arrays = context.cache.arrays(dataset, category, spec.protocol.image_size)
    predictor = Predictor(network, spec.protocol, torch.device("cpu"))
    logits = np.stack([logit for _, logit, _ in predictor.predict(arrays, spec.draw.test)])
    truth = arrays.masks[list(spec.draw.test)]
    stored, whole = measure(result.images, result.predictions, spec.protocol.threshold), exact(logits, truth)
    other = outside(logits, truth)
    print(f"\n{category} {method} {shots}-shot: logits from {logits.min():.1f} to {logits.max():.1f}")
    for name, value in whole.items():
        found = stored[name]
        assert found is not None
        beside = f", anomalib {found - other[name]:+.5f}" if name in other else ""
        print(f"  {name:12} {value:.4f}, from bins {found - value:+.5f}{beside}")
        assert abs(found - value) <= LARGEST

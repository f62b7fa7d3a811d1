"""Metrics from what is stored, against plain statements on whole maps."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from benchmark.histograms import LOGIT_EDGES, histograms, to_probability
from benchmark.results.metrics import DEFINITIONS, PIXEL_METRICS, SIZES, best_threshold, groups, measure
from benchmark.results.predictions import Predictions
from benchmark.score import IMAGE_COLUMNS, boundary_counts, count_image, summarise
from tests.conftest import REPOSITORY
from tests.slow_metrics import exact, plain_aupro, ranked_aupro

RANKED = [definition.name for definition in PIXEL_METRICS if definition.kind == "score"]


@dataclass
class Maps:
    """Test and training maps of a made-up run."""

    logits: np.ndarray
    truth: np.ndarray
    labels: list[str]
    training: tuple[np.ndarray, np.ndarray]

    @property
    def images(self) -> pd.DataFrame:
        rows = [
            {"name": f"{i}.png", "label": label} | count_image(to_probability(logits).astype(np.float32), truth, 0.5)
            for i, (label, logits, truth) in enumerate(zip(self.labels, self.logits, self.truth, strict=True))
        ]
        return pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))

    @property
    def predictions(self) -> Predictions:
        return Predictions(
            histograms(self.logits, self.truth),
            histograms(*self.training),
            self.logits.max(axis=(1, 2)),
            np.array([boundary_counts(*pair) for pair in zip(self.logits >= 0, self.truth, strict=True)]),
        )


def made_up(seed: int = 0, size: int = 40, spread: float = 4.0) -> Maps:
    """Blurred noise with brighter defects; the first two images are normal."""
    rng = np.random.default_rng(seed)
    labels = ["good", "good", "cut", "cut", "hole", "hole"]

    def maps(count: int, normal: int) -> tuple[np.ndarray, np.ndarray]:
        truth = np.zeros((count, size, size), dtype=bool)
        for row in range(normal, count):
            for _ in range(3):
                top, left = rng.integers(0, size - 8, 2)
                truth[row, top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = True
        return rng.normal(-spread + 1.3 * spread * truth, spread).astype(np.float32), truth

    return Maps(*maps(6, 2), labels, maps(2, 0))


def rounded(logits: np.ndarray) -> np.ndarray:
    """The bin of each logit: equal bins are equal scores."""
    return np.searchsorted(LOGIT_EDGES, logits, side="right")


@pytest.mark.parametrize("seed", range(3))
def test_pixel_metrics_are_exact_for_maps_rounded_to_bins_and_close_for_others(seed: int) -> None:
    maps = made_up(seed)
    found = measure(maps.images, maps.predictions, 0.5)
    of_bins, of_maps = exact(rounded(maps.logits), maps.truth), exact(maps.logits, maps.truth)
    assert set(of_bins) == set(RANKED)
    for name in RANKED:
        assert found[name] == pytest.approx(of_bins[name], abs=1e-9), name
        assert found[name] == pytest.approx(of_maps[name], abs=2e-3), name
    chosen = found["best_f1_threshold"]
    assert chosen is not None
    assert f1_score(maps.truth.ravel(), (to_probability(maps.logits) >= chosen).ravel()) == pytest.approx(
        of_bins["best_f1"]
    )


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_both_slow_statements_of_aupro_agree(limit: float) -> None:
    maps = made_up(size=12)
    coarse = np.round(maps.logits)
    assert ranked_aupro(coarse, maps.truth, limit) == pytest.approx(plain_aupro(coarse, maps.truth, limit), abs=1e-12)


def test_metrics_at_a_threshold_are_those_of_the_masks() -> None:
    maps = made_up()
    images, found = maps.images, measure(maps.images, maps.predictions, 0.5)
    paper = summarise(images)
    assert (found["iou"], found["dc"], found["image_auroc_area"]) == (paper.iou, paper.dc, paper.auc)
    predicted, truth = maps.logits >= 0, maps.truth
    for name, rows in (("pooled", slice(None)), ("pooled_defective", slice(2, None))):
        p, t = predicted[rows], truth[rows]
        assert found[f"{name}_iou"] == pytest.approx((p & t).sum() / (p | t).sum())
        assert found[f"{name}_dc"] == pytest.approx(f1_score(t.ravel(), p.ravel()))
    limit = best_threshold(histograms(*maps.training), 0.5)
    assert found["training_threshold"] == limit
    at_limit = to_probability(maps.logits) >= limit
    values = [(p & t).sum() / (p | t).sum() for p, t in zip(at_limit[2:], truth[2:], strict=True)]
    assert found["training_iou"] == pytest.approx(np.mean(values))
    counts = [boundary_counts(p, t) for p, t in zip(predicted[2:], truth[2:], strict=True)]
    assert found["boundary_iou"] == pytest.approx(np.mean([tp / (tp + fp + fn) for tp, fp, fn in counts]))


def test_image_metrics_are_scikit_learns() -> None:
    maps = made_up(spread=1.5)
    found = measure(maps.images, maps.predictions, 0.5)
    truth = np.array(maps.labels) != "good"
    for name, score in (("area", (maps.logits >= 0).sum(axis=(1, 2))), ("largest", maps.logits.max(axis=(1, 2)))):
        assert found[f"image_auroc_{name}"] == roc_auc_score(truth, score)
        assert found[f"image_ap_{name}"] == average_precision_score(truth, score)
        best = max(f1_score(truth, score >= limit) for limit in score)
        assert found[f"image_f1_{name}"] == pytest.approx(best)
    assert found["image_f1"] == f1_score(truth, (maps.logits >= 0).any(axis=(1, 2)))


def test_a_group_has_its_defective_images_and_all_normal_ones() -> None:
    maps = made_up()
    images = maps.images
    by_type = groups(images, "defect")
    assert list(by_type) == ["cut", "hole"]
    found = measure(images, maps.predictions, 0.5, by_type["hole"])
    kept = [0, 1, 4, 5]
    alone = Maps(maps.logits[kept], maps.truth[kept], [maps.labels[row] for row in kept], maps.training)
    assert found == measure(alone.images, alone.predictions, 0.5)
    assert (found["defective_images"], found["normal_images"]) == (2, 2)
    shares = maps.truth.mean(axis=(1, 2))
    by_size = groups(images, "size")
    assert list(by_size) == list(SIZES)
    for name, (low, high) in zip(SIZES, ((0, 0.01), (0.01, 0.05), (0.05, 1)), strict=True):
        assert by_size[name].tolist() == [row < 2 or low < share <= high for row, share in enumerate(shares)]


def test_an_image_whose_mask_was_emptied_counts_for_detection_only() -> None:
    maps = made_up()
    emptied = Maps(maps.logits, maps.truth.copy(), maps.labels, maps.training)
    emptied.truth[5] = False
    found = measure(emptied.images, emptied.predictions, 0.5)
    without = Maps(maps.logits[:5], maps.truth[:5], maps.labels[:5], maps.training)
    expected = measure(without.images, without.predictions, 0.5)
    of_images = {definition.name for definition in DEFINITIONS if definition.name.startswith("image_")}
    for name in expected.keys() - of_images - {"defective_images"}:
        assert found[name] == expected[name], name
    assert (found["defective_images"], found["scored_images"]) == (4, 3)
    assert not any(rows[5] for rows in groups(emptied.images, "size").values())


def test_without_images_of_a_kind_metrics_are_undefined() -> None:
    maps = made_up()
    images = maps.images
    defective = measure(images, maps.predictions, 0.5, np.arange(6) >= 2)
    assert defective["pixel_auroc"] is not None
    assert all(defective[name] is None for name in defective if name.startswith("image_"))
    normal = measure(images, maps.predictions, 0.5, np.arange(6) < 2)
    assert {name for name, value in normal.items() if value is not None} == {
        "scored_images", "defective_images", "normal_images", "regions", "training_threshold",
    }  # fmt: skip


def test_of_a_run_stored_before_format_3_only_counts_are_measured() -> None:
    maps = made_up()
    old, new = measure(maps.images, None, 0.5), measure(maps.images, maps.predictions, 0.5)
    assert list(old) == list(new) == [definition.name for definition in DEFINITIONS]
    missing = {name for name, value in old.items() if value is None}
    further = {"boundary_iou", "training_iou", "training_threshold", "regions"}
    assert missing == further | {definition.name for definition in PIXEL_METRICS}
    assert old["image_auroc_largest"] == new["image_auroc_largest"]


def test_the_worked_example_is_what_the_documentation_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (REPOSITORY / "docs" / "metrics.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})
    found = dict(line.split() for line in capsys.readouterr().out.splitlines())
    stated = {}
    for names, values in re.findall(r"^\| (`[a-z_0-9.]+`(?:, `[a-z_0-9.]+`)*) \| ([0-9., ]+) \|", text, re.MULTILINE):
        keys, numbers = re.findall(r"`(.*?)`", names), values.split(", ")
        stated |= dict(zip(keys, numbers * (len(keys) if len(numbers) == 1 else 1), strict=True))
    assert set(stated) == set(found) == {definition.name for definition in DEFINITIONS}
    for name, number in stated.items():
        assert float(number) == pytest.approx(float(found[name]), abs=5e-5), name

"""Scores of a run under each reading, against a plain statement on whole maps."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from baselines.errors import InputError
from benchmark.histograms import histograms
from benchmark.results.predictions import Predictions
from benchmark.results.readings import CHOICES, READINGS, RUN_READINGS, Reading, parse_reading, score_readings
from benchmark.results.run_result import RunResult
from benchmark.score import METRICS, count_image, summarise
from tests.conftest import REPOSITORY
from tests.factories import make_result

Maps = tuple[list[np.ndarray], list[np.ndarray]]
LABELS = ("good", "good", "good", "cut", "cut", "hole", "hole")


def make_maps(rng: np.random.Generator, masks: list[bool]) -> Maps:
    """Logits between the edges of bins, so that these change nothing, and masks with a defect where one is wanted."""
    logits, truths = [], []
    for defective in masks:
        truth = np.zeros((6, 6), bool)
        if defective:
            truth[tuple(rng.integers(0, 4, 2))] = truth[3, 2:5] = True
        value = rng.normal(-1.2, 1, (6, 6)) + 1.5 * truth
        logits.append((np.floor(value.clip(-3.9, 3.9) * 64) + 0.5) / 64)
        truths.append(truth)
    return logits, truths


def plain_score(test: Maps, training: Maps, usual: float, reading: Reading) -> dict[str, float]:
    """The scores of a reading, image by image and threshold by threshold."""

    def overlap(tp: int, fp: int, fn: int, metric: str) -> float:
        return tp / (tp + fp + fn) if metric == "iou" else 2 * tp / (2 * tp + fp + fn)

    def mean_iou(maps: Maps, cut: float) -> float:
        pairs = [(logit >= cut, truth) for logit, truth in zip(*maps, strict=True) if truth.any()]
        return float(np.mean([(found & truth).sum() / (found | truth).sum() for found, truth in pairs]))

    cut = float(np.log(usual / (1 - usual)))
    if reading.threshold != "fixed":
        maps = training if reading.threshold == "training" else test
        cuts = np.arange(-4, 4 + 1 / 64, 1 / 64)
        means = np.array([mean_iou(maps, value) for value in cuts])
        best = cuts[means == means.max()]
        cut = float(best[np.argmin(np.abs(1 / (1 + np.exp(-best)) - usual))])
    scores: dict[str, list[float]] = {"iou": [], "dc": []}
    pooled = [0, 0, 0]
    areas = []
    for label, logit, truth in zip(LABELS, *test, strict=True):
        found = logit >= cut
        counts = [int((found & truth).sum()), int((found & ~truth).sum()), int((~found & truth).sum())]
        areas.append(int(found.sum()))
        if (label == "good" and reading.images == "defective") or (label != "good" and not truth.any()):
            continue
        pooled = [a + b for a, b in zip(pooled, counts, strict=True)]
        for metric in scores:
            if found.any():
                scores[metric].append(overlap(*counts, metric))
            else:
                how = reading.empty_prediction if truth.any() else reading.empty_mask
                if how != "left_out":
                    scores[metric].append({"zero": 0, "one": 1}[how])
    result = {metric: float(np.mean(values)) if values else np.nan for metric, values in scores.items()}
    if reading.reduction == "pooled":
        result = {metric: overlap(*pooled, metric) for metric in scores}
    defective = [label != "good" for label in LABELS]
    acc = np.mean([(area > 0) == bad for area, bad in zip(areas, defective, strict=True)])
    return result | {"auc": float(roc_auc_score(defective, areas)), "acc": float(acc)}


def test_every_reading_agrees_with_a_plain_statement_on_whole_maps() -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(4):
        test = make_maps(rng, [False, False, False, True, True, True, False])  # of the last, resizing has left nothing
        test[0][0][:], test[0][4][:] = -3.0 - 1 / 128, -2.0 - 1 / 128  # without a predicted pixel at 0.5
        training = make_maps(rng, [True, True])
        usual = 0.5
        rows = [count_image(1 / (1 + np.exp(-logit)), truth, usual) for logit, truth in zip(*test, strict=True)]
        images = pd.DataFrame(rows).assign(label=LABELS)
        predictions = Predictions(histograms(*test), histograms(*training), np.zeros(7, np.float32), np.zeros((7, 3)))
        scores = score_readings(images, predictions, usual)
        assert scores.shape == (len(RUN_READINGS), len(METRICS))
        for reading, found in zip(RUN_READINGS, scores, strict=True):
            expected = plain_score(test, training, usual, reading)
            assert found == pytest.approx([expected[metric] for metric in METRICS], abs=1e-12), str(reading)
        seen.add(len(np.unique(scores[:, 0].round(9))))
    assert max(seen) > 20  # the readings do differ here


def test_the_default_gives_the_stored_metrics_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    result: RunResult = make_result()
    counts = rng.integers(0, 50, (83, 4))
    images = pd.DataFrame(counts, columns=["tp", "fp", "fn", "tn"])
    images["label"] = ["good" if row % 3 == 0 else "cut" for row in range(83)]
    images.loc[images["label"] == "good", ["tp", "fn"]] = 0
    images["predicted_area"] = images["tp"] + images["fp"]
    expected = summarise(images)
    ((iou, dc, auc, acc),) = score_readings(images, None, 0.5, [Reading()])
    assert (iou, dc, acc) == (expected.iou, expected.dc, expected.acc)
    assert auc == pytest.approx(expected.auc, abs=1e-12)
    assert score_readings(result.images, result.predictions, 0.5)[0, 0] == result.metrics.iou


def test_what_cannot_be_scored_is_undefined() -> None:
    result = make_result(iou=0)
    scores = dict(zip(RUN_READINGS, score_readings(result.images, None, 0.5), strict=True))
    for reading, found in scores.items():
        left_out = reading.empty_prediction == "left_out" and (
            reading.images == "defective" or reading.empty_mask == "left_out"
        )
        if reading.threshold != "fixed" or left_out:  # stored before logits were; no image is left
            assert np.isnan(found[:2]).all(), str(reading)
        else:
            assert not np.isnan(found).any(), str(reading)
    good = result.images[result.images["label"] == "good"]
    found = score_readings(good, None, 0.5, [Reading(), Reading(images="all")])
    assert np.isnan(found[0]).all()
    assert found[1, 0] == 1
    assert np.isnan(found[1, 2:]).all()


def test_a_reading_is_written_as_it_is_read() -> None:
    assert len(READINGS) == len(set(READINGS)) == 60
    assert READINGS[0] == RUN_READINGS[0] == Reading()
    for reading in READINGS:
        assert parse_reading(str(reading).split()) == reading
    assert len({reading.describe(0.5) for reading in READINGS}) == len(READINGS)
    assert {reading.describe(0.25, of_images=True) for reading in READINGS[:2]} == {
        "ACC and AUC at the threshold 0.25; all finished runs.",
        "ACC and AUC at the threshold 0.25; converged runs only.",
    }
    for name, values in CHOICES.items():
        with pytest.raises(InputError, match=f"--reading {name} must be one of {', '.join(values)}"):
            parse_reading([f"{name}=x"])


def test_the_worked_example_is_what_the_documentation_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (REPOSITORY / "docs" / "readings.md").read_text(encoding="utf-8")
    ((code, after),) = re.findall(r"```python\n(.*?)```(.*?)\n## ", text, re.DOTALL)
    exec(code, {})
    printed = [re.split(r"  +| (?=[01][.])", line) for line in capsys.readouterr().out.splitlines()]
    stated = re.findall(r"^\| `(.*?)` \| ([0-9.]+) \| ([0-9.]+) \| ([0-9.]+) \|", after, re.MULTILINE)
    assert [tuple(filter(None, line)) for line in printed] == stated
    assert len(stated) == 5
    named = re.findall(r"^\| (?:`([a-z_]+)` )?\| ((?:`[a-z_]+`(?:, )?)+) \|", text, re.MULTILINE)
    fields: dict[str, tuple[str, ...]] = {}
    for name, values in named:
        name = name or list(fields)[-1]
        fields[name] = (*fields.get(name, ()), *re.findall(r"`([a-z_]+)`", values))
    assert fields == CHOICES

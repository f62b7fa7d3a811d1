"""Runs without training, for tests of the store and of the reports."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from baselines import get_method
from baselines.methods import PAPER_METHODS
from benchmark.histograms import histograms
from benchmark.protocol.draws import Draw
from benchmark.protocol.profile import load_profile
from benchmark.protocol.runs import RunSpec
from benchmark.results.predictions import Predictions
from benchmark.results.records import Convergence, Liveness, Status, TermMeans, Timings
from benchmark.results.run_result import CURVE_COLUMNS, GRADIENT_COLUMNS, RunResult, Sample
from benchmark.results.store import ResultStore
from benchmark.schema import to_builtins
from benchmark.score import IMAGE_COLUMNS, roc_points, summarise
from reports.collect import PAPER_CATEGORIES

QUICK = load_profile("quick")


def make_spec(category: str = "carpet", method: str = "unet", shots: int = 1, seed: int = 0, **changes: Any) -> RunSpec:
    """The spec of a run; ``settings`` are profile assignments, other changes are fields of the spec."""
    profile = load_profile("quick", changes.pop("settings", []))
    names = tuple(f"test/cut/{i}.png" for i in range(shots))
    values = {
        "dataset": "synthetic",
        "profile": profile.name,
        "data_digest": "d" * 64,
        "draw": Draw(shots=tuple(range(shots)), normals=(8, 9), test=(5, 6, 7), unannotated=(), names=names),
        "protocol": profile.protocol(shots),
    } | changes
    return RunSpec(category=category, method=get_method(method), shots=shots, seed=seed, **values)


def make_result(
    iou: float = 0.5,
    status: Status = Status.DONE,
    label: str = "cut",
    iterations: int = QUICK.iterations,
    every: int = QUICK.curve_every,
) -> RunResult:
    """A result with a mean IOU of ``iou``, rounded to hundredths; ``every`` is the profile's ``curve_every``."""
    hits = round(iou * 100)
    readings = sorted({1, *range(every, iterations + 1, every)}) if every else []
    rows = [
        ("test/good/0.png", "good", 0, 0, 0, 4096, 0, 0.1),
        (f"test/{label}/7.png", label, hits, 0, 100 - hits, 3996, hits, 0.9),
    ]
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    pictures = {kind: Image.new("L", (16, 16), 200) for kind in ("image", "truth", "prediction")}
    train = {kind: Image.new("L", (16, 16), 90) for kind in ("image", "truth")}
    return RunResult(
        status=status,
        metrics=summarise(images),
        images=images,
        curve=pd.DataFrame(
            [[iteration, 0.7, 0.7, 0.0, np.nan, 0, np.nan] for iteration in range(1, iterations + 1)],
            columns=list(CURVE_COLUMNS),
        ),
        roc=roc_points(images),
        predictions=make_predictions(images),
        samples=(
            Sample("train", ("first",), f"test/{label}/0.png", label, None, train),
            Sample("test", ("first", "best", "worst"), f"test/{label}/7.png", label, iou, pictures),
        ),
        gradients=pd.DataFrame(
            [[iteration, stage, 2.0, 1.0] for iteration in readings for stage in (0, 1)],
            columns=list(GRADIENT_COLUMNS),
        ),
        convergence=Convergence(1.0, iou),
        liveness=Liveness(0.2, 0.01),
        terms=TermMeans(),
        timings=Timings(1.5, 0.5),
        environment={"device": "cpu", "torch": "2"},
    )


def make_predictions(images: pd.DataFrame) -> Predictions:
    """Predictions that agree with pixel counts: logits of 2 or -2, and one region per defective image.

    The one training image has a region of 8 pixels, all found.
    """
    maps = []
    for image in images.itertuples():
        counts = (image.tp, image.fn, image.fp, image.tn)
        logits = np.repeat(np.float32([2, -2, 2, -2]), counts)[np.newaxis]
        maps.append((logits, np.repeat([True, True, False, False], counts)[np.newaxis]))
    train = np.repeat(np.float32([2, -2]), (8, 24))[np.newaxis]
    return Predictions(
        test=histograms(*zip(*maps, strict=True)),
        training=histograms([train], [train > 0]),
        max_logit=np.array([logits.max() for logits, _ in maps], dtype=np.float32),
        boundary=images[["tp", "fp", "fn"]].to_numpy(),
    )


def store_run(root: Path, iou: float = 0.5, status: str = "done", label: str = "cut", **spec: Any) -> RunSpec:
    """Store a run and return its spec."""
    made = make_spec(**spec)
    if status == Status.FAILED:
        ResultStore(root).save_failure(made, "RuntimeError: out of luck")
    else:
        iterations, every = made.protocol.iterations, made.protocol.curve_every
        ResultStore(root).save(made, make_result(iou, Status(status), label, iterations, every))
    return made


def store_many(root: Path, count: int) -> None:
    """Store ``count`` runs of 15 categories, all methods of the paper and both K, as ``run.json`` files only.

    Run number n has an IOU of n / count and took n seconds to train.
    """
    first = store_run(root)
    content = json.loads((root / "runs" / first.id / "run.json").read_text(encoding="utf-8"))
    shutil.rmtree(root / "runs" / first.id)
    cells = list(itertools.product(PAPER_CATEGORIES, PAPER_METHODS, (1, 5)))
    for number in range(count):
        seed, cell = divmod(number, len(cells))
        category, method, shots = cells[cell]
        run_id = f"{category}_{method.name}_k{shots}_s{seed}_{number:012x}"
        run_key = {"category": category, "method": method.name, "shots": shots, "seed": seed}
        run = content | run_key | {
            "id": run_id,
            "label": method.label,
            "identity": content["identity"] | run_key,
            "metrics": content["metrics"] | {"iou": number / count},
            "timings": {"train_seconds": number, "score_seconds": 0.5},
        }  # fmt: skip
        folder = root / "runs" / run_id
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(run, indent=1), encoding="utf-8")


def store_complete(
    root: Path, count: int, size: int = 256, iterations: int = 1350, categories: tuple[str, ...] = PAPER_CATEGORIES
) -> None:
    """Store ``count`` runs with all their files: all methods of the paper, both K, as many seeds as needed.

    Pictures have ``size`` px; apart from ``run.json`` the runs share their files on disk (hard links).
    """
    cells = list(itertools.product(categories, (1, 5), PAPER_METHODS))
    settings = [f"iterations={iterations}"]
    model = make_spec(settings=settings)
    ResultStore(root).save(model, _complete_result(size, iterations))
    source = (root / "runs" / model.id).rename(root / "model")
    content = json.loads((source / "run.json").read_text(encoding="utf-8"))
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.name != "run.json"]
    rng = np.random.default_rng(0)
    for number in range(count):
        seed, cell = divmod(number, len(cells))
        category, shots, method = cells[cell]
        spec = make_spec(category=category, method=method.name, shots=shots, seed=seed, settings=settings)
        folder = root / "runs" / spec.id
        (folder / "samples").mkdir(parents=True)
        for file in files:
            os.link(source / file, folder / file)
        run = content | {
            "id": spec.id, "category": category, "method": method.name, "label": method.label, "shots": shots,
            "seed": seed, "identity": to_builtins(spec.identity), "protocol": to_builtins(spec.protocol),
            "metrics": content["metrics"] | {"iou": round(float(rng.uniform(0.2, 0.7)), 4)},
        }  # fmt: skip
        if method.recipe.paste_weight != "realism":
            run["samples"] = [sample for sample in content["samples"] if sample["role"] != "pasted"]
        (folder / "run.json").write_text(json.dumps(run, indent=1), encoding="utf-8")
    shutil.rmtree(source)


def _complete_result(size: int, iterations: int) -> RunResult:
    """A result like that of a run on MVTec AD: 5 defect types, 83 test images, pictures of each role."""
    rng = np.random.default_rng(0)
    types = ("color", "cut", "hole", "metal", "thread")
    labels = ["good"] * 28 + [types[i % 5] for i in range(55)]
    rows = [
        (f"test/{label}/{i:03d}.png", label, *((0, i % 3, 0) if label == "good" else (40 + i, 20, 30)), 3000, i, 0.5)
        for i, label in enumerate(labels)
    ]
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    curve = pd.DataFrame(rng.uniform(size=(iterations, len(CURVE_COLUMNS))), columns=list(CURVE_COLUMNS))
    curve["iteration"], curve["pasted"] = range(1, iterations + 1), 1
    curve.loc[curve["iteration"] % 50 != 0, "test_iou"] = np.nan
    texture = rng.normal(scale=18, size=(size, size, 1)) + np.linspace(60, 180, size)[:, None, None]
    yy, xx = np.mgrid[:size, :size]

    def sample(role: str, reasons: tuple[str, ...], label: str, place: int, kinds: tuple[str, ...]) -> Sample:
        disc = (yy - size * (0.3 + 0.05 * place)) ** 2 + (xx - size / 2) ** 2 < (size / 8) ** 2
        photo = (texture + rng.normal(scale=6, size=(size, size, 3)) - 60 * disc[..., None]).clip(0, 255)
        painted = {
            "image": photo,
            "normal": texture.repeat(3, axis=2).clip(0, 255),
            "truth": 255 * disc,
            "prediction": (200 * disc + rng.uniform(0, 50, (size, size))).clip(0, 255),
        }
        pictures = {kind: Image.fromarray(painted[kind].astype(np.uint8)) for kind in kinds}
        iou = 0.1 * place if role == "test" and label != "good" else None
        return Sample(
            role, reasons, f"{role}/{label}/{place:03d}.png", label, iou, pictures, 0.9 if "normal" in kinds else None
        )

    shown = ("image", "truth")
    samples = [sample("train", ("first",), label, i, shown) for i, label in enumerate(types)]
    for i, label in enumerate(("good", *types)):
        samples.append(sample("test", ("first",), label, i, (*shown, "prediction")))
    samples += [
        sample("test", (reason,), "cut", 6 + i, (*shown, "prediction")) for i, reason in enumerate(("worst", "best"))
    ]
    samples += [sample("pasted", (), "color", 8, (*shown, "normal")) for _ in range(4)]
    return replace(
        make_result(iterations=iterations),
        metrics=summarise(images),
        images=images,
        curve=curve,
        roc=roc_points(images),
        predictions=make_predictions(images),
        samples=tuple(samples),
    )

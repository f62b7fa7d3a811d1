"""Made-up runs for tests of the store and of the reports; no network is trained."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from baselines import get_method
from baselines.methods import PAPER_METHODS
from benchmark.data.draws import Draw
from benchmark.profile import load_profile
from benchmark.run_files import CURVE_COLUMNS
from benchmark.runs import RunSpec
from benchmark.samples import Sample
from benchmark.score import IMAGE_COLUMNS, roc_points, summarise
from benchmark.store import ResultStore, RunResult
from reports.collect import PAPER_CATEGORIES


def make_spec(category: str = "carpet", method: str = "unet", shots: int = 1, seed: int = 0, **changes: Any) -> RunSpec:
    """A run that was never done; ``settings`` are profile assignments, other changes fields of the spec."""
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


def make_result(iou: float = 0.5, status: str = "done", label: str = "cut", iterations: int = 160) -> RunResult:
    """A result whose mean IOU is ``iou``, in hundredths, with one sample; profile quick has 160 iterations."""
    hits = round(iou * 100)
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
        histograms=np.zeros((2, 2, 256), dtype=np.uint32),
        samples=(
            Sample("train", ("first",), f"test/{label}/0.png", label, None, train),
            Sample("test", ("first", "best", "worst"), f"test/{label}/7.png", label, iou, pictures),
        ),
        details={
            "notes": [],
            "timings": {"train_seconds": 1.5, "score_seconds": 0.5},
            "environment": {"device": "cpu", "torch": "2"},
            "created": "2026-01-01T00:00:00+00:00",
        },
    )


def store_run(root: Path, iou: float = 0.5, status: str = "done", label: str = "cut", **spec: Any) -> RunSpec:
    """Store a made-up run and return what it was."""
    made = make_spec(**spec)
    if status == "failed":
        ResultStore(root).save_failure(made, "RuntimeError: out of luck", {"created": "2026-01-01T00:00:00+00:00"})
    else:
        ResultStore(root).save(made, make_result(iou, status, label, made.protocol["iterations"]))
    return made


def store_many(root: Path, count: int) -> None:
    """Store ``count`` runs of 15 categories, all methods of the paper and both K, as ``run.json`` files only.

    Run number n has the IOU n / count and takes n seconds to train.
    """
    first = store_run(root)
    content = json.loads((root / "runs" / first.id / "run.json").read_text(encoding="utf-8"))
    shutil.rmtree(root / "runs" / first.id)
    cells = list(itertools.product(PAPER_CATEGORIES, PAPER_METHODS, (1, 5)))
    for number in range(count):
        seed, cell = divmod(number, len(cells))
        category, method, shots = cells[cell]
        run_id = f"{category}_{method.name}_k{shots}_s{seed}_{number:012x}"
        what = {"category": category, "method": method.name, "shots": shots, "seed": seed}
        run = content | what | {
            "id": run_id,
            "label": method.label,
            "identity": content["identity"] | what,
            "metrics": content["metrics"] | {"iou": number / count},
            "timings": {"train_seconds": number, "score_seconds": 0.5},
        }  # fmt: skip
        folder = root / "runs" / run_id
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(run, indent=1), encoding="utf-8")

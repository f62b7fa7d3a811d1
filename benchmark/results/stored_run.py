"""One stored run: its record, tables and predictions, each read and validated on first access."""

from __future__ import annotations

import io
from functools import cached_property
from itertools import product
from pathlib import Path

import pandas as pd

from baselines.errors import InputError
from benchmark.histograms import Histograms
from benchmark.results.predictions import LINEAR_FILE, PREDICTIONS_FILE, Predictions, read_linear, read_predictions
from benchmark.results.records import RunRecord
from benchmark.results.run_result import CURVE_COLUMNS, GRADIENT_COLUMNS
from benchmark.results.store import read_run
from benchmark.score import IMAGE_COLUMNS

_REPEAT = "move its folder away to do the run again"


class StoredRun:
    """A finished run on disk, whose files are read lazily and once.

    Parameters
    ----------
    folder : Path
        ``RESULTS/runs/ID``.
    record : RunRecord, optional
        The content of ``run.json``, if already read.

    Raises
    ------
    InputError
        On access to an attribute whose file is missing, corrupted or cut off; the file is named.

    Examples
    --------
    >>> StoredRun(Path("results/runs/ID")).folder.name
    'ID'
    """

    def __init__(self, folder: Path, record: RunRecord | None = None) -> None:
        self.folder = Path(folder)
        if record is not None:
            self.record = record

    @cached_property
    def record(self) -> RunRecord:
        """The content of ``run.json``."""
        return read_run(self.folder)

    @cached_property
    def images(self) -> pd.DataFrame:
        """Pixel counts: ``score.IMAGE_COLUMNS``, one row per test image."""
        types = dict.fromkeys(IMAGE_COLUMNS, "int64") | {"name": "str", "label": "str", "max_probability": "float64"}
        return _read_csv(self.folder / "images.csv", types, self._test_images)

    @cached_property
    def curve(self) -> pd.DataFrame:
        """Losses: ``CURVE_COLUMNS``, one row per training iteration."""
        types = dict.fromkeys(CURVE_COLUMNS, "float64") | {"iteration": "int64", "pasted": "int64"}
        return _read_csv(self.folder / "curve.csv", types, self.record.protocol.iterations)

    @cached_property
    def gradients(self) -> pd.DataFrame:
        """Gradient norms: ``GRADIENT_COLUMNS``, a row per reading and stage; empty for runs stored without them."""
        path = self.folder / "gradients.csv"
        types = dict.fromkeys(GRADIENT_COLUMNS, "float64") | {"iteration": "int64", "stage": "int64"}
        if self.record.liveness is None and not path.exists():
            return pd.DataFrame(columns=list(GRADIENT_COLUMNS)).astype(types)
        table = _read_csv(path, types)
        protocol = self.record.protocol
        if not _has_every_reading(table, protocol.iterations, protocol.curve_every):
            raise InputError(f"{path} does not have every encoder stage at every reading: {_REPEAT}")
        return table

    @cached_property
    def roc(self) -> pd.DataFrame:
        """ROC curve over images: ``fpr, tpr, threshold`` from (0, 0) to (1, 1); empty if there is no AUC."""
        path = self.folder / "roc.csv"
        points = _read_csv(path, dict.fromkeys(("fpr", "tpr", "threshold"), "float64"))
        corners = [] if self.record.metrics.auc is None else [[0.0, 0.0], [1.0, 1.0]]
        if points[["fpr", "tpr"]].iloc[[0, -1] if len(points) else []].to_numpy().tolist() != corners:
            raise InputError(f"{path} is not a complete ROC curve: {_REPEAT}")
        return points

    @property
    def predictions_file(self) -> str:
        """Name of the file with the histograms; it was another before format 3."""
        return LINEAR_FILE if (self.folder / LINEAR_FILE).is_file() else PREDICTIONS_FILE

    @cached_property
    def predictions(self) -> Predictions | None:
        """What is kept of the predicted maps; None for runs stored before format 3."""
        if self.predictions_file == LINEAR_FILE:
            return None
        return read_predictions(self.folder / PREDICTIONS_FILE, self._test_images, _REPEAT)

    @cached_property
    def histograms(self) -> Histograms:
        """Of the test images; for runs stored before format 3 with 256 bins that are even in probability."""
        if self.predictions is not None:
            return self.predictions.test
        return read_linear(self.folder / LINEAR_FILE, self._test_images, _REPEAT)

    @property
    def _test_images(self) -> int:
        return self.record.metrics.defective_images + self.record.metrics.normal_images


def _has_every_reading(gradients: pd.DataFrame, iterations: int, every: int) -> bool:
    """Return whether there is each stage at iteration 1 and at every ``every`` iterations; no reading for 0."""
    if not every:
        return len(gradients) == 0
    stages = int((gradients["iteration"] == 1).sum())  # the network decides how many
    if not stages or len(gradients) != stages * (iterations // every + (every > 1)):
        return False
    expected = product(sorted({1, *range(every, iterations + 1, every)}), range(stages))
    return list(zip(gradients["iteration"], gradients["stage"], strict=True)) == list(expected)


def _read_csv(path: Path, types: dict[str, str], rows: int | None = None) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            raise ValueError("it is cut off")
        # Only numbers may be empty: a defect type may be called "NA".
        empty = {column: [""] for column, kind in types.items() if kind == "float64"}
        table = pd.read_csv(io.StringIO(text), dtype=types, keep_default_na=False, na_values=empty)
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path} cannot be read ({error}): {_REPEAT}") from error
    if list(table.columns) != list(types):
        raise InputError(f"{path} has the columns {', '.join(table.columns)}, not {', '.join(types)}: {_REPEAT}")
    if rows is not None and len(table) != rows:
        raise InputError(f"{path} has {len(table)} rows, not {rows}: {_REPEAT}")
    return table

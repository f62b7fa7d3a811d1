"""The tables and counts of one stored run, read and found whole, or refused by name."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from baselines import InputError
from benchmark.score import HISTOGRAM_BINS, IMAGE_COLUMNS
from benchmark.store import read_run

CURVE_COLUMNS = ("iteration", "loss", "segmentation", "nbr", "realism", "pasted", "test_iou")
_REPEAT = "move its folder away to do the run again"


def read_images_table(folder: Path) -> pd.DataFrame:
    """Return a stored run's pixel counts.

    Parameters
    ----------
    folder : Path
        Of the run, as for the other readers.

    Returns
    -------
    pd.DataFrame
        ``IMAGE_COLUMNS``, one row per test image.

    Raises
    ------
    InputError
        If the file is missing, damaged or cut off; it is named.
    """
    types = dict.fromkeys(IMAGE_COLUMNS, "int64") | {"name": "str", "label": "str", "max_probability": "float64"}
    return _read_csv(folder / "images.csv", types, _images_of(folder))


def read_curve(folder: Path, run: dict[str, Any] | None = None) -> pd.DataFrame:
    """Return a stored run's losses.

    Parameters
    ----------
    folder : Path
    run : dict, optional
        Its ``run.json``, where that has been read already.

    Returns
    -------
    pd.DataFrame
        ``CURVE_COLUMNS``, one row per training iteration.

    Raises
    ------
    InputError
        If the file is missing, damaged or cut off; it is named.
    """
    types = dict.fromkeys(CURVE_COLUMNS, "float64") | {"iteration": "int64", "pasted": "int64"}
    return _read_csv(folder / "curve.csv", types, (run or read_run(folder))["identity"]["protocol"]["iterations"])


def read_roc(folder: Path, run: dict[str, Any] | None = None) -> pd.DataFrame:
    """Return a stored run's ROC curve over images.

    Parameters
    ----------
    folder : Path
    run : dict, optional
        Its ``run.json``, where that has been read already.

    Returns
    -------
    pd.DataFrame
        Columns ``fpr, tpr, threshold``, from (0, 0) to (1, 1); empty where the run has no AUC.

    Raises
    ------
    InputError
        If the file is missing, damaged or cut off; it is named.
    """
    path = folder / "roc.csv"
    points = _read_csv(path, dict.fromkeys(("fpr", "tpr", "threshold"), "float64"))
    corners = [] if (run or read_run(folder))["metrics"]["auc"] is None else [[0.0, 0.0], [1.0, 1.0]]
    if points[["fpr", "tpr"]].iloc[[0, -1] if len(points) else []].to_numpy().tolist() != corners:
        raise InputError(f"{path} is not a whole ROC curve: {_REPEAT}")
    return points


def read_histograms(folder: Path) -> np.ndarray:
    """Return how often each probability occurs in each test image of a stored run.

    Returns
    -------
    np.ndarray, uint32, shape (images, 2, 256)
        As ``score.histogram`` returns them, in the order of ``read_images_table``.

    Raises
    ------
    InputError
        If the file is missing, damaged or cut off; it is named.
    """
    path, shape = folder / "histograms.npz", (_images_of(folder), 2, HISTOGRAM_BINS)
    try:
        with np.load(path) as arrays:
            histograms = arrays["histograms"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error or type(error).__name__}): {_REPEAT}") from error
    if histograms.shape != shape or histograms.dtype != np.uint32:
        raise InputError(f"{path} holds {histograms.dtype} {histograms.shape}, not uint32 {shape}: {_REPEAT}")
    return histograms


def _images_of(folder: Path) -> int:
    metrics = read_run(folder)["metrics"]
    return metrics["defective_images"] + metrics["normal_images"]


def _read_csv(path: Path, types: dict[str, str], rows: int | None = None) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            raise ValueError("its end is missing")
        # Only numbers may be empty: a defect type may well be called "NA".
        empty = {column: [""] for column, kind in types.items() if kind == "float64"}
        table = pd.read_csv(io.StringIO(text), dtype=types, keep_default_na=False, na_values=empty)
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path} cannot be read ({error}): {_REPEAT}") from error
    if list(table.columns) != list(types):
        raise InputError(f"{path} has the columns {', '.join(table.columns)}, not {', '.join(types)}: {_REPEAT}")
    if rows is not None and len(table) != rows:
        raise InputError(f"{path} has {len(table)} rows, not {rows}: {_REPEAT}")
    return table

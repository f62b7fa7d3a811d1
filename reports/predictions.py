"""The folder of predictions: masks, overlays and a table of the images."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple
from PIL import Image

from baselines.errors import InputError
from benchmark.atomic import check_folder, new_folder, replace_folder, writable
from reports.pictures import outline, paint

TABLE, MASKS, OVERLAYS = "predictions.csv", "masks", "overlays"
_MARK = (255, 0, 255)
_OPACITY = 0.25
_QUALITY = 90


class PredictionRow(Struct, frozen=True):
    """A row of ``predictions.csv``.

    Attributes
    ----------
    file, mask : str
        The image, as it was given, and its mask in the folder.
    width, height : int
        In pixels.
    area : int
        Pixels of the mask, at the image's own size.
    fraction : float
        ``area`` over all pixels, in [0, 1].
    score : int
        The paper's score of an image: predicted pixels at the size of the network, ``predicted_area`` of a run's
        ``images.csv``.
    max_probability : float
        As in ``images.csv``.
    anomalous : int
        1 if ``score`` is at least 1, otherwise 0 (Section IV-G).
    """

    file: str
    mask: str
    width: int
    height: int
    area: int
    fraction: float
    score: int
    max_probability: float
    anomalous: int


@dataclass(frozen=True)
class PredictionFolder:
    """A folder that predictions are being written to.

    Attributes
    ----------
    path : Path
    rows : list of PredictionRow
        Of the images written so far.
    """

    path: Path
    rows: list[PredictionRow]

    def add(
        self, file: Path, name: str, image: np.ndarray, probability: np.ndarray, seen: np.ndarray, threshold: float
    ) -> None:
        """Write the mask and the overlay of one image.

        Parameters
        ----------
        file : Path
            The image.
        name : str
            Of the files written, without suffix.
        image, probability, seen : np.ndarray
            As of ``models.predict.Prediction``.
        threshold : float
        """
        mask = probability >= threshold
        row = PredictionRow(
            file=str(file),
            mask=f"{MASKS}/{name}.png",
            width=mask.shape[1],
            height=mask.shape[0],
            area=int(mask.sum()),
            fraction=float(mask.mean()),
            score=(score := int((seen >= threshold).sum())),
            max_probability=float(seen.max()),
            anomalous=int(score >= 1),
        )
        overlay = outline(paint(image, mask, _MARK, _OPACITY), mask, _MARK)
        for pixels, path in ((mask.astype(np.uint8) * 255, row.mask), (overlay, f"{OVERLAYS}/{name}.jpg")):
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(self.path / path, quality=_QUALITY)
        self.rows.append(row)


def check_out(folder: Path, overwrite: bool) -> None:
    """Check that predictions can be written to a folder.

    Parameters
    ----------
    overwrite : bool
        Whether earlier predictions, and nothing else, may be replaced.

    Raises
    ------
    InputError
        If not; nothing is changed.
    """
    check_folder(folder)
    with writable(folder):
        content = os.listdir(folder) if os.path.lexists(folder) else []
    if content and not overwrite:
        raise InputError(f"{folder} exists already: name another folder with --out, or replace it with --overwrite")
    if others := sorted(set(content) - {TABLE, MASKS, OVERLAYS}):
        raise InputError(f"{folder} holds more than predictions ({others[0]}), so it stays: name another")


@contextmanager
def open_predictions(folder: Path) -> Iterator[PredictionFolder]:
    """Give a folder to add predictions to; it gets its name, and its table, once all are added.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    writing = replace_folder if folder.exists() else new_folder
    with writing(folder) as path:
        predictions = PredictionFolder(path, [])
        yield predictions
        with (path / TABLE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(PredictionRow.__struct_fields__)
            writer.writerows(map(astuple, predictions.rows))

"""VisA, the Visual Anomaly data set of Zou et al., "SPot-the-Difference ...", 12 categories.

The source is the unpacked archive, with the layout described in the authors' repository
(github.com/amazon-science/spot-diff, README and ``utils/prepare_data.py``):
``<object>/Data/Images/Normal|Anomaly/NAME.JPG``, ``<object>/Data/Masks/Anomaly/NAME.png`` and ``split_csv/1cls.csv``
with the columns ``object,split,label,image,mask``, where paths are relative to the folder of the archive. The one-class
split of that file is kept. Masks contain class numbers: every pixel other than 0 is defective. As an image can have
several classes, there is one defect type, ``bad``, as in the authors' own preparation. Licence: CC BY 4.0.
"""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

from baselines.errors import InputError
from benchmark.data.images import nonzero_mask
from benchmark.data.importers.layout import Layout, Picture
from benchmark.data.manifest import GOOD
from benchmark.data.names import check_folder_name

SPLIT_FILE = "split_csv/1cls.csv"
COLUMNS = ("object", "split", "label", "image", "mask")
DEFECT = "bad"


def find(source: Path, seed: int) -> dict[str, list[Picture]]:
    """Return the pictures of each object with the split of ``split_csv/1cls.csv``; ``seed`` is not used.

    Raises
    ------
    InputError
        If that file is missing, has other columns, or names a missing file.
    """
    path = source / SPLIT_FILE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{source} is not the VisA layout: expected {SPLIT_FILE}, candle/Data/Images/Normal/0000.JPG, ..."
        ) from error
    if not rows or set(rows[0]) != set(COLUMNS):
        raise InputError(f"{path} is not VisA's split: expected the columns {', '.join(COLUMNS)}")
    found: dict[str, list[Picture]] = {}
    for line, row in enumerate(rows, start=2):
        check_folder_name("object", row["object"])
        found.setdefault(row["object"], []).append(_picture(source, row, f"{path}, line {line}"))
    return found


def _picture(source: Path, row: dict[str, str], where: str) -> Picture:
    if row["label"] not in ("normal", "anomaly") or row["split"] not in ("train", "test"):
        raise InputError(f"{where}: expected split train or test and label normal or anomaly")
    if row["label"] == "normal":
        return Picture(_file(source, row["image"], where), row["split"], GOOD)
    return Picture(_file(source, row["image"], where), "test", DEFECT, _file(source, row["mask"], where))


def _file(source: Path, name: str | None, where: str) -> Path:
    relative = PurePosixPath(name or "")
    if not name or relative.is_absolute() or ".." in relative.parts or not (source / relative).is_file():
        raise InputError(f"{where} names {name or 'no file'}, which is not in {source}: is it unpacked completely?")
    return source / relative


VISA = Layout("visa", "visa", find, nonzero_mask)

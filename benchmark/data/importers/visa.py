"""VisA, the Visual Anomaly data set of Zou et al., "SPot-the-Difference ...", 12 categories.

The source is the unpacked archive, with the layout described in the authors' repository
(github.com/amazon-science/spot-diff, README and ``utils/prepare_data.py``):
``<object>/Data/Images/Normal|Anomaly/NAME.JPG``, ``<object>/Data/Masks/Anomaly/NAME.png``, ``<object>/image_anno.csv``
with the columns ``image,label,mask`` and ``split_csv/1cls.csv`` with the columns ``object,split,label,image,mask``,
where paths are relative to the folder of the archive. The one-class split of that file is kept; without the file, all
defective images and a share of the normal ones are for testing. Masks contain class numbers: every pixel other than 0
is defective.

As an image can have several defects, there is one defect type, ``bad``, as in the authors' own preparation. On request
(``VISA_BY_TYPE``) the defect types of ``image_anno.csv`` are kept; an image with several is ``combined``, as MVTec AD
calls it. Licence: CC BY 4.0.
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path, PurePosixPath

from baselines.errors import InputError
from benchmark.data.images import nonzero_mask
from benchmark.data.importers.layout import Layout, Picture, find_mask, hold_out, image_files
from benchmark.data.manifest import GOOD
from benchmark.data.names import check_defect_name, check_folder_name

SPLIT_FILE, TYPES_FILE = "split_csv/1cls.csv", "image_anno.csv"
SPLIT_COLUMNS = ("object", "split", "label", "image", "mask")
TYPES_COLUMNS = ("image", "label", "mask")
DEFECT, SEVERAL = "bad", "combined"


def find(source: Path, seed: int, by_type: bool = False) -> dict[str, list[Picture]]:
    """Return the pictures of each object.

    Parameters
    ----------
    seed : int
        Draws the normal images for testing where there is no ``split_csv/1cls.csv``.
    by_type : bool
        Whether to keep VisA's own defect types.

    Raises
    ------
    InputError
        If the source does not have this layout, or a list has other columns or names a missing file.
    """
    if (source / SPLIT_FILE).is_file():
        return _split_as_published(source, by_type)
    objects = [path for path in sorted(source.iterdir()) if (path / "Data" / "Images").is_dir()]
    if not objects:
        raise InputError(
            f"{source} is not the VisA layout: expected candle/Data/Images/Normal/0000.JPG, ..., and {SPLIT_FILE} if "
            "its split is to be kept"
        )
    return {folder.name: _without_split(source, folder, seed, by_type) for folder in objects}


def _split_as_published(source: Path, by_type: bool) -> dict[str, list[Picture]]:
    path = source / SPLIT_FILE
    found: dict[str, list[Picture]] = {}
    types: dict[str, dict[str, str]] = {}
    for line, row in enumerate(_rows(path, SPLIT_COLUMNS), start=2):
        name, where = row["object"], f"{path}, line {line}"
        check_folder_name("object", name)
        if by_type and name not in types:
            types[name] = _types(source / name)
        found.setdefault(name, []).append(_picture(source, row, where, types.get(name)))
    return found


def _picture(source: Path, row: dict[str, str], where: str, types: dict[str, str] | None) -> Picture:
    if row["label"] not in ("normal", "anomaly") or row["split"] not in ("train", "test"):
        raise InputError(f"{where}: expected split train or test and label normal or anomaly")
    image = _file(source, row["image"], where)
    if row["label"] == "normal":
        return Picture(image, row["split"], GOOD)
    return Picture(image, "test", _type(row["image"], types, where), _file(source, row["mask"], where))


def _without_split(source: Path, folder: Path, seed: int, by_type: bool) -> list[Picture]:
    normals, defective = (image_files(folder / "Data" / "Images" / kind) for kind in ("Normal", "Anomaly"))
    if not normals or not defective:
        raise InputError(f"{folder} is incomplete: expected images in Data/Images/Normal and in Data/Images/Anomaly")
    types = _types(folder) if by_type else None
    masks = folder / "Data" / "Masks" / "Anomaly"
    return [
        *hold_out(normals, f"visa {folder.name}", seed),
        *(
            Picture(
                path,
                "test",
                _type(path.relative_to(source).as_posix(), types, str(folder / TYPES_FILE)),
                find_mask(masks, path.stem, path),
            )
            for path in defective
        ),
    ]


def _types(folder: Path) -> dict[str, str]:
    """Return the defect type of each defective image of an object, by its path below the archive's folder."""
    found = {}
    for row in _rows(folder / TYPES_FILE, TYPES_COLUMNS):
        names = list(dict.fromkeys(name.strip() for name in (row["label"] or "").split(",")))
        if names != ["normal"]:
            found[row["image"]] = SEVERAL if len(names) > 1 else names[0]
    return found


def _type(image: str, types: dict[str, str] | None, where: str) -> str:
    if types is None:
        return DEFECT
    if image not in types:
        raise InputError(f"{where}: {TYPES_FILE} has no defect type of {image}")
    check_defect_name(types[image])
    return types[image]


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}): is the archive unpacked completely?") from error
    if not rows or set(rows[0]) != set(columns):
        raise InputError(f"{path} is not a list of VisA: expected the columns {', '.join(columns)}")
    return rows


def _file(source: Path, name: str | None, where: str) -> Path:
    relative = PurePosixPath(name or "")
    if not name or relative.is_absolute() or ".." in relative.parts or not (source / relative).is_file():
        raise InputError(f"{where} names {name or 'no file'}, which is not in {source}: is it unpacked completely?")
    return source / relative


VISA = Layout("visa", "visa", find, nonzero_mask)
VISA_BY_TYPE = Layout("visa", "visa_by_type", partial(find, by_type=True), nonzero_mask)

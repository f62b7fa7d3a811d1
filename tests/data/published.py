"""Tiny data sets in the layouts of the importers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import write_image

SIZE = (24, 32)


def noise(seed: int, colour: bool = True) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 160, (*SIZE, 3) if colour else SIZE, dtype=np.uint8)


def marked(value: int = 255) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[4:10, 5:12] = value
    return mask


def make_magnetic_tile(root: Path) -> Path:
    """``MT_<Kind>/Imgs/NAME.jpg`` with ``NAME.png``; one mask is not binary, one is empty."""
    for kind, count in (("Free", 10), ("Blowhole", 3), ("Crack", 2)):
        for index in range(count):
            stem = root / f"MT_{kind}" / "Imgs" / f"exp{index}_{kind}"
            mask = np.zeros(SIZE, dtype=np.uint8)
            if kind != "Free" and (kind, index) != ("Crack", 0):
                mask[3:9, 4:9] = 252
                mask[0, 0] = 4
            write_image(stem.with_suffix(".jpg"), noise(index, colour=False))
            write_image(stem.with_suffix(".png"), mask)
    return root


def make_visa(root: Path) -> Path:
    """``<object>/Data/...``, ``image_anno.csv`` and ``split_csv/1cls.csv``; masks contain class numbers."""
    rows = []
    for kind in ("candle", "pcb1"):
        types = []
        data = Path(kind, "Data")
        for index in range(6):
            image = data / "Images" / "Normal" / f"{index:04d}.JPG"
            write_image(root / image, noise(index))
            rows.append((kind, "train" if index < 4 else "test", "normal", image.as_posix(), ""))
        for index in range(3):
            image, mask = data / "Images" / "Anomaly" / f"{index:03d}.JPG", data / "Masks/Anomaly" / f"{index:03d}.png"
            write_image(root / image, noise(50 + index))
            write_image(root / mask, marked(index + 1))
            rows.append((kind, "test", "anomaly", image.as_posix(), mask.as_posix()))
            types.append((image.as_posix(), ("bent", "melt", "melt, bent")[index], mask.as_posix()))
        types += [(image, "normal", "") for owner, _, label, image, _ in rows if (owner, label) == (kind, "normal")]
        with (root / kind / "image_anno.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("image", "label", "mask"), *types])
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("object", "split", "label", "image", "mask"), *rows])
    return root


def make_btad(root: Path) -> Path:
    """``<product>/train/ok`` ..., images as BMP or PNG, masks as PNG or BMP."""
    for product, suffix, mask_suffix in (("01", ".bmp", ".png"), ("02", ".png", ".png"), ("03", ".bmp", ".bmp")):
        for part, count in (("train/ok", 4), ("test/ok", 2), ("test/ko", 3)):
            for index in range(count):
                write_image(root / product / part / f"{index:04d}{suffix}", noise(len(part) + index))
        for index in range(3):
            write_image(root / product / "ground_truth" / "ko" / f"{index:04d}{mask_suffix}", marked())
    return root


def make_mpdd(root: Path) -> Path:
    """MVTec AD's layout."""
    for part, kinds in (("tubes", ("anomalous",)), ("bracket_black", ("hole", "scratches"))):
        for split, count in (("train", 4), ("test", 2)):
            for index in range(count):
                write_image(root / part / split / "good" / f"{index:03d}.png", noise(count * 10 + index))
        for kind in kinds:
            for index in range(2):
                write_image(root / part / "test" / kind / f"{index:03d}.png", noise(len(kind) * 20 + index))
                write_image(root / part / "ground_truth" / kind / f"{index:03d}_mask.png", marked())
    return root


def make_kolektor_sdd(root: Path) -> Path:
    """``kosXX/PartN.jpg`` with ``PartN_label.bmp``; two of sixteen surfaces are defective."""
    for item in range(1, 5):
        for part in range(4):
            stem = root / f"kos{item:02d}" / f"Part{part}"
            write_image(stem.with_suffix(".jpg"), noise(item * 10 + part, colour=False))
            write_image(stem.with_name(f"Part{part}_label.bmp"), marked(255 * (part == item == 1 or part == item == 2)))
    return root


def make_pairs(root: Path) -> Path:
    """``photos/NAME.jpg`` and ``labels/NAME_gt.png``: 4 defective, 1 empty mask, 3 without; 2 more normals."""
    for index in range(8):
        write_image(root / "photos" / f"{index}.jpg", noise(index))
    for index in range(5):
        write_image(root / "labels" / f"{index}_gt.png", marked(255 * (index < 4)))
    for index in range(2):
        write_image(root / "spare" / f"n{index}.png", noise(90 + index))
    return root


def read_mask(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))

"""Folders in MVTec AD's layout: which files are found, and how they are read (refusals: test_bad_inputs)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.errors import InputError
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import Oddity
from benchmark.data.notes import notes
from tests.conftest import make_category, write_image


def open_folder(root: Path) -> FolderDataSet:
    return FolderDataSet(root, ImageCache(root.parent / "cache"))


def test_a_root_contains_categories_or_is_one(category: Path) -> None:
    make_category(category.parent / "gadget", defects=("cut",))
    (category.parent / "notes").mkdir()
    many, one = open_folder(category.parent), open_folder(category)
    assert many.categories() == ("gadget", "widget")
    assert one.categories() == ("widget",)
    assert (many.name, one.name) == ("folder:data", "folder:widget")
    assert many.manifest("widget").digest == one.manifest("widget").digest


def test_records_are_in_order_and_complete(category: Path) -> None:
    manifest = open_folder(category).manifest("widget")
    keys = list(dict.fromkeys((record.split, record.label) for record in manifest.records))
    assert keys == [("train", "good"), ("test", "good"), ("test", "crack"), ("test", "hole")]
    assert manifest.defect_types == ["crack", "hole"]
    crack = manifest.records[manifest.by_name["test/crack/001.png"]]
    assert crack.mask == "ground_truth/crack/001_mask.png"
    assert (crack.width, crack.height, crack.mode, crack.defect_pixels, crack.mask_levels) == (48, 48, "RGB", 196, 2)


@pytest.mark.parametrize("mask_name", ["{stem}_mask.png", "{stem}.png", "{stem}_mask.bmp", "{stem}.PNG"])
def test_both_mask_conventions_and_common_extensions(tmp_path: Path, mask_name: str) -> None:
    dataset = open_folder(make_category(tmp_path / "widget", mask_name=mask_name))
    manifest = dataset.manifest("widget")
    index = manifest.by_name["test/hole/000.png"]
    _, mask = dataset.read("widget", manifest.records[index], 48)
    assert mask.sum() == 196


FILES = [(".jpg", "L"), (".JPEG", "RGB"), (".jpg", "CMYK"), (".bmp", "RGB"), (".webp", "RGB"), (".tiff", "CMYK")] + [
    (extension, mode) for extension in (".png", ".tif") for mode in ("L", "LA", "RGB", "RGBA", "P", "I;16")
]


def test_images_of_any_mode_are_read_as_rgb(category: Path) -> None:
    for number, (extension, mode) in enumerate(FILES):
        if mode == "I;16":
            picture = Image.fromarray(np.full((40, 60), 200 * 257, dtype=np.uint16))
        else:
            picture = Image.new("L", (60, 40), 200).convert(mode)
        picture.save(category / "train" / "good" / f"{900 + number}{extension}")
    dataset = open_folder(category)
    manifest = dataset.manifest("widget")
    for number, (extension, mode) in enumerate(FILES):
        record = manifest.records[manifest.by_name[f"train/good/{900 + number}{extension}"]]
        assert (record.width, record.height) == (60, 40), (extension, mode)
        image, mask = dataset.read("widget", record, 32)
        assert (image.shape, image.dtype) == ((32, 32, 3), np.uint8), (extension, mode)
        assert np.abs(image.astype(int) - 200).max() <= 2, (extension, mode)
        assert not mask.any()


def test_photos_are_rotated_by_their_exif_orientation(category: Path) -> None:
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[:, :20] = 255  # the left half is white; orientation 6 makes it the top
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(category / "train" / "good" / "900.jpg", exif=exif, quality=95)
    dataset = open_folder(category)
    manifest = dataset.manifest("widget")
    record = manifest.records[manifest.by_name["train/good/900.jpg"]]
    assert (record.width, record.height) == (20, 40)
    image, _ = dataset.read("widget", record, 32)
    assert image[4].mean() > 200
    assert image[28].mean() < 50


def test_mask_pixels_above_127_are_defective(category: Path) -> None:
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[:, :4], mask[:, 4:8], mask[:, 8:12] = 127, 128, 5
    write_image(category / "ground_truth" / "hole" / "000_mask.png", mask)
    dataset = open_folder(category)
    manifest = dataset.manifest("widget")
    record = manifest.records[manifest.by_name["test/hole/000.png"]]
    assert (record.defect_pixels, record.mask_levels) == (48 * 4, 4)
    _, read = dataset.read("widget", record, 48)
    assert np.array_equal(np.flatnonzero(read.any(axis=0)), [4, 5, 6, 7])
    assert notes(manifest) == ["1 masks contain values other than black and white; above 127 counts as defect"]


def test_empty_masks_and_different_sizes_are_noted(category: Path) -> None:
    write_image(category / "ground_truth" / "hole" / "001_mask.png", np.zeros((48, 48), dtype=np.uint8))
    write_image(category / "train" / "good" / "002.png", np.zeros((50, 70, 3), dtype=np.uint8))
    manifest = open_folder(category).manifest("widget")
    assert notes(manifest) == [
        "1 of 14 images are not 48 x 48 px like the others; all are resized to a square",
        "1 defective image has no mask pixel above 127 and is left out of training and testing: test/hole/001.png",
    ]


def test_the_digest_depends_on_content_and_not_on_place_or_time(category: Path, tmp_path: Path) -> None:
    digest = open_folder(category).manifest("widget").digest
    shutil.copytree(category, tmp_path / "elsewhere" / "widget")
    assert open_folder(tmp_path / "elsewhere").manifest("widget").digest == digest
    write_image(category / "train" / "good" / "000.png", np.zeros((48, 48, 3), dtype=np.uint8))
    assert open_folder(category).manifest("widget").digest != digest


def test_unchanged_files_are_not_opened_again(category: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_folder(category).manifest("widget")
    monkeypatch.setattr("benchmark.data.folder._inspect", None)
    assert open_folder(category).manifest("widget") == first


def test_truncated_pixels_are_found_when_the_image_is_decoded(category: Path) -> None:
    path = category / "test/hole/002.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    dataset = open_folder(category)
    manifest = dataset.manifest("widget")
    with pytest.raises(InputError, match=r"hole/002\.png.*truncated"):
        dataset.read("widget", manifest.records[manifest.by_name["test/hole/002.png"]], 32)


def test_every_file_that_is_left_out_is_named_with_the_reason(category: Path) -> None:
    black, white = (np.full((48, 48), value, dtype=np.uint8) for value in (0, 255))
    for name in ("train/good/lot/0.png", "test/hole/a/b/0.png", "train/crack/0.png", "stray.png", "test/stray.png"):
        write_image(category / name, black)
    for name in ("ground_truth/hole/900_mask.png", "ground_truth/scratch/000_mask.png", "ground_truth/good/001.png"):
        write_image(category / name, white)
    write_image(category / "ground_truth/good/000_mask.png", black)
    for name in ("test/good/0.gif", "test/hole/notes.txt", "readme.txt", "test/hole/Thumbs.db", "photo.jfif"):
        (category / name).write_text("not opened")
    (category / "loop").symlink_to(category)
    manifest = open_folder(category).manifest("widget")
    assert {finding.file: finding.oddity for finding in manifest.findings} == {
        "train/good/lot/0.png": Oddity.SUBFOLDER,
        "test/hole/a/b/0.png": Oddity.SUBFOLDER,
        "train/crack/0.png": Oddity.TRAIN_DEFECT,
        "stray.png": Oddity.PLACE,
        "test/stray.png": Oddity.PLACE,
        "ground_truth/hole/900_mask.png": Oddity.LONE_MASK,
        "ground_truth/scratch/000_mask.png": Oddity.LONE_MASK,
        "ground_truth/good/001.png": Oddity.MARKED_NORMAL,
        "test/good/0.gif": Oddity.FILE_TYPE,
        "test/hole/notes.txt": Oddity.FILE_TYPE,
        "photo.jfif": Oddity.FILE_TYPE,
    }
    assert notes(manifest)[0] == "used: train/good 4, test/good 2, test/crack 4, test/hole 4"
    assert sum(note.startswith("left out: ") for note in notes(manifest)) == 6


def test_findings_do_not_change_the_digest_and_new_ones_are_found_though_the_manifest_is_cached(category: Path) -> None:
    before = open_folder(category).manifest("widget")
    write_image(category / "train/good/lot/0.png", np.zeros((48, 48), dtype=np.uint8))
    after = open_folder(category).manifest("widget")
    assert after.digest == before.digest
    assert [finding.file for finding in after.findings] == ["train/good/lot/0.png"]

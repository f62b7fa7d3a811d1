"""Decoded images: once per content and size, read-only, whole or not there; and the manifest files."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from baselines import InputError
from benchmark.data.cache import load_arrays
from benchmark.data.datasets import SyntheticDataSet, open_dataset
from benchmark.data.folder import FolderDataSet
from benchmark.data.manifest import read_images, write_images
from tests.conftest import make_category, write_image


def test_images_are_decoded_once_per_size(category: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, decoded = FolderDataSet(category, tmp_path / "cache"), []
    read = dataset.read
    monkeypatch.setattr(dataset, "read", lambda *a: decoded.append(a) or read(*a))  # type: ignore[func-returns-value]
    first = load_arrays(dataset, "widget", 32, tmp_path / "cache")
    again = load_arrays(dataset, "widget", 32, tmp_path / "cache")
    assert len(decoded) == len(first.manifest.records) == 14
    assert np.array_equal(first.images, again.images)
    assert load_arrays(dataset, "widget", 16, tmp_path / "cache").images.shape == (14, 16, 16, 3)
    assert len(decoded) == 28


def test_arrays_are_bytes_in_manifest_order_that_nobody_can_change(category: Path, tmp_path: Path) -> None:
    dataset = FolderDataSet(category, tmp_path / "cache")
    arrays = load_arrays(dataset, "widget", 32, tmp_path / "cache")
    assert (arrays.images.dtype, arrays.masks.dtype) == (np.uint8, np.bool_)
    for index in (0, 7, 13):
        image, mask = dataset.read("widget", arrays.manifest.records[index], 32)
        assert np.array_equal(arrays.images[index], image)
        assert np.array_equal(arrays.masks[index], mask)
    with pytest.raises(ValueError, match="read-only"):
        arrays.images[0, 0, 0, 0] = 1


def test_changed_images_are_decoded_again(category: Path, tmp_path: Path) -> None:
    dataset = FolderDataSet(category, tmp_path / "cache")
    load_arrays(dataset, "widget", 16, tmp_path / "cache")
    write_image(category / "train/good/000.png", np.full((48, 48, 3), 7, dtype=np.uint8))
    assert (load_arrays(dataset, "widget", 16, tmp_path / "cache").images[0] == 7).all()


def test_masks_that_vanish_at_a_size_are_known(category: Path, tmp_path: Path) -> None:
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[0, 0] = 255
    write_image(category / "ground_truth/hole/003_mask.png", mask)
    dataset = FolderDataSet(category, tmp_path / "cache")
    assert load_arrays(dataset, "widget", 48, tmp_path / "cache").vanished == set()
    assert load_arrays(dataset, "widget", 16, tmp_path / "cache").vanished == {"test/hole/003.png"}


def test_an_unreadable_image_leaves_no_half_cache(category: Path, tmp_path: Path) -> None:
    path = category / "test/hole/002.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    dataset = FolderDataSet(category, tmp_path / "cache")
    with pytest.raises(InputError, match="unreadable image"):
        load_arrays(dataset, "widget", 32, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.npy"))
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_two_builders_at_once_both_get_the_same_images(category: Path, tmp_path: Path) -> None:
    make_category(category, images=12, normals=30)
    found = []

    def build() -> None:
        found.append(load_arrays(FolderDataSet(category, tmp_path / "cache"), "widget", 64, tmp_path / "cache"))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(arrays.images, found[0].images) for arrays in found)
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_a_damaged_cache_says_what_to_delete(category: Path, tmp_path: Path) -> None:
    dataset = FolderDataSet(category, tmp_path / "cache")
    load_arrays(dataset, "widget", 32, tmp_path / "cache")
    file = next((tmp_path / "cache").rglob("images.npy"))
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError, match=r"cached images in .* are damaged .* delete that folder"):
        load_arrays(dataset, "widget", 32, tmp_path / "cache")


def test_manifests_come_back_as_they_were_written(category: Path, tmp_path: Path) -> None:
    manifests = [FolderDataSet(category, tmp_path / "cache").manifest("widget")]
    write_images(tmp_path / "images.csv", manifests)
    assert read_images(tmp_path / "images.csv", "folder:widget", "") == manifests
    (tmp_path / "images.csv").write_text("category,width\nwidget,many\n")
    with pytest.raises(InputError, match=r"manifest .*images.csv cannot be used"):
        read_images(tmp_path / "images.csv", "x", "")


def test_the_synthetic_manifest_names_the_files_it_would_write() -> None:
    dataset = SyntheticDataSet()
    manifest = dataset.manifest("hazelnut")
    record = manifest.records[manifest.by_name["test/hole/003.png"]]
    assert record.mask == "ground_truth/hole/003_mask.png"
    image, mask = dataset.read("hazelnut", record, 64)
    assert image.shape == (64, 64, 3)
    assert mask.any()
    assert len({dataset.manifest(category).digest for category in dataset.categories()}) == 15


@pytest.mark.parametrize(
    ("name", "root", "message"),
    [
        ("sinthetic", None, "unknown data set 'sinthetic': did you mean 'synthetic'"),
        ("synthetic", Path("x"), "the synthetic data set has no root: use --dataset folder"),
        ("folder", None, "--dataset folder needs --data-root DIR"),
        ("mvtec-ad", Path("nowhere"), "data root nowhere is no folder"),
    ],
)
def test_data_sets_that_cannot_be_opened(name: str, root: Path | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        open_dataset(name, root, tmp_path)

"""Data sets by name, and the files that describe them."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.data.datasets import SyntheticDataSet, open_dataset
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import read_images, write_images


def test_manifests_are_read_as_they_were_written(category: Path, tmp_path: Path) -> None:
    manifests = [FolderDataSet(category, ImageCache(tmp_path / "cache")).manifest("widget")]
    write_images(tmp_path / "images.csv", manifests)
    assert read_images(tmp_path / "images.csv", "folder:widget", "") == manifests
    (tmp_path / "images.csv").write_text("category,width\nwidget,many\n")
    with pytest.raises(InputError, match=r"images\.csv"):
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
        ("sinthetic", None, "'sinthetic': did you mean 'synthetic'"),
        ("synthetic", Path("x"), "synthetic"),
        ("folder", None, "--dataset folder needs --data-root"),
        ("mvtec-ad", Path("nowhere"), "data root nowhere"),
    ],
)
def test_data_sets_that_cannot_be_opened(name: str, root: Path | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_dataset(name, root)

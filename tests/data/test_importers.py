"""The magnetic-tile importer, on a small copy of the published layout and on the published images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines import InputError
from benchmark.data.folder import FolderDataSet
from benchmark.data.importers import import_magnetic_tile
from benchmark.data.manifest import notes
from tests.conftest import write_image


@pytest.fixture
def published(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for kind, count in (("Free", 10), ("Blowhole", 3), ("Crack", 2)):
        for index in range(count):
            stem = tmp_path / "raw" / f"MT_{kind}" / "Imgs" / f"exp{index}_{kind}"
            pixels = rng.integers(0, 255, (30, 40), dtype=np.uint8)
            mask = np.zeros((30, 40), dtype=np.uint8)
            if kind != "Free":
                mask[3:9, 4:9] = 252
                mask[0, 0] = 4
            write_image(stem.with_suffix(".jpg"), pixels)
            write_image(stem.with_suffix(".png"), mask)
    write_image(tmp_path / "raw/MT_Crack/Imgs/exp0_Crack.png", np.zeros((30, 40), dtype=np.uint8))
    return tmp_path / "raw"


def test_the_layout_becomes_mvtec_ads(published: Path, tmp_path: Path) -> None:
    summary = import_magnetic_tile(published, tmp_path / "out")
    assert summary.images == {
        ("train", "good"): 8,
        ("test", "good"): 2,
        ("test", "blowhole"): 3,
        ("test", "crack"): 2,
    }
    assert (summary.grey_masks, summary.empty_masks) == (4, 1)
    source, copy = published / "MT_Blowhole/Imgs/exp1_Blowhole.jpg", summary.folder / "test/blowhole/exp1_Blowhole.jpg"
    assert copy.read_bytes() == source.read_bytes()
    mask = np.asarray(Image.open(summary.folder / "ground_truth/blowhole/exp1_Blowhole_mask.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 30
    manifest = FolderDataSet(tmp_path / "out", tmp_path / "cache").manifest("magnetic_tile")
    assert notes(manifest)[-1].startswith("1 defective images have no mask pixel above 127")


def test_the_split_of_the_normals_is_seeded(published: Path, tmp_path: Path) -> None:
    splits = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = import_magnetic_tile(published, tmp_path / name, seed).folder
        splits.append(sorted(path.name for path in (folder / "test" / "good").iterdir()))
    assert splits[0] == splits[1] != splits[2]


def test_wrong_sources_and_existing_targets_are_refused(published: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not the magnetic-tile layout: expected MT_Free/Imgs"):
        import_magnetic_tile(tmp_path / "out", tmp_path / "out")
    import_magnetic_tile(published, tmp_path / "out")
    with pytest.raises(InputError, match=r"magnetic_tile exists already"):
        import_magnetic_tile(published, tmp_path / "out")


def test_a_broken_source_leaves_nothing_behind(published: Path, tmp_path: Path) -> None:
    (published / "MT_Crack/Imgs/exp1_Crack.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"unreadable image .*exp1_Crack.png"):
        import_magnetic_tile(published, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_the_published_images_import(real_data: Path, tmp_path: Path) -> None:
    summary = import_magnetic_tile(real_data / "magnetic_tile", tmp_path)
    assert summary.images == {
        ("train", "good"): 762,
        ("test", "good"): 190,
        ("test", "blowhole"): 115,
        ("test", "break"): 85,
        ("test", "crack"): 57,
        ("test", "fray"): 32,
        ("test", "uneven"): 103,
    }
    assert summary.empty_masks == 4
    manifest = FolderDataSet(tmp_path, tmp_path / "cache").manifest("magnetic_tile")
    assert sum(record.unannotated for record in manifest.records) == 4

"""Importers, each on a small copy of its layout, and on the published images if present."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.importers import IMPORTERS, LAYOUTS
from benchmark.data.importers.layout import import_layout
from benchmark.data.importers.pairs import PairPatterns, import_pairs
from benchmark.data.importers.visa import VISA, VISA_BY_TYPE
from benchmark.data.notes import notes
from benchmark.protocol.draws import draw_shots
from tests.conftest import write_image
from tests.data import published
from tests.refusal import assert_refused

MAKERS: dict[str, Callable[[Path], Path]] = {
    "magnetic-tile": published.make_magnetic_tile,
    "visa": published.make_visa,
    "btad": published.make_btad,
    "mpdd": published.make_mpdd,
    "kolektor-sdd": published.make_kolektor_sdd,
}
GOOD = {("train", "good"): 4, ("test", "good"): 2}
WRITTEN = {
    "magnetic-tile": {
        "magnetic_tile": {
            ("train", "good"): 8,
            ("test", "good"): 2,
            ("test", "blowhole"): 3,
            ("test", "crack"): 2,
        }
    },
    "visa": {kind: {**GOOD, ("test", "bad"): 3} for kind in ("candle", "pcb1")},
    "btad": {product: {**GOOD, ("test", "ko"): 3} for product in ("01", "02", "03")},
    "mpdd": {
        "bracket_black": {**GOOD, ("test", "hole"): 2, ("test", "scratches"): 2},
        "tubes": {**GOOD, ("test", "anomalous"): 2},
    },
    "kolektor-sdd": {"kolektor_sdd": {("train", "good"): 11, ("test", "good"): 3, ("test", "defect"): 2}},
}


def test_every_importer_is_tested() -> None:
    assert set(MAKERS) == set(LAYOUTS) == set(IMPORTERS) - {"pairs"}


@pytest.mark.parametrize("name", MAKERS)
def test_a_published_layout_becomes_mvtec_ads(name: str, tmp_path: Path) -> None:
    imported = import_layout(LAYOUTS[name], MAKERS[name](tmp_path / "raw"), tmp_path / "out")
    assert {category.name: category.images for category in imported.categories} == WRITTEN[name]
    dataset = FolderDataSet(imported.folder, ImageCache(tmp_path / "cache"))
    assert dataset.categories() == tuple(sorted(WRITTEN[name]))
    for category in dataset.categories():
        manifest = dataset.manifest(category)
        assert draw_shots(manifest, 1, 0).normals
        annotated = [record for record in manifest.records if record.defective and not record.unannotated]
        assert annotated
        assert {record.defect_pixels for record in annotated} == {30 if name == "magnetic-tile" else 42}
        assert all(record.mask_levels == 2 for record in annotated)


@pytest.mark.parametrize("name", MAKERS)
def test_images_are_copied_byte_for_byte(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "raw")
    imported = import_layout(LAYOUTS[name], source, tmp_path / "out")
    originals = {path.read_bytes() for path in source.rglob("*") if path.is_file()}
    images = [path for path in imported.folder.rglob("*") if path.is_file() and "ground_truth" not in path.parts]
    assert all(path.read_bytes() in originals for path in images)


@pytest.mark.parametrize("name", MAKERS)
def test_an_incomplete_source_is_refused_and_leaves_no_files(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "raw")
    mask = {
        "magnetic-tile": "MT_Crack/Imgs/exp1_Crack.png",
        "visa": "pcb1/Data/Masks/Anomaly/002.png",
        "btad": "03/ground_truth/ko/0002.bmp",
        "mpdd": "tubes/ground_truth/anomalous/001_mask.png",
        "kolektor-sdd": "kos02/Part2_label.bmp",
    }[name]
    complete = (source / mask).read_bytes()
    for change in (lambda: (source / mask).write_bytes(complete[:30]), (source / mask).unlink):
        change()
        with pytest.raises(InputError, match=Path(mask).stem) as error:
            import_layout(LAYOUTS[name], source, tmp_path / "out" / "deep")
        assert "\n" not in str(error.value)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


@pytest.mark.parametrize("name", MAKERS)
def test_another_layout_and_an_existing_target_are_refused(name: str, tmp_path: Path) -> None:
    for other in sorted(set(MAKERS) - {name}):
        source = MAKERS[other](tmp_path / other)
        with pytest.raises(InputError, match="expected"):
            import_layout(LAYOUTS[name], source, tmp_path / "out")
    source = MAKERS[name](tmp_path / "raw")
    import_layout(LAYOUTS[name], source, tmp_path / "out")
    with pytest.raises(InputError, match=r"exists already"):
        import_layout(LAYOUTS[name], source, tmp_path / "out")


@pytest.mark.parametrize("name", ["magnetic-tile", "kolektor-sdd"])
def test_normal_images_without_a_split_are_split_by_seed(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "raw")
    splits = []
    for place, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = import_layout(LAYOUTS[name], source, tmp_path / place, seed).folder
        splits.append(sorted(path.name for path in (folder / "test" / "good").iterdir()))
    assert splits[0] == splits[1] != splits[2]


VISA_TYPES = {("test", "bent"): 1, ("test", "melt"): 1, ("test", "combined"): 1}


def test_visa_keeps_its_defect_types_on_request_and_needs_no_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = published.make_visa(tmp_path / "raw")
    assert main(["data", "import", "visa", str(source), str(tmp_path / "out"), "--by-type"]) == 0
    assert f"use with: --dataset folder --data-root {tmp_path}/out/visa_by_type" in capsys.readouterr().out
    dataset = FolderDataSet(tmp_path / "out/visa_by_type", ImageCache(tmp_path / "cache"))
    for category in ("candle", "pcb1"):
        counts = Counter((record.split, record.label) for record in dataset.manifest(category).records)
        assert counts == {**GOOD, **VISA_TYPES}
    shutil.rmtree(source / "split_csv")
    held = {("train", "good"): 5, ("test", "good"): 1}
    for layout, defects in ((VISA, {("test", "bad"): 3}), (VISA_BY_TYPE, VISA_TYPES)):
        imported = import_layout(layout, source, tmp_path / "raw layout")
        assert [category.images for category in imported.categories] == [{**held, **defects}] * 2
    (source / "pcb1/image_anno.csv").unlink()
    assert_refused(partial(import_layout, VISA_BY_TYPE, source, tmp_path / "third"), "pcb1/image_anno.csv")


def test_a_source_with_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    for name, make in MAKERS.items():
        source = make(tmp_path / name)
        (source / "not fetched").symlink_to("/nowhere/at-all")
        assert_refused(partial(import_layout, LAYOUTS[name], source, tmp_path / "out"), "not fetched is a link to")


def test_pairs_name_class_numbers_masks_that_mark_most_and_files_that_match_no_pattern(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = published.make_pairs(tmp_path / "raw")
    words = ["data", "import", "pairs", str(source), str(tmp_path / "out"), "--images", "photos/{name}.jpg"]
    words += ["--masks", "labels/{name}_gt.png"]
    write_image(source / "labels/0_gt.png", published.marked(3))
    write_image(source / "labels/1_gt.png", 255 - published.marked())
    (source / "photos/9.gif").write_bytes(b"")
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  1 masks mark more than half of the image; inverted?" in lines
    hint = "if these are class numbers, add --masks-hold classes (0_gt.png)"
    assert f"  imported as normal: 1 mask holds only values from 0 to 3: {hint}" in lines
    assert (
        "  left out: 3 images that match no pattern, or are of a type that is not read "
        "(photos/9.gif, spare/n0.png, spare/n1.png)"
    ) in lines
    for index in range(4):
        write_image(source / f"labels/{index}_gt.png", published.marked(index + 1))
    assert main([*words, "--category", "numbers"]) == 2
    assert "no defective images under these patterns: 4 masks hold only values from 0 to 4" in capsys.readouterr().err


def test_magnetic_tile_masks_become_binary_and_empty_ones_are_counted(tmp_path: Path) -> None:
    imported = import_layout(LAYOUTS["magnetic-tile"], published.make_magnetic_tile(tmp_path / "raw"), tmp_path / "out")
    assert (imported.categories[0].grey_masks, imported.categories[0].empty_masks) == (4, 1)
    mask = published.read_mask(imported.folder / "ground_truth/blowhole/exp1_Blowhole_mask.png")
    assert set(np.unique(mask)) == {0, 255}
    manifest = FolderDataSet(tmp_path / "out", ImageCache(tmp_path / "cache")).manifest("magnetic_tile")
    assert any(note.startswith("1 defective image has no mask pixel above 127") for note in notes(manifest))


def test_class_numbers_in_visas_masks_become_255(tmp_path: Path) -> None:
    imported = import_layout(LAYOUTS["visa"], published.make_visa(tmp_path / "raw"), tmp_path / "out")
    for index in range(3):
        mask = published.read_mask(imported.folder / f"candle/ground_truth/bad/{index:03d}_mask.png")
        assert (set(np.unique(mask)), int((mask > 0).sum())) == ({0, 255}, 42)


@pytest.mark.parametrize("path", ["../secret.jpg", "/etc/passwd", "candle/Data/Images/Normal/9999.JPG"])
def test_visas_split_cannot_name_missing_files_or_files_elsewhere(path: str, tmp_path: Path) -> None:
    source = published.make_visa(tmp_path / "raw")
    write_image(tmp_path / "secret.jpg", published.noise(0))
    with (source / "split_csv/1cls.csv").open("a") as file:
        file.write(f"candle,train,normal,{path},\n")
    with pytest.raises(InputError, match=r"1cls\.csv, line 20 names "):
        import_layout(LAYOUTS["visa"], source, tmp_path / "out")


def test_the_published_magnetic_tiles_import(real_data: Path, tmp_path: Path) -> None:
    imported = import_layout(LAYOUTS["magnetic-tile"], real_data / "magnetic_tile", tmp_path)
    assert imported.categories[0].images == {
        ("train", "good"): 762,
        ("test", "good"): 190,
        ("test", "blowhole"): 115,
        ("test", "break"): 85,
        ("test", "crack"): 57,
        ("test", "fray"): 32,
        ("test", "uneven"): 103,
    }
    assert imported.categories[0].empty_masks == 4


PATTERNS = PairPatterns("photos/{name}.jpg", "labels/{name}_gt.png")


def images_of(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.*")):
        found.setdefault(path.parent.relative_to(folder).as_posix(), []).append(path.name)
    return found


def test_pairs_are_sorted_into_defective_and_normal_by_their_masks(tmp_path: Path) -> None:
    source = published.make_pairs(tmp_path / "widget")
    imported, left_out = import_pairs(source, tmp_path / "out", PATTERNS)
    assert left_out == []
    assert imported.folder == tmp_path / "out" / "widget"
    assert imported.categories[0].images == {("train", "good"): 3, ("test", "good"): 1, ("test", "defect"): 4}
    written = images_of(imported.folder)
    assert written["test/defect"] == [f"{i}.jpg" for i in range(4)]
    assert written["ground_truth/defect"] == [f"{i}_mask.png" for i in range(4)]
    assert sorted(written["train/good"] + written["test/good"]) == [f"{i}.jpg" for i in range(4, 8)]
    assert FolderDataSet(imported.folder, ImageCache(tmp_path / "cache")).manifest("widget").defect_types == ["defect"]


def test_the_label_of_a_pattern_is_the_defect_type(tmp_path: Path) -> None:
    for label, count in (("cut", 2), ("good", 3), ("hole", 2)):
        for index in range(count):
            write_image(tmp_path / "src" / label / f"{index}.png", published.noise(index))
            if label != "good":
                write_image(tmp_path / "src" / label / f"{index}_gt.png", published.marked())
    patterns = PairPatterns("{label}/{name}.png", "{label}/{name}_gt.png", held_out=0.34)
    imported, _ = import_pairs(tmp_path / "src", tmp_path / "out", patterns, "parts")
    assert imported.categories[0].images == {
        ("train", "good"): 2,
        ("test", "good"): 1,
        ("test", "cut"): 2,
        ("test", "hole"): 2,
    }
    labelled_masks = PairPatterns("*/{name}.png", "hole/{name}_gt.png", label="any", ignore_unmatched=True)
    with pytest.raises(InputError, match="two images"):
        import_pairs(tmp_path / "src", tmp_path / "other", labelled_masks, "parts")


def test_files_without_a_partner_are_refused_unless_they_are_to_be_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = published.make_pairs(tmp_path / "widget")
    (source / "photos/2.jpg").unlink()
    words = ["data", "import", "pairs", str(source), str(tmp_path / "out")]
    words += ["--images", PATTERNS.images, "--masks", PATTERNS.masks, "--normals", "spare/{name}.png"]
    assert main(words) == 2
    refusal = capsys.readouterr().err
    assert "4 files in" in refusal
    assert "labels/2_gt.png, photos/5.jpg, photos/6.jpg, photos/7.jpg" in refusal
    assert not (tmp_path / "out").exists()
    assert main([*words, "--ignore-unmatched"]) == 0
    out = capsys.readouterr().out
    assert "4 files without a partner were left out:" in out
    assert "photos/7.jpg" in out
    assert "widget: train/good 2, test/good 1, test/defect 3" in out


@pytest.mark.parametrize("held_out", [0, 0.5])
def test_the_share_of_normals_held_out_can_be_chosen(held_out: float, tmp_path: Path) -> None:
    source = published.make_pairs(tmp_path / "widget")
    patterns = PairPatterns(PATTERNS.images, PATTERNS.masks, held_out=held_out)
    images = import_pairs(source, tmp_path / "out", patterns)[0].categories[0].images
    assert images.get(("test", "good"), 0) == round(4 * held_out)


def test_masks_of_class_numbers_can_be_imported(tmp_path: Path) -> None:
    source = published.make_pairs(tmp_path / "widget")
    for index in range(4):
        write_image(source / "labels" / f"{index}_gt.png", published.marked(index + 1))
    with pytest.raises(InputError, match="has no defective images"):
        import_pairs(source, tmp_path / "out", PATTERNS)
    patterns = PairPatterns(PATTERNS.images, PATTERNS.masks, masks_hold="classes")
    imported, _ = import_pairs(source, tmp_path / "out", patterns)
    assert imported.categories[0].images["test", "defect"] == 4
    assert int((published.read_mask(imported.folder / "ground_truth/defect/0_mask.png") == 255).sum()) == 42


def test_a_published_data_set_goes_from_its_archive_to_a_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = published.make_kolektor_sdd(tmp_path / "raw")
    assert main(["data", "import", "kolektor-sdd", str(source), str(tmp_path / "out")]) == 0
    root = capsys.readouterr().out.strip().splitlines()[-1].rpartition(" ")[2]
    shutil.rmtree(source)
    words = ["data", "list", "--dataset", "folder", "--data-root", root, "--cache", str(tmp_path / "cache")]
    assert main(words) == 0
    assert "kolektor_sdd: train/good 11, test/good 3, test/defect 2" in capsys.readouterr().out

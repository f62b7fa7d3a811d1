"""Unusual images of a user: they are noted, read correctly, and runs on them finish."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.cli import main
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache
from benchmark.data.images import binary_mask, grey_mask, nonzero_mask, read_upright
from benchmark.data.notes import notes
from benchmark.data.verify import read_manifest
from benchmark.protocol.draws import draw_shots
from benchmark.results.table import load_results
from tests.conftest import REPOSITORY, TINY, CommandLine, make_category, write_image
from tests.data import published

MARKED = np.zeros((48, 48), dtype=bool)
MARKED[10:24, 20:34] = True


def notes_of(category: Path) -> list[str]:
    return notes(FolderDataSet(category, ImageCache(category.parent / "cache")).manifest(category.name))


def run_words(root: Path, tmp_path: Path, *words: object) -> list[str]:
    given = ["run", "--dataset", "folder", "--data-root", root, *TINY, "--jobs", 1, "--method", "unet", "--shots", 1]
    given += ["--seed", 0, "--cache", tmp_path / "cache", "--results", tmp_path / "results", *words]
    return [str(word) for word in given]


def palette_mask() -> Image.Image:
    image = Image.fromarray(MARKED.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 128, 0, 0])  # dark red, the usual colour of the first class
    return image


def transparent_mask() -> Image.Image:
    pixels = np.full((48, 48, 4), 255, dtype=np.uint8)  # white everywhere; only the opacity marks the defect
    pixels[..., 3] = 255 * MARKED
    return Image.fromarray(pixels)


def coloured_mask() -> Image.Image:
    pixels = np.zeros((48, 48, 3), dtype=np.uint8)
    pixels[MARKED] = (0, 0, 255)
    return Image.fromarray(pixels)


MASKS = {
    "grey": Image.fromarray((255 * MARKED).astype(np.uint8)),
    "1-bit": Image.fromarray((255 * MARKED).astype(np.uint8)).convert("1"),
    "16-bit": Image.fromarray((65535 * MARKED.astype(np.int64)).astype(np.uint16)),
    "palette": palette_mask(),
    "colour": coloured_mask(),
    "RGBA": Image.fromarray((255 * MARKED).astype(np.uint8)).convert("RGBA"),
    "drawn in opacity": transparent_mask(),
    "grey and opacity": Image.fromarray((255 * MARKED).astype(np.uint8)).convert("LA"),
}


def test_masks_of_any_mode_mark_the_same_pixels(category: Path) -> None:
    files = [(extension, kind) for extension in (".png", ".tif") for kind in MASKS]
    for number, (extension, kind) in enumerate(files):
        shutil.copy(category / "test/hole/000.png", category / f"test/hole/{900 + number}.png")
        MASKS[kind].save(category / f"ground_truth/hole/{900 + number}_mask{extension}")
    dataset = FolderDataSet(category, ImageCache(category.parent / "cache"))
    manifest = dataset.manifest("widget")
    for number, file in enumerate(files):
        record = manifest.records[manifest.by_name[f"test/hole/{900 + number}.png"]]
        assert (record.defect_pixels, record.mask_levels) == (196, 2), file
        assert np.array_equal(dataset.read("widget", record, 48)[1], MARKED), file


@pytest.mark.parametrize("kind", ["palette", "16-bit", "1 bit", "RGB", "LA", "RGBA"])
def test_class_numbers_are_read_as_stored(kind: str) -> None:
    grey = Image.fromarray(MARKED.astype(np.uint8))
    opaque = Image.new("L", grey.size, 255)
    black = Image.new("L", grey.size)
    numbered = {
        "palette": palette_mask(),
        "16-bit": Image.fromarray(MARKED.astype(np.uint16)),
        "1 bit": Image.fromarray(MARKED),
        "RGB": Image.merge("RGB", (black, black, grey)),
        "LA": Image.merge("LA", (grey, opaque)),
        "RGBA": Image.merge("RGBA", (black, grey, black, opaque)),
    }[kind]
    assert np.array_equal(np.asarray(nonzero_mask(numbered)) > 0, MARKED)


def test_masks_of_class_numbers_are_told_from_empty_ones(category: Path) -> None:
    write_image(category / "ground_truth/hole/000_mask.png", MARKED.astype(np.uint8))
    Image.fromarray((255 * MARKED).astype(np.uint16)).save(category / "ground_truth/hole/001_mask.png")
    empty, numbered = notes_of(category)
    assert empty.startswith("2 defective images have no mask pixel above 127")
    assert numbered == (
        "2 masks hold only values from 0 to 255: if these are class numbers, add --masks-hold classes "
        "(ground_truth/hole/000_mask.png, ground_truth/hole/001_mask.png)"
    )
    assert not np.asarray(binary_mask(Image.open(category / "ground_truth/hole/001_mask.png"))).any()


def test_masks_of_class_numbers_are_refused_with_the_option_that_reads_them(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    white = FolderDataSet(category, ImageCache(tmp_path / "cache")).manifest("widget")
    for number, path in enumerate(sorted((category / "ground_truth").rglob("*.png"))):
        marked = np.asarray(Image.open(path)) > 0
        write_image(path, (marked * (number % 3 + 1)).astype(np.uint8))
    assert main(run_words(category, tmp_path)) == 2
    refused = capsys.readouterr().err.splitlines()[-1]
    assert (
        "but there are 0; 8 masks hold only values from 0 to 3: if these are class numbers, add --masks-hold" in refused
    )
    assert main(run_words(category, tmp_path, "--masks-hold", "classes")) == 0
    run = json.loads(next((tmp_path / "results/runs").glob("*/run.json")).read_text())
    assert run["notes"] == ["masks are read as class numbers: every pixel other than 0 is defective"]
    dataset = FolderDataSet(category, ImageCache(tmp_path / "cache"), masks_hold="classes")
    manifest = dataset.manifest("widget")
    assert [record.defect_pixels for record in manifest.records] == [record.defect_pixels for record in white.records]
    assert dataset.read("widget", manifest.records[-1], 48)[1].sum() == 196
    grey = FolderDataSet(category, ImageCache(tmp_path / "cache")).manifest("widget")
    assert len({white.digest, grey.digest, manifest.digest}) == 3


def test_masks_that_mark_most_of_the_image_or_are_painted_in_black_are_noted(category: Path) -> None:
    for kind in ("crack", "hole"):
        for path in (category / "ground_truth" / kind).iterdir():
            mask = np.asarray(Image.open(path))
            if kind == "crack":
                write_image(path, 255 - mask)
            else:
                write_image(path, np.dstack([np.zeros((*mask.shape, 3), dtype=np.uint8), mask]))
    empty, black, most = notes_of(category)
    assert empty.startswith("4 defective images have no mask pixel above 127 and are left out")
    assert black.startswith(
        "4 masks painted in black on a transparent ground: paint defects in white (ground_truth/hole/"
    )
    assert most.startswith("4 masks mark more than half of the image; inverted? (ground_truth/crack/000_mask.png, ")


def rotated(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return the pixels as a viewer shows them: the EXIF standard's rows and columns of each orientation."""
    views = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: pixels[::-1].swapaxes(0, 1),
        7: pixels[::-1, ::-1].swapaxes(0, 1),
        8: pixels[:, ::-1].swapaxes(0, 1),
    }
    return np.ascontiguousarray(views[orientation])


def save_turned(path: Path, pixels: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif, **({"lossless": True} if path.suffix == ".webp" else {}))


STORED = np.zeros((40, 60), dtype=np.uint8)
STORED[4:16, 6:30] = 255  # a blob near the top left as stored
TURNED = [(orientation, extension) for orientation in range(1, 9) for extension in (".png", ".tif", ".jpg", ".webp")]


def drawn_masks(orientation: int) -> dict[str, tuple[np.ndarray, int]]:
    """Return the masks of the blob that are accepted, each with its own EXIF orientation."""
    masks = {"upright": (rotated(STORED, orientation), 1), "with the photo's tag": (STORED, orientation)}
    return masks | ({"as stored": (STORED, 1)} if orientation >= 5 else {})


def test_a_blob_lies_under_its_mask_in_every_orientation_and_format(category: Path) -> None:
    names = {}
    for orientation, extension in TURNED:
        for drawn, (mask, tag) in drawn_masks(orientation).items():
            stem = f"{orientation}{extension[1:]}{drawn}".replace(" ", "")
            save_turned(category / f"test/hole/{stem}{extension}", np.stack([STORED] * 3, axis=2), orientation)
            save_turned(category / f"ground_truth/hole/{stem}_mask.png", mask, tag)
            names[f"test/hole/{stem}{extension}"] = rotated(STORED, orientation).shape
    dataset = FolderDataSet(category, ImageCache(category.parent / "cache"))
    manifest = dataset.manifest("widget")
    for name, shape in names.items():
        record = manifest.records[manifest.by_name[name]]
        assert (record.height, record.width) == shape, name
        assert record.defect_pixels == 12 * 24, name
        image, mask = dataset.read("widget", record, 120)
        assert image[mask].mean() > 225, name
        assert image[~mask].mean() < 12, name


def test_masks_that_may_be_drawn_on_the_stored_pixels_are_noted(category: Path) -> None:
    square = np.zeros((48, 48, 3), dtype=np.uint8)
    for name, pixels, orientation in (
        ("flipped", np.stack([STORED] * 3, axis=2), 3),
        ("square", square, 6),
        ("sideways", np.stack([STORED] * 3, axis=2), 6),
        ("upright", square, 1),
        ("tagged", square + 9, 6),
    ):
        save_turned(category / f"test/hole/{name}.jpg", pixels, orientation)
        mask = MARKED if pixels.shape[0] == 48 else STORED > 0
        tag = orientation if name == "tagged" else 1
        save_turned(category / f"ground_truth/hole/{name}.png", (255 * mask).astype(np.uint8), tag)
    (note,) = [note for note in notes_of(category) if "EXIF" in note]
    assert note == (
        "2 masks without an EXIF orientation, of photos with one that does not change their size: taken as drawn on "
        "the upright photo, check with data sheet (ground_truth/hole/flipped.png, ground_truth/hole/square.png)"
    )


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1", "LA"])
def test_tiff_files_of_any_mode_are_turned(mode: str, tmp_path: Path) -> None:
    stored = Image.fromarray(STORED)
    if mode == "I;16":
        stored = Image.fromarray(STORED.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 8
    stored.convert(mode).save(tmp_path / "photo.tif", exif=exif)
    image, header = read_upright(tmp_path / "photo.tif")
    assert header.size == image.size == (40, 60)
    assert np.array_equal(np.asarray(grey_mask(image)), rotated(STORED, 8))


def test_imported_photos_lie_under_their_masks_in_every_orientation(tmp_path: Path) -> None:
    for orientation, extension in TURNED:
        for drawn, (mask, tag) in drawn_masks(orientation).items():
            stem = f"{orientation}{extension[1:]}{drawn}".replace(" ", "")
            save_turned(tmp_path / f"mine/photos/{stem}{extension}", np.stack([STORED] * 3, axis=2), orientation)
            save_turned(tmp_path / f"mine/labels/{stem}.png", mask, tag)
    for index in range(4):
        write_image(tmp_path / f"mine/photos/normal{index}.png", STORED)
    words = ["--images", "photos/{name}.*", "--masks", "labels/{name}.png"]
    assert main(["data", "import", "pairs", str(tmp_path / "mine"), str(tmp_path / "sorted"), *words]) == 0
    dataset = FolderDataSet(tmp_path / "sorted/mine", ImageCache(tmp_path / "cache"))
    defective = [record for record in dataset.manifest("mine").records if record.defective]
    assert len(defective) == sum(len(drawn_masks(orientation)) for orientation, _ in TURNED)
    for record in defective:
        image, mask = dataset.read("mine", record, 120)
        assert image[mask].mean() > 225, record.name
        assert image[~mask].mean() < 12, record.name


def test_what_is_left_out_or_odd_is_noted_before_training_in_the_record_and_in_the_report(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(category / "train/good/000.png", category / "test/good/900.png")
    Image.new("RGB", (48, 48)).save(category / "test/good/901.gif")
    left_out = "left out: 1 file of a type that is not read: save images as PNG (test/good/901.gif)"
    note = "1 images are in both train and test, so scores are too high: train/good/000.png = test/good/900.png"
    assert main(["data", "list", *run_words(category, tmp_path)[1:5], "--cache", str(tmp_path / "cache")]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed == ["widget: train/good 4, test/good 3, test/crack 4, test/hole 4", f"  {left_out}", f"  {note}"]
    assert main(run_words(category, tmp_path)) == 0
    lines = capsys.readouterr().err.splitlines()
    used = "used: train/good 4, test/good 3, test/crack 4, test/hole 4"
    start = lines.index(f"widget: {used}")
    assert lines[start + 1 : start + 4] == [
        f"widget: {left_out}",
        f"widget: {note}",
        "1 runs: 0 stored, 1 to do",
    ]
    run = json.loads(next((tmp_path / "results/runs").glob("*/run.json")).read_text())
    assert run["notes"] == [used, left_out, note]
    page = (tmp_path / "results/report.html").read_text()
    assert left_out in page
    assert note in page
    assert main(run_words(category, tmp_path, "--strict")) == 2
    assert f"widget, refused by --strict: {left_out}; data list" in capsys.readouterr().err


def test_duplicates_within_test_or_under_two_labels_are_noted(category: Path) -> None:
    shutil.copy(category / "test/hole/000.png", category / "test/hole/900.png")
    shutil.copy(category / "ground_truth/hole/000_mask.png", category / "ground_truth/hole/900_mask.png")
    shutil.copy(category / "test/crack/001.png", category / "test/good/901.png")
    assert notes_of(category) == [
        "2 images occur more than once; a draw may train on one copy and test on another: "
        "test/good/901.png = test/crack/001.png, test/hole/000.png = test/hole/900.png",
        "1 images are labelled both normal and defective: test/good/901.png = test/crack/001.png",
    ]


def test_one_defect_type_without_normal_test_images_is_run_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    category = make_category(tmp_path / "data/widget", defects=("hole",), test_normals=0)
    manifest = FolderDataSet(category, ImageCache(tmp_path / "cache")).manifest("widget")
    drawn = {shots_per: draw_shots(manifest, 1, 0, shots_per) for shots_per in ("defect_type", "category")}
    assert all(len(draw.shots) == 1 and len(draw.test) == 3 for draw in drawn.values())
    assert main(run_words(category, tmp_path)) == 0
    captured = capsys.readouterr()
    assert "widget: there are no normal test images, so AUC and ACC are undefined" in captured.err
    table = load_results(tmp_path / "results")
    assert table["iou"].notna().all()
    assert table[["auc", "acc"]].isna().all(axis=None)


def test_hidden_files_and_folders_are_ignored(category: Path) -> None:
    before = FolderDataSet(category.parent, ImageCache(category.parent / "cache")).manifest("widget")
    (category / "train/good/._000.png").write_bytes(b"\x00\x05\x16\x07")
    shutil.copytree(category / "test/hole", category / "test/.ipynb_checkpoints")
    shutil.copytree(category, category.parent / ".widget~1~host~0.partial")
    dataset = FolderDataSet(category.parent, ImageCache(category.parent / "cache"))
    assert dataset.categories() == ("widget",)
    assert dataset.manifest("widget") == before


def downloaded_runs(page: str) -> str:
    """Return the CSV file of all runs that a report offers."""
    (link,) = re.findall(r'download="runs[^"]*\.csv" href="data:text/csv;charset=utf-8;base64,([^"]*)"', page)
    return base64.b64decode(link).decode()


HOSTILE = ["<script>alert(1)<", "-dash", "=cmd()", "'=cmd()", "two words", "ünïcode 猫", "a'b\"c", "per%cent{x}"]


def test_hostile_names_of_categories_and_defect_types_are_escaped_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in HOSTILE:
        make_category(tmp_path / "data" / name, defects=(name,), images=2)
    assert main(run_words(tmp_path / "data", tmp_path)) == 0
    assert main(run_words(tmp_path / "data", tmp_path, "--category=-dash")) == 0
    assert sorted(load_results(tmp_path / "results")["category"]) == sorted(HOSTILE)
    page = (tmp_path / "results/report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    words = ["--dataset", "folder", "--data-root", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    assert main(["data", "sheet", *words, "--out", str(tmp_path / "sheet.html")]) == 0
    assert "<script>alert(1)" not in (tmp_path / "sheet.html").read_text()
    assert main(["data", "manifest", *words, "--out", str(tmp_path / "manifest")]) == 0
    assert {manifest.category for manifest in read_manifest(tmp_path / "manifest")} == set(HOSTILE)
    for text in ((tmp_path / "manifest/images.csv").read_text(), downloaded_runs(page)):
        assert "'=cmd()" in text
        assert "'-dash" in text
        assert not re.search(r'(^|,)"?[=-]', text, re.MULTILINE)
    assert main(["data", "list", *words]) == 0
    assert "\n-dash: train/good 4, test/good 2, test/-dash 2\n" in f"\n{capsys.readouterr().out}"


def test_a_name_outside_ascii_needs_a_locale_that_can_express_it(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_category(tmp_path / "data/tür", defects=("hole",))
    words = ("data", "list", "--dataset", "folder", "--data-root", "data")
    monkeypatch.setenv("LC_ALL", "C")
    listed = command_line(*words)
    assert (listed.returncode, listed.stderr) == (0, "")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    refused = command_line(*words)
    assert refused.returncode == 2
    assert "this locale, whose encoding is ascii: set PYTHONUTF8=1" in refused.stderr


def test_the_commands_of_the_guide_work_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (REPOSITORY / "docs/own-images.md").read_text()
    commands = [line.strip() for line in guide.splitlines() if line.startswith("python -m benchmark")]
    assert len(commands) >= 5
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    published.make_pairs(tmp_path / "mine")
    for command in commands:
        words = [word.strip("'") for word in command.split()[3:]]
        if words[0] == "run":
            words += [*TINY, "--jobs", "1"]
        assert main(words) == 0, command
    assert (tmp_path / "results/report.html").is_file()

"""``data verify``: every difference from the manifest is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.cli import main
from benchmark.data.mvtec import manifest_folder
from tests.conftest import make_category, write_image
from tests.data.mvtec_tree import write_tree

Outcome = tuple[int, dict[str, object]]


def verify(capsys: pytest.CaptureFixture[str], root: Path, *words: object) -> Outcome:
    """Return the exit code and the output of ``--json``."""
    capsys.readouterr()
    code = main(["data", "verify", "--data-root", str(root), "--json", *map(str, words)])
    return code, json.loads(capsys.readouterr().out)


def problems(report: dict[str, object], category: str) -> list[tuple[str, str, str]]:
    found = report["categories"][category]["problems"]  # type: ignore[index]
    return [(problem["kind"], problem["file"], problem["detail"]) for problem in found]


@pytest.fixture(scope="module")
def grid_and_toothbrush(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two categories with the published names, sizes and modes, one grey and one in colour."""
    return write_tree(tmp_path_factory.mktemp("mvtec") / "data", categories=("grid", "toothbrush"))


@pytest.fixture
def toothbrush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A category of 64 px images, itself the data root, and its published manifest for that size in ``listed``."""
    monkeypatch.chdir(tmp_path)
    Path("listed").mkdir()
    shutil.copy(manifest_folder() / "dataset.json", "listed")
    lines = (manifest_folder() / "images.csv").read_text().splitlines(keepends=True)
    Path("listed/images.csv").write_text("".join(lines).replace(",1024,1024,", ",64,64,"))
    write_tree(tmp_path, categories=("toothbrush",), side=64)
    return tmp_path / "toothbrush"


MVTEC = ("--dataset", "mvtec-ad")
SMALL = (*MVTEC, "--manifest", "listed")


def test_files_as_published_pass(grid_and_toothbrush: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(grid_and_toothbrush)
    words = ["data", "verify", *MVTEC, "--data-root", root, "--category", "grid", "toothbrush"]
    assert main(words) == 0
    out, progress = capsys.readouterr()
    assert out.splitlines() == [
        "grid: 342 images and 57 masks listed: as listed",
        "toothbrush: 102 images and 30 masks listed: as listed",
        "2 categories, 444 images, 87 masks: all as listed",
    ]
    assert progress.splitlines()[-1] == "reading: 531 files of 531 files"


def test_missing_and_unlisted_categories_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_category(tmp_path / "data" / "widget")
    code, report = verify(capsys, tmp_path / "data", *MVTEC)
    assert (code, report["as_listed"]) == (1, False)
    assert report["summary"] == {"missing": 15, "extra": 1}
    assert report["unlisted_categories"] == ["widget/"]
    assert problems(report, "carpet") == [("missing", "carpet/", "the folder of 397 images and 89 masks")]


def mode_1_mask(path: Path) -> None:
    mask = Image.new("1", (64, 64))
    mask.paste(1, (0, 0, 9, 9))
    mask.save(path)


def grey_mask(path: Path) -> None:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[:9, :9], mask[0, :2] = 255, (1, 128)
    write_image(path, mask)


IMAGE, MASK = "test/defective/007.png", "ground_truth/defective/007_mask.png"
CHANGES: dict[str, tuple[Callable[[Path], object], list[tuple[str, str, str]]]] = {
    "missing image": (lambda c: (c / IMAGE).unlink(), [("missing", IMAGE, "")]),
    "missing mask": (lambda c: (c / MASK).unlink(), [("missing", MASK, "")]),
    "extra image": (
        lambda c: shutil.copy(c / IMAGE, c / "train/good/copy.png"),
        [("extra", "train/good/copy.png", "")],
    ),
    "renamed mask": (
        lambda c: (c / MASK).rename(c / "ground_truth/defective/007.png"),
        [("missing", MASK, ""), ("extra", "ground_truth/defective/007.png", "")],
    ),
    "cut off within the pixels": (
        lambda c: (c / IMAGE).write_bytes((c / IMAGE).read_bytes()[:60]),
        [("unreadable", IMAGE, "image file is truncated")],
    ),
    "empty file": (
        lambda c: (c / MASK).write_bytes(b""),
        [("unreadable", MASK, "the file is empty")],
    ),
    "folder of that name": (
        lambda c: ((c / IMAGE).unlink(), (c / IMAGE).mkdir()),
        [("unreadable", IMAGE, "Is a directory")],
    ),
    "another size": (
        lambda c: write_image(c / "train/good/000.png", np.zeros((32, 64, 3), dtype=np.uint8)),
        [("size", "train/good/000.png", "64 x 32, not 64 x 64 px")],
    ),
    "another mode": (
        lambda c: write_image(c / "train/good/000.png", np.zeros((64, 64), dtype=np.uint8)),
        [("mode", "train/good/000.png", "L, not RGB")],
    ),
    "mask of another size": (
        lambda c: write_image(c / MASK, np.full((63, 64), 255, dtype=np.uint8)),
        [("mask size", MASK, "64 x 63, its image 64 x 64 px")],
    ),
    "grey mask": (lambda c: grey_mask(c / MASK), [("mask values", MASK, "1, 128 beside 0 and 255")]),
    "mask of one bit per pixel": (lambda c: mode_1_mask(c / MASK), []),
    "a text file among the images": (lambda c: (c / "readme.txt").write_text("licence"), []),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_problem_is_named_with_file_and_detail(
    toothbrush: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    apply, expected = CHANGES[change]
    apply(toothbrush)
    code, report = verify(capsys, toothbrush, *SMALL)
    assert code == (1 if expected else 0)
    found = problems(report, "toothbrush")
    assert [(kind, file) for kind, file, _ in found] == [(kind, f"toothbrush/{file}") for kind, file, _ in expected]
    assert all(wanted in detail for (_, _, detail), (_, _, wanted) in zip(found, expected, strict=True))


def test_an_empty_mask_is_a_note_and_not_a_problem(toothbrush: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(toothbrush / MASK, np.zeros((64, 64), dtype=np.uint8))
    code, report = verify(capsys, toothbrush, *SMALL)
    assert code == 0
    assert report["categories"]["toothbrush"]["empty_masks"] == [f"toothbrush/{MASK}"]  # type: ignore[index]


def test_long_lists_of_problems_are_shortened_in_text_but_complete_in_json(
    toothbrush: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(toothbrush / "ground_truth")
    assert main(["data", "verify", *SMALL, "--data-root", str(toothbrush)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "toothbrush: 102 images and 30 masks listed: 30 missing"
    assert lines[1] == "  missing: toothbrush/ground_truth/defective/000_mask.png"
    assert lines[6:] == [
        "  missing: 25 more; --json has all",
        "1 categories, 102 images, 30 masks: 30 missing",
    ]
    assert len(problems(verify(capsys, toothbrush, *SMALL)[1], "toothbrush")) == 30


def test_checksums_are_written_once_and_compared_afterwards(
    toothbrush: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record.sha256"
    words = (*SMALL, "--checksums", record)
    assert verify(capsys, toothbrush, *words)[0] == 0
    assert len(record.read_text().splitlines()) == 132
    subprocess.run(["sha256sum", "--check", "--quiet", str(record)], cwd=tmp_path, check=True)
    assert verify(capsys, toothbrush, *words)[0] == 0
    pixels = np.asarray(Image.open(toothbrush / IMAGE)).copy()
    pixels[0, 0] ^= 1
    write_image(toothbrush / IMAGE, pixels)
    code, report = verify(capsys, toothbrush, *words)
    assert code == 1
    ((kind, file, detail),) = problems(report, "toothbrush")
    assert (kind, file) == ("content", f"toothbrush/{IMAGE}")
    assert detail.endswith("in the checksum file")


def test_no_checksums_are_written_if_there_are_problems(
    toothbrush: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (toothbrush / IMAGE).unlink()
    assert main(["data", "verify", *SMALL, "--data-root", str(toothbrush), "--checksums", str(tmp_path / "r")]) == 1
    assert "not written" in capsys.readouterr().out
    assert not (tmp_path / "r").exists()


def test_a_folder_is_compared_with_its_own_manifest(
    category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = np.zeros((48, 48), dtype=np.uint8)
    grey[4:9, 4:9] = 200
    write_image(category / "ground_truth/hole/001_mask.png", grey)
    root, listed = category.parent, tmp_path / "listed"
    words = ["--dataset", "folder", "--data-root", str(root)]
    assert main(["data", "manifest", *words, "--out", str(listed), "--cache", str(tmp_path / "cache")]) == 0
    against = ("--dataset", "folder", "--manifest", listed)
    assert verify(capsys, root, *against)[0] == 0
    write_image(category / "train/good/001.png", np.zeros((48, 48, 3), dtype=np.uint8))
    code, report = verify(capsys, root, *against)
    assert code == 1
    assert [problem[:2] for problem in problems(report, "widget")] == [("content", "widget/train/good/001.png")]
    write_image(category / "train/good/001.png", np.zeros((40, 48, 3), dtype=np.uint8))
    assert verify(capsys, root, *against, "--ignore-size")[1]["summary"] == {"content": 1}
    assert verify(capsys, root, *against)[1]["summary"] == {"size": 1, "content": 1}


UNUSABLE = {
    "no manifest of a folder": (["--dataset", "folder", "--data-root", "."], "--manifest"),
    "no manifest of rendered images": (["--data-root", "."], "--dataset synthetic"),
    "no data root": ([*MVTEC], "--data-root"),
    "missing data root": ([*MVTEC, "--data-root", "nowhere"], "data root nowhere"),
    "unknown category": ([*MVTEC, "--data-root", ".", "--category", "botle"], "'botle': did you mean 'bottle'"),
    "no files of a manifest": ([*MVTEC, "--data-root", ".", "--manifest", "."], ". is not a manifest"),
    "another file than checksums": ([*MVTEC, "--data-root", ".", "--checksums", "text"], "text is not a checksum file"),
}


def test_unusable_options_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("hello\n")
    for case, (words, named) in UNUSABLE.items():
        assert main(["data", "verify", *words]) == 2, case
        out, error = capsys.readouterr()
        assert (out, error.count("\n")) == ("", 1), case
        assert named in error, case


def test_a_mask_on_the_stored_pixels_of_a_sideways_photo_fits_and_another_size_is_explained(
    toothbrush: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(toothbrush / IMAGE, exif=exif)
    white = np.full((32, 64), 255, dtype=np.uint8)
    write_image(toothbrush / MASK, white)
    assert verify(capsys, toothbrush, *SMALL, "--ignore-size")[0] == 0
    write_image(toothbrush / MASK, white[:30])
    _, report = verify(capsys, toothbrush, *SMALL, "--ignore-size")
    detail = "64 x 30, its image 32 x 64 px, turned by its EXIF orientation"
    assert problems(report, "toothbrush") == [("mask size", f"toothbrush/{MASK}", detail)]


def test_class_numbers_are_no_problem_where_the_list_or_the_option_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    category = make_category(tmp_path / "data" / "widget", defects=("hole",))
    for path in (category / "ground_truth/hole").iterdir():
        write_image(path, np.asarray(Image.open(path)) // 255 * 2)
    listed = ["data", "manifest", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--out"]
    assert main([*listed, str(tmp_path / "classes"), "--masks-hold", "classes"]) == 0
    for manifest, words in (("classes", ()), ("without", ("--masks-hold", "classes"))):
        if manifest == "without":  # a list without checksums, so that the masks themselves are looked at
            (tmp_path / "without").mkdir()
            shutil.copy(manifest_folder() / "dataset.json", tmp_path / "without")
            lines = (tmp_path / "classes/images.csv").read_text().splitlines()
            kept = (",".join(line.split(",")[:8]) for line in lines)
            (tmp_path / "without/images.csv").write_text("\n".join(kept) + "\n")
        given = ("--dataset", "folder", "--manifest", tmp_path / manifest, *words)
        code, report = verify(capsys, tmp_path / "data", *given)
        assert (code, report["categories"]["widget"]["empty_masks"]) == (0, [])  # type: ignore[index]
    _, report = verify(capsys, tmp_path / "data", "--dataset", "folder", "--manifest", tmp_path / "without")
    detail = "2 beside 0 and 255; if these are class numbers, add --masks-hold classes"
    assert [problem[2] for problem in problems(report, "widget")] == [detail] * 4

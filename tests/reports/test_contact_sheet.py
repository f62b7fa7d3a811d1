"""Contact sheets: every label is there, masks lie where they should, pages and pictures open."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines import InputError, pasting_names
from benchmark.cli import main
from reports.contact_sheet import CategorySheet, Label, Shot, outlined, write_contact_sheet
from tests.reports.pages import HOSTILE, Outline, browse, needs_browser, reads_well

MAGENTA = (255, 0, 220)


def shot(defect: bool) -> Shot:
    image = np.full((40, 40, 3), 90, dtype=np.uint8)
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:20, 12:30] = True
    return Shot(image, mask if defect else None)


def sheet(name: str = "widget") -> CategorySheet:
    return CategorySheet(
        name,
        (
            Label("train", "good", 7, (shot(False), shot(False))),
            Label("test", "good", 3, (shot(False),)),
            Label("test", name, 9, (shot(True), shot(True))),
        ),
    )


def test_the_outline_surrounds_the_mask_and_leaves_what_is_inside() -> None:
    drawn = outlined(shot(True))
    line = (drawn == MAGENTA).all(axis=2)
    mask = shot(True).mask
    assert mask is not None
    assert (drawn[mask] == 90).all()
    assert line.sum() == 2 * (10 + 18)
    assert np.argwhere(line).min(axis=0).tolist() == [9, 11]
    assert np.array_equal(outlined(shot(False)), shot(False).image)


def test_a_page_shows_every_shot_and_defects_twice(tmp_path: Path) -> None:
    page = write_contact_sheet([sheet("widget"), sheet(HOSTILE)], "mine", tmp_path / "sheet.html")
    text = page.read_text(encoding="utf-8")
    outline = Outline(text)
    assert len(outline.sources) == 2 * (3 + 2 * 2)
    assert all(source.startswith("data:image/webp") for source in outline.sources)
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert outline.scripts == outline.images_without_words == 0
    assert re.search(r"train/good <small>2 of 7 images", text)


@needs_browser
@pytest.mark.parametrize("size", ["1280,900", "500,800"])
def test_a_browser_shows_it_whole(tmp_path: Path, size: str) -> None:
    page = write_contact_sheet([sheet(), sheet(HOSTILE)], "mine", tmp_path / "sheet.html")
    seen = browse(page, tmp_path, f"--window-size={size}")
    reads_well(seen)
    assert seen["hostile"]


@pytest.mark.parametrize(("suffix", "kind"), [(".jpg", "JPEG"), (".png", "PNG"), (".webp", "WEBP")])
def test_a_picture_has_a_line_per_category_and_a_column_per_label(tmp_path: Path, suffix: str, kind: str) -> None:
    path = write_contact_sheet([sheet("one"), sheet("two")], "mine", tmp_path / f"sheet{suffix}")
    with Image.open(path) as picture:
        assert picture.format == kind
        assert picture.size == (2 * 46 + 6, 2 * (46 + 18) + 6)
        if suffix == ".png":
            pixels = np.asarray(picture)
            defect = pixels[24:64, 52:92]
            assert np.array_equal(defect, outlined(shot(True)))


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sheet.pdf must end in .html for a page, or .jpg, .png, .webp for a pict"):
        write_contact_sheet([sheet()], "mine", tmp_path / "sheet.pdf")
    assert not list(tmp_path.iterdir())


def test_any_data_set_can_be_shown(category: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.html"
    words = ["--out", str(out), "--size", "48", "--cache", str(tmp_path / "cache")]
    assert main(["data", "sheet", "--dataset", "folder", "--data-root", str(category.parent), *words]) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    labels = re.findall(r"<h3>(.*?) <small>(\d+) of (\d+)", out.read_text(encoding="utf-8"))
    assert labels == [
        ("train/good", "3", "4"),
        ("test/good", "2", "2"),
        ("test/crack", "3", "4"),
        ("test/hole", "3", "4"),
    ]
    picture = tmp_path / "sheet.png"
    assert main(["data", "sheet", "--category", "screw", "tile", "--size", "32", "--out", str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.size == (6 * 38 + 6, 2 * (38 + 18) + 6)


def test_a_sheet_of_pastings_shows_a_normal_image_a_defective_one_and_each_pasting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "sheet", "--pastings", "--category", "hazelnut", "--size", "32"]
    for name in ("sheet.png", "again.png", "sheet.html"):
        assert main([*words, "--out", str(tmp_path / name), "--cache", str(tmp_path / "cache")]) == 0
        assert capsys.readouterr().out == f"wrote {tmp_path / name}\n"
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == ((2 + len(pasting_names())) * 38 + 6, 38 + 18 + 6)
    assert (tmp_path / "sheet.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert all(f"pasted/{name} " in page for name in pasting_names())

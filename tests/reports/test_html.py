"""The report: whole, offline, escaped; opened in a real browser where there is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baselines import InputError
from reports.html import write_report
from tests.factories import store_run
from tests.reports.pages import HOSTILE, Outline, browse, needs_browser, reads_well


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A report of two methods, a hostile category name and label, and a failed run."""
    for method in ("unet", "albunet_nbr_cap"):
        store_run(tmp_path, 0.5, category="carpet", method=method)
        store_run(tmp_path, 0.7, category=HOSTILE, method=method, label=HOSTILE)
    store_run(tmp_path, status="failed", category="carpet", method="albunet")
    return write_report(tmp_path, ["python", "-m", "benchmark", "run", "--category", HOSTILE])


def test_the_page_is_one_file_that_asks_for_nothing(page: Path) -> None:
    outline = Outline(page.read_text(encoding="utf-8"))
    assert outline.sources
    assert all(source.startswith("data:image/") for source in outline.sources)
    assert all(link.startswith(("#", "data:")) for link in outline.links)
    assert not re.search(r"url\((?!data:)|@import", page.read_text(encoding="utf-8"))


def test_every_link_has_its_target_and_every_image_its_words(page: Path) -> None:
    outline = Outline(page.read_text(encoding="utf-8"))
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert outline.images_without_words == 0


def test_names_from_a_data_set_are_text(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert Outline(text).scripts == 0
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "RuntimeError: out of luck" in text


def test_what_is_not_mvtec_ad_says_so(page: Path) -> None:
    assert "not comparable with the paper" in page.read_text(encoding="utf-8")


def test_an_empty_folder_gives_a_page_that_says_so_and_none_an_error(tmp_path: Path) -> None:
    assert "Nothing is stored" in write_report(tmp_path).read_text(encoding="utf-8")
    with pytest.raises(InputError, match="no results in"):
        write_report(tmp_path / "nowhere")


def test_pictures_that_cannot_be_read_are_named_and_the_rest_is_shown(page: Path) -> None:
    before = Outline(page.read_text(encoding="utf-8"))
    lost = next((page.parent / "runs").glob("carpet_unet_*/samples/test_*_prediction.png"))
    lost.unlink()
    damaged = next((page.parent / "runs").glob("carpet_unet_*/samples/train_*_truth.png"))
    damaged.write_bytes(damaged.read_bytes()[:40])
    with pytest.warns(UserWarning, match=r"the report lacks 2 sample pictures and says which: .*train_.*_truth\.png"):
        write_report(page.parent)
    text = page.read_text(encoding="utf-8")
    assert text.count("<em>missing: prediction of U-Net for test/cut/7.png</em>") == 1
    assert text.count("<em>missing: training truth of cut</em>") == 1
    for path in (lost, damaged):
        assert len(re.findall(f'<p class="note">unreadable image .*{path.name}: .*</p>', text)) == 1
    after = Outline(text)
    assert len(after.sources) == len(before.sources) - 2
    assert after.images_without_words == 0


@needs_browser
@pytest.mark.parametrize("size", ["1280,900", "500,800"])
def test_a_browser_shows_it_whole_without_asking_for_anything(page: Path, tmp_path: Path, size: str) -> None:
    seen = browse(page, tmp_path, f"--window-size={size}")
    reads_well(seen)
    assert seen["hostile"]


@needs_browser
def test_a_reader_who_prefers_dark_gets_dark(page: Path, tmp_path: Path) -> None:
    light = browse(page, tmp_path)["background"]
    dark = browse(page, tmp_path, "--blink-settings=preferredColorScheme=0")["background"]
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")

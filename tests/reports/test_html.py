"""The report: whole, offline, escaped; opened in a real browser where there is one."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from baselines import InputError
from reports.html import write_report
from tests.factories import store_run

HOSTILE = "<script>alert('x')</script>\"ü"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A report of two methods, a hostile category name and label, and a failed run."""
    for method in ("unet", "albunet_nbr_cap"):
        store_run(tmp_path, 0.5, category="carpet", method=method)
        store_run(tmp_path, 0.7, category=HOSTILE, method=method, label=HOSTILE)
    store_run(tmp_path, status="failed", category="carpet", method="albunet")
    return write_report(tmp_path, ["python", "-m", "benchmark", "run", "--category", HOSTILE])


class Outline(HTMLParser):
    """Collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.scripts = 0
        self.images_without_words = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.scripts += tag == "script"
        self.images_without_words += tag == "img" and not values.get("alt")
        if "id" in values:
            self.ids.append(values["id"] or "")
        if "href" in values:
            self.links.append(values["href"] or "")
        if "src" in values:
            self.sources.append(values["src"] or "")


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


def test_a_missing_sample_picture_is_named(page: Path) -> None:
    lost = next((page.parent / "runs").glob("carpet_unet_*/samples/test_*_prediction.png"))
    lost.unlink()
    with pytest.raises(InputError, match=f"unreadable image .*{lost.name}"):
        write_report(page.parent)


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = """
<script>
addEventListener("load", () => {
  const images = [...document.images];
  document.title = JSON.stringify({
    images: images.length,
    broken: images.filter(image => !image.complete || !image.naturalWidth).length,
    requests: performance.getEntriesByType("resource").filter(entry => !entry.name.startsWith("data:")).length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map(heading => +heading.tagName[1]),
    unscoped: document.querySelectorAll("th:not([scope])").length,
    background: getComputedStyle(document.body).backgroundColor,
    hostile: document.body.innerText.includes("\\u003cscript>alert('x')\\u003c/script>"),
  });
});
</script>
"""


def browse(page: Path, tmp_path: Path, *options: str) -> dict[str, object]:
    """Open the page in a headless browser and return what the probe saw there."""
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [
        BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'browser'}", *options, "--dump-dom", probed.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    titles = re.findall(r"<title>(.*?)</title>", dom, re.DOTALL)
    return json.loads(titles[0].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.parametrize("size", ["1280,900", "500,800"])
def test_a_browser_shows_it_whole_without_asking_for_anything(page: Path, tmp_path: Path, size: str) -> None:
    seen = browse(page, tmp_path, f"--window-size={size}")
    assert seen["images"]
    assert (seen["broken"], seen["requests"], seen["unscoped"]) == (0, 0, 0)
    assert seen["overflow"] <= 0  # wide tables scroll inside their own box
    assert seen["hostile"]
    levels = seen["headings"]
    assert isinstance(levels, list)
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_reader_who_prefers_dark_gets_dark(page: Path, tmp_path: Path) -> None:
    light = browse(page, tmp_path)["background"]
    dark = browse(page, tmp_path, "--blink-settings=preferredColorScheme=0")["background"]
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")

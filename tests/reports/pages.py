"""What the tests of pages share: reading their HTML, and opening them in a real browser."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

HOSTILE = "<script>alert('x')</script>\"ü"


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


def reads_well(seen: dict[str, object]) -> None:
    """Check that a page is whole, asks for nothing, fits its window, and has its headings in order."""
    assert seen["images"]
    assert (seen["broken"], seen["requests"], seen["unscoped"]) == (0, 0, 0)
    assert seen["overflow"] <= 0  # type: ignore[operator]  # wide tables scroll inside their own box
    levels = seen["headings"]
    assert isinstance(levels, list)
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")

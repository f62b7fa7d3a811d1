"""What the tests of pages share: reading their HTML, and opening them in a real browser."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

HOSTILE = "<script>alert('x')</script>\"ü"


class Outline(HTMLParser):
    """The ids, links and images of a page."""

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
EARLY = """
<script>
const problems = [];
addEventListener("error", (event) => problems.push(event.message));
addEventListener("unhandledrejection", (event) => problems.push(String(event.reason)));
for (const kind of ["error", "warn"]) console[kind] = (...words) => problems.push(words.join(" "));
</script>
"""
PROBE = """
<script>
addEventListener("load", async () => {
  const images = [...document.images];
  const seen = {
    images: images.length,
    broken: images.filter(image => !image.complete || !image.naturalWidth).length,
    requests: performance.getEntriesByType("resource").filter(entry => !entry.name.startsWith("data:")).length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    width: innerWidth,
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map(heading => +heading.tagName[1]),
    unscoped: document.querySelectorAll("th:not([scope])").length,
    uncaptioned: document.querySelectorAll("table:not(:has(> caption))").length,
    background: getComputedStyle(document.body).backgroundColor,
    hostile: document.body.innerText.includes("\\u003cscript>alert('x')\\u003c/script>"),
    opened: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
  };
  try { seen.found = await (async () => { SCRIPT })(); } catch (error) { problems.push(String(error)); }
  document.title = JSON.stringify({...seen, problems});
  parent.postMessage(document.title, "*");
});
</script>
"""


# A window of this browser cannot be narrower than 500 px, a frame can.
FRAME = """
<!doctype html><meta name="color-scheme" content="light dark"><title></title>
<script>addEventListener("message", (event) => { document.title = event.data; });</script>
<iframe width="WIDTH" height="800" style="border: 0" src="ADDRESS"></iframe>
"""


def browse(
    page: Path, tmp_path: Path, *options: str, script: str = "", fragment: str = "", width: int | None = None
) -> dict[str, Any]:
    """Open the page in a headless browser and return what the probe found.

    Parameters
    ----------
    page, tmp_path : Path
        The browser keeps its own files below ``tmp_path``.
    options : str
        For the browser's command line.
    script : str
        Body of a function run once the page has loaded; what it returns is ``found``.
    fragment : str
        Opened with the page, after a ``#``.
    width : int, optional
        Of the page; else as the options say.
    """
    text = page.read_text(encoding="utf-8").replace("<head>", "<head>" + EARLY, 1)
    probed = page.with_name(f"probed_{page.name}")  # beside it, so that its links lead where they do
    probed.write_text(text.replace("</body>", PROBE.replace("SCRIPT", script) + "</body>"), encoding="utf-8")
    address = probed.absolute().as_uri() + (f"#{fragment}" if fragment else "")
    frame = page.with_name(f"framed_{page.name}")
    if width:
        frame.write_text(FRAME.replace("WIDTH", str(width)).replace("ADDRESS", address), encoding="utf-8")
        address = frame.absolute().as_uri()
    command = [
        BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'browser'}", *options, "--virtual-time-budget=3000", "--dump-dom", address,
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    titles = re.findall(r"<title>(.*?)</title>", dom, re.DOTALL)
    probed.unlink()
    frame.unlink(missing_ok=True)
    return dict(json.loads(titles[0].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))


def reads_well(seen: dict[str, Any]) -> None:
    """Check that a page is complete, requests nothing, fits its window, and has its headings in order."""
    assert seen["images"]
    assert (seen["broken"], seen["requests"], seen["unscoped"], seen["uncaptioned"]) == (0, 0, 0, 0)
    assert seen["problems"] == []
    assert seen["overflow"] <= 0  # wide tables scroll inside their own box
    levels = seen["headings"]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")

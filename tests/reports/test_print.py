"""The report on paper, as Chromium prints it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.html import write_report
from tests.factories import store_complete, store_run
from tests.reports.pages import BROWSER, browse, needs_browser

PDFTOTEXT = shutil.which("pdftotext")
HEAD = re.compile(r"Category +Method +K +Seed +Status")
RUN = re.compile(r"^carpet +U-Net +1 +\d+ +done", re.MULTILINE)


@needs_browser
@pytest.mark.skipif(PDFTOTEXT is None, reason="no pdftotext here")
def test_the_head_of_a_table_is_on_every_page_of_it(tmp_path: Path) -> None:
    for seed in range(90):
        store_run(tmp_path, 0.5, seed=seed)
    page = write_report(tmp_path, ["python", "-m", "benchmark", "run"])
    printed = tmp_path / "report.pdf"
    subprocess.run(
        [
            BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            f"--user-data-dir={tmp_path / 'browser'}", "--no-pdf-header-footer", f"--print-to-pdf={printed}",
            page.absolute().as_uri(),
        ],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    words = [PDFTOTEXT or "", "-layout", str(printed), "-"]
    pages = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\f")
    of_table = [text for text in pages if RUN.search(text)]
    assert len(of_table) > 1
    assert sum(len(RUN.findall(text)) for text in of_table) == 90
    assert all(len(HEAD.findall(text)) == 1 for text in of_table)


@needs_browser
def test_a_printed_table_has_all_of_its_columns_on_the_page(tmp_path: Path) -> None:
    store_complete(tmp_path, 60, size=32, iterations=100, categories=("hazelnut", "tile"))
    page = write_report(tmp_path)
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("@media print", "@media all"), encoding="utf-8")
    wider = "[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth - box.clientWidth)"
    seen = browse(page, tmp_path, width=690, script=f"return {wider}")  # 180 mm: A4 without margins of 15 mm
    assert len(seen["found"]) > 20
    assert max(seen["found"]) <= 1
    assert seen["overflow"] <= 0

"""How long a report of 1,500 runs takes to write, and the memory and disk it needs (``tox -e perf``)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.factories import store_complete

pytestmark = pytest.mark.perf
_WRITE = """
import resource, sys
from pathlib import Path
from reports.html import write_report
write_report(Path(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_maxrss // 1024, round(used.ru_utime + used.ru_stime))
"""


def test_writing_a_report_of_1500_runs(tmp_path: Path) -> None:
    store_complete(tmp_path, 1500)
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _WRITE, tmp_path], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    most, busy = map(int, done.stdout.split())
    pages = sorted((tmp_path / "report_files").rglob("*.html"), key=lambda path: path.stat().st_size)
    megabytes = [path.stat().st_size / 1e6 for path in (tmp_path / "report.html", pages[-1])]
    print(
        f"\n1,500 runs: {seconds:.1f} s including the start of Python, {busy} s of CPU time;"
        f" {most} MiB at most;"
        f" report.html {megabytes[0]:.1f} MB, {len(pages)} detail pages of up to {megabytes[1]:.1f} MB"
    )

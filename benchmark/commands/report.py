"""``report``: write the HTML report of the stored runs."""

from __future__ import annotations

import argparse

from reports.html import write_report


def do(options: argparse.Namespace) -> int:
    """Write the page and print its path."""
    print(f"report: {write_report(options.results, options.command, options.out)}")
    return 0

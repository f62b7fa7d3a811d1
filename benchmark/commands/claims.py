"""``claims``: verdicts on the paper's claims."""

from __future__ import annotations

import argparse
import json

from baselines.errors import InputError
from benchmark.results.table import load_results
from reports.claims import Verdict, as_records, as_text, judge, judge_published
from reports.collect import choose_sets, result_sets


def do(options: argparse.Namespace) -> int:
    """Print the verdicts for each set of comparable runs."""
    if options.published and options.resample_images:
        raise InputError("--published shows the paper alone: leave out --resample-images, or --published")
    judged = _published() if options.published else _stored(options)
    if options.json:
        content = [{"results": title, "claims": as_records(verdicts)} for title, verdicts in judged]
        print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(as_text(verdicts, title) for title, verdicts in judged), end="")
    return 0


def _published() -> list[tuple[str, list[Verdict]]]:
    return [("judged by the paper's own tables", judge_published())]


def _stored(options: argparse.Namespace) -> list[tuple[str, list[Verdict]]]:
    sets = choose_sets(result_sets(load_results(options.results)), options.dataset, options.profile)
    return [(results.title, judge(results, options.results, options.resample_images)) for results in sets]

"""``python -m benchmark``: the verbs."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

import benchmark
from baselines import InputError
from benchmark.commands import audit, check, claims, data, methods, plan, profile, report, run, tables
from reports.escapes import for_terminal

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every verb's module adds its own options and sets ``do``."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark",
        description="Few-shot defect segmentation: train, score and report the paper's methods and yours.",
        epilog="Exit codes: 0 done; 1 some runs failed, or a metric fell; 2 what was given cannot be used; "
        "130 interrupted (run again to go on).",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {benchmark.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in (run, plan, report, tables, check, claims, audit, methods, data, profile):
        module.add_parser(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one verb and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        options = build_parser().parse_args(words)
        options.command = ["python", "-m", "benchmark", *words]
        return options.do(options)
    except InputError as error:
        print(f"error: {for_terminal(str(error))}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt as interruption:
        kept = str(interruption) or "finished runs are kept"
        print(f"interrupted: {kept}; give the same command again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, e.g. head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _show_warning(message: Warning | str, *_: object) -> None:
    """Print a warning as a line, without the source line that gave it."""
    print(f"warning: {message}", file=sys.stderr)

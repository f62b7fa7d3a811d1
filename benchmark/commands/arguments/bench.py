"""Options of ``bench``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments.shared import add_profile

GROUPS = {
    "startup": "commands that train nothing against a process that imports pandas",
    "data": "the images of a category, drawn and resized against cached",
    "steps": "training steps against the fastest convolution, and against a plain script",
    "runs": "a whole run against its training, scoring against prediction",
    "pools": "two processes against one, dask against loky",
    "sharing": "the runs of all tables and figures together against one by one (counted, not timed)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Measure where the time goes on this machine: two things are timed in turn, several times, and their ratio is\n"
        "printed with its range (docs/performance.md). Nothing else should run meanwhile. Groups:\n\n"
        + "\n".join(f"  {name:<9} {text}" for name, text in GROUPS.items())
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="default: all")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--steps", type=int, default=20, metavar="N", help="training steps to time at once; default: 20"
    )
    parser.add_argument(
        "--method", action="extend", nargs="+", default=[], metavar="NAME", help="of the steps; default: the profile's"
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|mps|cuda:0", help="default: auto")
    add_profile(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="bench:do")

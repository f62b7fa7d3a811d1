"""Options of ``profile``."""

from __future__ import annotations

import argparse

from benchmark.commands.arguments import sentence
from benchmark.commands.arguments.shared import add_profile


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="print every field with its source",
        description="Print every field of a profile with the source of its value. The output is TOML and can be used "
        "as a profile file.",
    )
    add_profile(show)
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(do="profile:do_show")
    names = "name the built-in profiles"
    actions.add_parser("list", help=names, description=sentence(names)).set_defaults(do="profile:do_list")

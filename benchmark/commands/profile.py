"""``profile``: what a protocol consists of, and where each number comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from benchmark.commands.options import add_profile
from benchmark.protocol.profile import BUILT_IN, ResolvedProfile, field_values, resolve_profile


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="print every field with its source",
        description="Print every field of a profile with where its value comes from. The output is TOML: saved as "
        "FILE.toml it is a profile of its own.",
    )
    add_profile(show)
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(do=do_show)
    actions.add_parser("list", help="name the built-in profiles").set_defaults(do=do_list)


def do_show(options: argparse.Namespace) -> int:
    """Print the resolved profile."""
    resolved = resolve_profile(options.profile, options.set)
    print(json.dumps(as_json(resolved), indent=1) if options.json else as_toml(resolved))
    return 0


def do_list(options: argparse.Namespace) -> int:
    """Print the names of the built-in profiles and the size of what each runs."""
    for name in BUILT_IN:
        profile = resolve_profile(name).profile
        categories = f"{len(profile.categories)} categories" if profile.categories else "every category"
        print(
            f"{name}: {len(profile.methods)} methods, K = {', '.join(map(str, profile.shots))}, {len(profile.seeds)} "
            f"seeds, {categories}; {profile.image_size} px, {profile.iterations} iterations"
        )
    return 0


def as_json(resolved: ResolvedProfile) -> list[dict[str, Any]]:
    """Return one entry per field: ``field``, ``value``, ``source``."""
    return [
        {"field": name, "value": value, "source": resolved.sources[name]}
        for name, value in field_values(resolved.profile).items()
    ]


def as_toml(resolved: ResolvedProfile) -> str:
    """Return lines ``field = value  # source``, comments aligned unless a value is long."""
    lines = []
    for entry in as_json(resolved):
        assignment = f"{entry['field']} = {_toml_value(entry['value'])}"
        lines.append(f"{assignment:<42}  # {entry['source']}")
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(value)  # strings, numbers and truth values are written alike in JSON and TOML

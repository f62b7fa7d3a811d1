"""``profile``: show every number of a protocol with its source."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from typing import Any

from benchmark.protocol.profile import BUILT_IN, ResolvedProfile, field_values, resolve_profile


def do_show(options: argparse.Namespace) -> int:
    """Print the resolved profile."""
    resolved = resolve_profile(options.profile, options.set)
    print(json.dumps(as_json(resolved), indent=1) if options.json else as_toml(resolved))
    return 0


def do_list(options: argparse.Namespace) -> int:
    """Print the built-in profiles with the size of their studies."""
    for name in BUILT_IN:
        profile = resolve_profile(name).profile
        categories = f"{len(profile.categories)} categories" if profile.categories else "every category"
        categories += "".join(f" ({len(names)} at K = {shots})" for shots, names in profile.categories_at.items())
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
    """Return lines ``field = value  # source`` with aligned comments, unless a value is long."""
    lines = []
    for entry in as_json(resolved):
        assignment = f"{entry['field']} = {_toml_value(entry['value'])}"
        lines.append(f"{assignment:<42}  # {entry['source']}")
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{_toml_key(key)} = {_toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(value)  # strings, numbers and booleans are the same in JSON and TOML


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)

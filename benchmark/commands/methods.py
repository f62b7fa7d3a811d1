"""``methods``: what can be compared."""

from __future__ import annotations

import argparse
import json
from typing import Any

from baselines import Method, get_method, method_names
from baselines.networks import pretrained_file
from baselines.networks.cost import COST_SIZE, network_cost


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser("methods", help="list the methods")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """Print every method."""
    costs: dict[str, tuple[int, float]] = {}
    listed = []
    for name in method_names():
        method = get_method(name)
        if method.network not in costs:
            costs[method.network] = network_cost(method.network)
        listed.append(describe(method, *costs[method.network]))
    if options.json:
        print(json.dumps(listed, indent=1))
        return 0
    head = {
        "name": "name",
        "label": "label",
        "parameters": "parameters",
        "gmacs": f"GMAC at {COST_SIZE} px",
        "recipe": "recipe",
    }
    lines = [head] + [
        entry | {"parameters": f"{entry['parameters']:,}", "gmacs": f"{entry['gmacs']:.2f}"} for entry in listed
    ]
    widths = {column: max(len(str(line[column])) for line in lines) for column in head}
    for line in lines:
        print("  ".join(str(line[column]).ljust(widths[column]) for column in head).rstrip())
    return 0


def describe(method: Method, parameters: int, gmacs: float) -> dict[str, Any]:
    """Return a method as plain data; GMACs are those of one image of 512 px."""
    return {
        "name": method.name,
        "label": method.label,
        "network": method.network,
        "parameters": parameters,
        "gmacs": round(gmacs, 4),
        "pretrained": pretrained_file(method.network),
        "recipe": method.recipe.summary,
        "reference": method.reference,
    }

"""``methods``: what can be compared."""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import asdict
from typing import Any

from baselines import Method, get_method, method_names
from baselines.networks import pretrained_file
from baselines.networks.cost import COST_SIZE, network_cost

COLUMNS = {
    "name": "name",
    "label": "label",
    "parameters": "parameters",
    "gmacs": f"GMAC at {COST_SIZE} px",
    "pretrained": "pretrained encoder",
    "recipe": "recipe",
    "reference": "reference",
}
NOT_KNOWN = "-"


def do(options: argparse.Namespace) -> int:
    """Print every method, or what a check of one found."""
    if options.check is not None:
        return print_check(options.check, options.json)
    costs: dict[str, tuple[int | None, float | None]] = {}
    listed = []
    for name in method_names():
        method = get_method(name)
        if method.network not in costs:
            costs[method.network] = cost(method.network)
        listed.append(describe(method, *costs[method.network]))
    print(json.dumps(listed, indent=1) if options.json else as_table(listed))
    return 0


def cost(network: str) -> tuple[int | None, float | None]:
    """Return parameters and GMACs; None, with a warning, where a network of somebody else cannot be counted."""
    try:
        counted = network_cost(network)
        return counted.parameters, counted.macs / 1e9
    except Exception as error:  # one plug-in's network must not hide the other methods
        said = " ".join(str(error).split())
        warnings.warn(f"the cost of network {network} is not known: {type(error).__name__}: {said}", stacklevel=2)
        return None, None


def describe(method: Method, parameters: int | None, gmacs: float | None) -> dict[str, Any]:
    """Return a method as plain data; GMACs are those of one image of 512 px."""
    return {
        "name": method.name,
        "label": method.label,
        "network": method.network,
        "parameters": parameters,
        "gmacs": None if gmacs is None else round(gmacs, 4),
        "pretrained": pretrained_file(method.network),
        "recipe": method.recipe.summary,
        "reference": method.reference,
    }


def as_table(listed: list[dict[str, Any]]) -> str:
    """Return methods as aligned columns."""
    lines = [COLUMNS]
    for entry in listed:
        parameters, gmacs = entry["parameters"], entry["gmacs"]
        shown = entry | {
            "parameters": None if parameters is None else f"{parameters:,}",
            "gmacs": None if gmacs is None else f"{gmacs:.2f}",
        }
        lines.append({column: shown[column] or NOT_KNOWN for column in COLUMNS})
    widths = {column: max(len(line[column]) for line in lines) for column in COLUMNS}
    return "\n".join("  ".join(line[column].ljust(widths[column]) for column in COLUMNS).rstrip() for line in lines)


def print_check(name: str, as_json: bool) -> int:
    """Print what a method keeps of its contract; 1 if not everything."""
    from baselines.contract import check_method  # builds networks, which listing does not

    checks = check_method(name)
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        for check in checks:
            print(f"{'pass' if check.passed else 'FAIL'}  {check.name}" + (f": {check.message}" * (not check.passed)))
    return 0 if all(check.passed for check in checks) else 1

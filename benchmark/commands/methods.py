"""``methods``: list the methods or the pastings, or check a method."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from baselines import get_method, method_names
from baselines.errors import InputError
from baselines.networks import pretrained_file
from baselines.networks.cost import COST_SIZE, NetworkCost, network_cost
from baselines.pasting import COPY, listed_pasting, pasting_names
from baselines.registry import select_methods
from baselines.weights_files import identify_weights_file

HEADINGS = ("name", "label", "parameters", f"GMAC at {COST_SIZE} px", "pretrained encoder", "recipe", "reference")


@dataclass(frozen=True)
class ListedMethod:
    """A method as it is listed.

    Attributes
    ----------
    name, label, network : str
    parameters : int or None
        Trainable parameters; None if they cannot be counted.
    gmacs : float or None
        Multiply-accumulates for one image of 512 px, in billions; None likewise.
    pretrained : str or None
        File of ImageNet weights; None without a pretrained encoder.
    recipe, reference : str
    """

    name: str
    label: str
    network: str
    parameters: int | None
    gmacs: float | None
    pretrained: str | None
    recipe: str
    reference: str


def do(options: argparse.Namespace) -> int:
    """Print every method or pasting, or the result of checking a method."""
    if options.check is not None:
        return print_check(options.check, options.weights_file, options.json)
    if options.weights_file is not None:
        raise InputError("--weights-file goes with --check NAME")
    if options.pastings:
        print_pastings(options.json)
        return 0
    listed = list_methods()
    print(json.dumps([asdict(method) for method in listed], indent=1) if options.json else as_table(listed))
    return 0


def list_methods() -> list[ListedMethod]:
    """Return the registered methods with the cost of their networks."""
    methods = [get_method(name) for name in method_names()]
    costs = {network: _count(network) for network in dict.fromkeys(method.network for method in methods)}
    return [
        ListedMethod(
            name=method.name,
            label=method.label,
            network=method.network,
            parameters=cost.parameters if cost else None,
            gmacs=round(cost.macs / 1e9, 4) if cost else None,
            pretrained=pretrained_file(method.network),
            recipe=method.recipe.summary,
            reference=method.reference,
        )
        for method, cost in ((method, costs[method.network]) for method in methods)
    ]


def _count(network: str) -> NetworkCost | None:
    try:
        return network_cost(network)
    except Exception as error:  # the network of one plug-in must not hide the other methods
        message = " ".join(str(error).split())
        warnings.warn(f"network {network} cannot be counted: {type(error).__name__}: {message}", stacklevel=2)
        return None


def as_table(listed: Sequence[ListedMethod]) -> str:
    """Return methods as aligned columns.

    Examples
    --------
    >>> method = ListedMethod("mine", "Mine", "unet", 7852545, 55.8, None, "plain BCE", "a paper")
    >>> as_table([method]).splitlines()[1].split()[:4]
    ['mine', 'Mine', '7,852,545', '55.80']
    """
    lines: list[Sequence[str]] = [HEADINGS]
    for method in listed:
        parameters = "-" if method.parameters is None else f"{method.parameters:,}"
        gmacs = "-" if method.gmacs is None else f"{method.gmacs:.2f}"
        named = (method.name, method.label, parameters, gmacs)
        lines.append((*named, method.pretrained or "-", method.recipe, method.reference))
    return _aligned(lines)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def print_pastings(as_json: bool) -> None:
    """Print every pasting: its name, what it is added as to a network, what it does and its reference."""
    listed = [
        {
            "name": name,
            "addition": "cap" if name == COPY else f"cap-{name}",
            "label": listed_pasting(name).label,
            "reference": listed_pasting(name).reference,
        }
        for name in pasting_names()
    ]
    rows = [tuple(listed[0]), *(tuple(pasting.values()) for pasting in listed)]
    print(json.dumps(listed, indent=1) if as_json else _aligned(rows))


def print_check(choice: str, weights_path: Path | None, as_json: bool) -> int:
    """Print the result of each check of a method, or of all methods of a file; return 1 if one failed."""
    weights_file = None if weights_path is None else identify_weights_file(weights_path)

    from baselines.contract import check_method  # imports torch, which listing does not need

    names = select_methods(choice)
    checked = [(name, check) for name in names for check in check_method(name, weights_file=weights_file)]
    if as_json:
        print(json.dumps([{"method": name} | asdict(check) for name, check in checked], indent=1))
    else:
        for name, check in checked:
            subject = check.name if name == choice else f"{name}: {check.name}"
            print(f"pass  {subject}" if check.passed else f"FAIL  {subject}: {check.message}")
    return 0 if all(check.passed for _, check in checked) else 1

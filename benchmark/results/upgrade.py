"""Records as earlier versions stored them, rewritten in the present format when read."""

from __future__ import annotations

from typing import Any

from baselines.networks.known import KNOWN_PRETRAINED
from benchmark.protocol.identity import effective_settings
from benchmark.protocol.profile import Protocol
from benchmark.schema import SchemaError, convert


def upgrade(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of an earlier format, one of ``UPGRADES``, in the present one.

    Raises
    ------
    SchemaError
        If it lacks a field that is moved, or the protocol cannot be read.
    """
    while record["format"] in UPGRADES:
        record = UPGRADES[record["format"]](record)
    return record


def from_format_1(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record in format 2, which separates the protocol from the identity.

    Raises
    ------
    SchemaError
        If it lacks a field that is moved, or the protocol cannot be read.
    """
    try:
        identity = dict(record["identity"])
        stored = identity.pop("protocol")
        recipe = identity["recipe"]
        protocol = convert(stored, Protocol)
        # A network that is not known here may have had pretrained weights, so its runs keep that field.
        reads_weights = KNOWN_PRETRAINED.get(identity["network"], "unknown") is not None
        identity["settings"] = effective_settings(recipe, protocol, reads_weights)
    except SchemaError as error:
        raise SchemaError(".".join(filter(None, ("identity.protocol", error.path))), error.problem) from None
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError("identity", f"is not that of a run ({error!r})") from None
    return record | {"format": 2, "identity": identity, "protocol": stored}


def from_format_2(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record in format 3, whose runs have ``predictions.npz`` instead of ``histograms.npz``."""
    return record | {"format": 3}


UPGRADES = {1: from_format_1, 2: from_format_2}

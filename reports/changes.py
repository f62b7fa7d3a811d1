"""How the runs of a result set differ from a profile, and from runs of another set, in words for titles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

# A longer description of a recipe gives way to its digest. Titles name this many settings.
_MAX_DESCRIPTION = 60
_MAX_CHANGES = 3


def abridged_changes(changes: str) -> str:
    """Return the first settings of a list, and how many more there are.

    Examples
    --------
    >>> abridged_changes("a=1, b=2, c=3, d=4, e=5")
    'a=1, b=2, c=3 and 2 more changes'
    """
    settings = changes.split(", ")
    if len(settings) <= _MAX_CHANGES + 1:
        return changes
    return f"{', '.join(settings[:_MAX_CHANGES])} and {len(settings) - _MAX_CHANGES} more changes"


def describe_recipes(recipes: Iterable[str]) -> dict[str, str]:
    """Return for each recipe of a method how it differs from the others: ``nbr=cosine, paste_weight=one``."""
    fields = {
        recipe: {key: json.dumps(value).strip('"') for key, value in json.loads(recipe).items()} for recipe in recipes
    }
    names = sorted(set().union(*fields.values()))
    differing = [name for name in names if len({values.get(name) for values in fields.values()}) > 1]
    if len({values.get("file") for values in fields.values()}) == len(fields):
        differing = ["file"]  # its content determines the others
    descriptions = {}
    for recipe, values in fields.items():
        text = ", ".join(f"{name}={values.get(name, 'absent')}" for name in differing)
        if len(text) > _MAX_DESCRIPTION:
            text = f"recipe {hashlib.sha256(recipe.encode()).hexdigest()[:8]}"
        descriptions[recipe] = text
    return descriptions

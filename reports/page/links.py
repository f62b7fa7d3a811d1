"""Stable names for links: made from names of things, never from their position on a page."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from reports.collect import ResultSet

_PLAIN = re.compile(r"[a-z0-9]+(?:[_-]+[a-z0-9]+)*")
_MARKED = re.compile(r".*-[0-9a-f]{8}")
_MAX_LENGTH = 60


def slug(name: str) -> str:
    """Return a name for use in ids, addresses and file names; different names get different ones.

    A name of lower-case letters, digits, ``_`` and ``-`` is unchanged; any other is simplified and followed by eight
    characters of its digest.

    Examples
    --------
    >>> slug("metal_nut"), slug("Metal nut")
    ('metal_nut', 'metal-nut-bb41c09b')
    """
    if _PLAIN.fullmatch(name) and not _MARKED.fullmatch(name) and len(name) <= _MAX_LENGTH:
        return name
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    simple = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:_MAX_LENGTH].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{simple or 'name'}-{digest}"


def set_slug(results: ResultSet) -> str:
    """Return the name of a result set in links: data set, profiles, protocol and variant."""
    # The protocol even where the title needs none: a second set must not change the links of the first.
    parts = (results.dataset, *results.profiles, results.protocol)
    variant = results.variant.replace(f"protocol {results.protocol}", "").strip()
    return slug("-".join([*map(slug, parts), *([slug(variant)] if variant else [])]))


def detail_name(category: str, shots: int) -> str:
    """Return the file name of the page of one category and K.

    Examples
    --------
    >>> detail_name("carpet", 5)
    'carpet_5-shot.html'
    """
    return f"{slug(category)}_{shots}-shot.html"


def method_anchor(method: str) -> str:
    """Return the id of a method's section on such a page.

    Examples
    --------
    >>> method_anchor("unet")
    'method-unet'
    """
    return f"method-{slug(method)}"

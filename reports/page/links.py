"""Names that links can rely on: made from what a thing is called, never from where it stands on a page."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from reports.collect import ResultSet

_PLAIN = re.compile(r"[a-z0-9]+(?:[_-]+[a-z0-9]+)*")
_MARKED = re.compile(r".*-[0-9a-f]{8}")
_LONGEST = 60


def slug(name: str) -> str:
    """Return a name fit for ids, addresses and file names; different names get different ones.

    A name of lower-case letters, digits, ``_`` and ``-`` stays as it is; any other is simplified and marked with
    eight characters of its digest.
    """
    if _PLAIN.fullmatch(name) and not _MARKED.fullmatch(name) and len(name) <= _LONGEST:
        return name
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    simple = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:_LONGEST].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{simple or 'name'}-{digest}"


def set_slug(results: ResultSet) -> str:
    """Return the name of a result set in links: data set, profiles, protocol, and what else sets it apart."""
    # The protocol even where the title needs none: a second set must not change the links of the first.
    words = (results.dataset, *results.profiles, results.protocol)
    variant = results.variant.replace(f"protocol {results.protocol}", "").strip()
    return slug("-".join([*map(slug, words), *([slug(variant)] if variant else [])]))


def detail_name(category: str, shots: int) -> str:
    """Return the file name of the page of one category and K."""
    return f"{slug(category)}_{shots}-shot.html"


def method_anchor(method: str) -> str:
    """Return the id of a method's section on such a page."""
    return f"method-{slug(method)}"

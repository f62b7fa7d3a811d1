"""``data cache``: list decoded images, or remove them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from baselines.errors import InputError
from benchmark.data.image_cache import CacheEntry, ImageCache
from benchmark.units import format_bytes
from reports.escapes import for_terminal


def do(options: argparse.Namespace) -> int:
    """List or clear the cache; return 1 if an entry could not be removed."""
    cache: ImageCache = options.cache
    if cache.root.exists() and not cache.root.is_dir():
        raise InputError(f"cache {cache.root} is not a directory; name another with --cache")
    if not options.clear:
        entries = cache.entries()
        for entry in reversed([entry for entry in entries if entry.decoded]):
            used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
            print(f"{entry.path.name}  {format_bytes(entry.size):>8}  used {used}  {for_terminal(entry.content)}")
        print(f"{_counted(entries)} in {cache.root}")
        return 0
    removed, left = cache.clear()
    print(f"removed {_counted(removed)} from {cache.root}")
    for entry in left:
        print(f"kept {entry.path}: " + ("it contains other files" if entry.foreign else "it cannot be removed"))
    return 1 if left else 0


def _counted(entries: Sequence[CacheEntry]) -> str:
    arrays = sum(entry.decoded for entry in entries)
    size = format_bytes(sum(entry.size for entry in entries))
    return f"{arrays} decoded categories, {len(entries) - arrays} manifests, {size}"

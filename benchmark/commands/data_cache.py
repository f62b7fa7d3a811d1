"""``data cache``: what decoded images take, and removing them."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from baselines import InputError
from benchmark.data.cache_folder import ARRAYS, Entry, cache_folder, clear, list_entries, show_size
from reports.escapes import for_terminal


def add_action(actions: argparse._SubParsersAction) -> None:
    """Add ``cache`` to what ``data`` can do."""
    parser = actions.add_parser("cache", help="list what decoded images take, or remove them")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="default: your cache folder")
    parser.add_argument("--clear", action="store_true", help="remove them; who reads them now goes on reading")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> int:
    """List or clear; 1 if something could not be removed."""
    root = cache_folder(options.cache)
    if root.exists() and not root.is_dir():
        raise InputError(f"cache {root} is a file where a folder should be; name another with --cache")
    if not options.clear:
        entries = list_entries(options.cache)
        for entry in reversed([entry for entry in entries if entry.path.parent.name == ARRAYS]):
            used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
            print(f"{entry.path.name}  {show_size(entry.size):>8}  used {used}  {for_terminal(entry.about)}")
        print(f"{_counted(entries)} in {root}")
        return 0
    removed, left = clear(options.cache)
    print(f"removed {_counted(removed)} from {root}")
    for entry in left:
        print(f"left {entry.path}: " + ("it cannot be removed" if entry.ours else "something else is in it"))
    return 1 if left else 0


def _counted(entries: list[Entry]) -> str:
    arrays = sum(entry.path.parent.name == ARRAYS for entry in entries)
    inspected = len(entries) - arrays
    return f"{arrays} decoded categories, {inspected} inspected, {show_size(sum(entry.size for entry in entries))}"

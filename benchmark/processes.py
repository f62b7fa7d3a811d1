"""Whether the process that left something behind is still there."""

from __future__ import annotations

import os
import re
import socket
from functools import cache

import psutil


def creation_time(process: int) -> float | None:
    """Return when the process with this number began, in seconds since 1970; None if there is none, or it has ended.

    Process numbers are used again: who asks about an earlier one compares the times.
    """
    try:
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
    except psutil.NoSuchProcess:
        return None


@cache
def host_name() -> str:
    """Return a name for where process numbers are shared: containers may have the name of their host."""
    try:
        return f"{socket.gethostname()}-{re.sub('[^0-9]', '', os.readlink('/proc/self/ns/pid'))}"
    except OSError:
        return socket.gethostname()

"""Processes and hosts: what tells whether the owner of a file is still running."""

from __future__ import annotations

import os
import re
import socket
from functools import cache

import psutil


def creation_time(process: int) -> float | None:
    """Return when a process started, in seconds since 1970; None if it has ended, even if it is still a zombie.

    Process numbers are reused: compare the times to tell a later process from an earlier one.

    Examples
    --------
    >>> import os
    >>> creation_time(os.getpid()) > 0
    True
    """
    try:
        running = psutil.Process(process)
        return None if running.status() == psutil.STATUS_ZOMBIE else running.create_time()
    except psutil.NoSuchProcess:
        return None


@cache
def host_name() -> str:
    """Return a name for the scope of process numbers: containers may have the name of their host.

    Examples
    --------
    >>> host_name().startswith(socket.gethostname())
    True
    """
    try:
        return f"{socket.gethostname()}-{re.sub('[^0-9]', '', os.readlink('/proc/self/ns/pid'))}"
    except OSError:
        return socket.gethostname()

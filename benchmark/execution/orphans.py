"""Workers that end with their parent; imports nothing heavy, so that it works from a worker's first moment on."""

from __future__ import annotations

import os
import threading
import time


def end_with_parent(parent: int) -> None:
    """End this process soon after the process ``parent`` has ended, even if that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

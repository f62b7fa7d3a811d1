"""``python -m benchmark``."""

import os
import sys

from benchmark.cli import EXIT_INTERRUPTED, main

code = main()
if code == EXIT_INTERRUPTED:
    # Where Ctrl-C arrived while a library's C code was running Python code, e.g. during an import, Python would end by
    # the signal no matter how it was handled.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
sys.exit(code)

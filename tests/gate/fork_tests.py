"""Run one test in each of several copies of the project: python -m tests.gate.fork_tests COPY TEST [COPY TEST ...].

Libraries that take seconds to import are imported once; each copy then has a process of its own, which imports its own
modules of the project. pytest does without plugins and without explaining assertions, as only its exit code is printed.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

import pandas  # noqa: F401
import pytest
import segmentation_models_pytorch  # noqa: F401
import sklearn.metrics  # noqa: F401
import torch


def run_in_copy(copy: str, test: str) -> int:
    """Return pytest's exit code for one test of a copy."""
    os.chdir(copy)
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("tests", "benchmark", "baselines", "reports")
    ]:
        del sys.modules[name]
    sys.path.insert(0, copy)
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(output):
        options = ["-q", "-x", "-o", "addopts=", "-p", "no:cacheprovider", "--assert=plain", f"--rootdir={copy}"]
        code = pytest.main([*options, test])
    if code not in (0, 1):
        sys.stderr.write(output.getvalue())
    return int(code)


def main(words: list[str]) -> None:
    """Print one exit code per copy."""
    torch.set_num_threads(1)
    gc.freeze()  # pytest collects garbage at its end, which need not look at the libraries
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for copy, test in zip(words[::2], words[1::2], strict=True):
        child = os.fork()
        if child == 0:
            os._exit(run_in_copy(copy, test))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Standard output whose failures are reported: a full disk, a closed pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO, cast

from baselines.errors import InputError


@contextmanager
def checked_output() -> Iterator[None]:
    """Check that everything printed to standard output has been written at the end.

    Raises
    ------
    InputError
        If it cannot be written, e.g. because the disk is full.
    BrokenPipeError
        If the reader of a pipe, e.g. ``head``, has closed it.

    Examples
    --------
    >>> with checked_output():
    ...     print("written")
    written
    """
    if sys.stdout is None:  # closed by the shell: nothing is printed
        yield
        return
    output = _Output(sys.stdout)
    with redirect_stdout(cast("TextIO", output)):
        try:
            yield
        finally:
            output.flush()


class _Output:
    """A text stream that raises InputError where its own writes fail, unlike those to other files."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._reported():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._reported():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What the stream still holds would fail again when Python exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            reason = error.strerror or error
            raise InputError(f"cannot write to standard output: {reason}; check space and permissions") from error

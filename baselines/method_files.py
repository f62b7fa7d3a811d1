"""Methods from one Python file: reading it, and executing its content, which is all that a worker needs."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from baselines.errors import InputError

_SUFFIX = ".py"


@dataclass(frozen=True)
class MethodFile:
    """A Python file that registers methods, as it was read.

    Attributes
    ----------
    name : str
        File name without its folder, for messages and records.
    content : bytes

    Examples
    --------
    >>> MethodFile("mine.py", b"").digest[:12]
    'e3b0c44298fc'
    """

    name: str
    content: bytes = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


# The file whose code is being executed: what is registered meanwhile is its own.
_executing: MethodFile | None = None


def executing() -> MethodFile | None:
    """Return the file that is registering its methods now; None for any other code."""
    return _executing


def split_choice(text: str) -> tuple[Path, str | None] | None:
    """Return the path, and the method if one is named, of a choice of methods; None if it is the name of a method.

    Examples
    --------
    >>> split_choice("mine.py:dotted")
    (PosixPath('mine.py'), 'dotted')
    >>> split_choice("folder/mine.py")
    (PosixPath('folder/mine.py'), None)
    >>> split_choice("smp:Unet/resnet18") is None
    True
    """
    if text.startswith("smp:"):
        return None
    folder, colon, name = text.rpartition(f"{_SUFFIX}:")
    if colon:
        return Path(folder + _SUFFIX), name
    return (Path(text), None) if text.endswith(_SUFFIX) or Path(text).name != text else None


def read_method_file(path: Path) -> MethodFile:
    """Read a file; its code is not executed.

    Raises
    ------
    InputError
        If it is not a Python file or cannot be read.
    """
    if path.suffix != _SUFFIX:
        raise InputError(f"{path} is not a Python file: --method takes the name of a method or a file that ends in .py")
    try:
        return MethodFile(path.name, path.read_bytes())
    except OSError as error:
        raise InputError(f"file of methods {path} cannot be read: {error.strerror or error}") from None


def execute(file: MethodFile) -> None:
    """Execute a file's code, which registers its methods.

    The module has no ``__file__``, and its folder is not searched for imports: the content alone decides what is
    trained, here and in a worker that has no such file.

    Raises
    ------
    InputError
        If it is not Python, or raises.
    """
    module = types.ModuleType(f"method_file_{file.digest[:16]}")
    try:
        code = compile(file.content, file.name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        place = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise InputError(f"{file.name}{place}: not valid Python: {getattr(error, 'msg', error)}") from None
    sys.modules[module.__name__] = module  # dataclasses look up the module of a class
    try:
        with _as_executing(file):
            exec(code, module.__dict__)
    except (Exception, SystemExit) as error:  # any error of the file is its own
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        message = " ".join(str(error).split())
        raise InputError(f"{file.name}, line {_line_of(error, file)}: {kind}{message}") from error


@contextmanager
def _as_executing(file: MethodFile) -> Iterator[None]:
    global _executing
    _executing = file
    try:
        yield
    finally:
        _executing = None


def _line_of(error: BaseException, file: MethodFile) -> int:
    """Return the last line of the file that led to an error."""
    line, traceback = 0, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file.name:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line

"""Find the files below a folder; links that lead nowhere are refused: the data behind them would be left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from baselines.errors import InputError

# Written by Windows into any folder; ignored like names with a leading dot.
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")


def visible(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders and the other files in a folder, each sorted by name; hidden ones are ignored.

    Raises
    ------
    InputError
        If the folder cannot be read, or contains a link that leads nowhere.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("b.png", "a.png", ".hidden", "Thumbs.db"):
    ...         (Path(folder) / name).touch()
    ...     [path.name for path in visible(Path(folder))[1]]
    ['a.png', 'b.png']
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
                    continue
                if entry.is_dir():
                    folders.append(folder / entry.name)
                else:
                    _check_link(folder / entry.name, entry.is_symlink())
                    files.append(folder / entry.name)
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from error
    return folders, files


def walk(folder: Path, above: tuple[tuple[int, int], ...] = ()) -> Iterator[Path]:
    """Yield every visible file below a folder; raises as ``visible``.

    Parameters
    ----------
    above : tuple of (int, int)
        Device and inode of the folders that contain this one: a link back to one of them is not followed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     (Path(folder) / "test" / "good").mkdir(parents=True)
    ...     (Path(folder) / "test" / "good" / "000.png").touch()
    ...     (Path(folder) / "test" / "again").symlink_to(folder)
    ...     [path.relative_to(folder).as_posix() for path in walk(Path(folder))]
    ['test/good/000.png']
    """
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    folders, files = visible(folder)
    yield from files
    for path in folders:
        yield from walk(path, (*above, here))


def _check_link(path: Path, is_link: bool) -> None:
    if is_link and not path.exists():
        raise InputError(
            f"{path} is a link to {os.readlink(path)}, which is not there: fetch the data or mount its disk, or remove "
            "the link"
        )

"""The model and the images that a user names."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines.errors import InputError, unknown_name
from benchmark.data.files import walk
from benchmark.data.images import EXTENSIONS, OTHER_EXTENSIONS
from benchmark.data.names import check_path
from benchmark.results.model_file import MODEL_FILE


@dataclass(frozen=True)
class Photo:
    """An image to predict.

    Attributes
    ----------
    path : Path
        As the user gave it.
    name : str
        Of what is written for it: a relative path without suffix, unique among the images of a command.
    """

    path: Path
    name: str


def find_model(run_or_file: str, results: Path) -> Path:
    """Return the file of a model from its path, its run's folder, or its run's id in a results folder.

    Raises
    ------
    InputError
        If there is none.
    """
    path = Path(run_or_file)
    runs = results / "runs"
    if not os.path.lexists(path) and (runs / run_or_file / "run.json").is_file():
        path = runs / run_or_file
    if path.is_dir():
        if not (path / "run.json").is_file():
            raise InputError(f"{path} is not the folder of a run: name a run in {runs}, its id, or a {MODEL_FILE}")
        if not (path / MODEL_FILE).is_file():
            raise InputError(
                f"run {path.name} was stored without its model: give the command that trained it again with "
                "--keep-models, which trains it once more"
            )
        return path / MODEL_FILE
    if not os.path.lexists(path):
        known = [run.name for run in sorted(runs.glob("[!.]*"))] if runs.is_dir() else []
        if not known:
            raise InputError(f"there is no model {path}, and no run in {results}: name the folder with --results")
        raise unknown_name(f"run or model (in {results})", run_or_file, known)
    return path


def find_photos(given: Sequence[str], out: Path) -> tuple[list[Photo], list[str]]:
    """Return the images that files, folders and patterns name, each once, in the order given.

    Parameters
    ----------
    given : sequence of str
        Folders stand for every image below them; hidden files and whatever is in ``out`` are ignored.
    out : Path
        Where predictions go.

    Returns
    -------
    photos : list of Photo
    unusable : list of str
        A line for each image of a type that is not read, or whose name cannot be shown.

    Raises
    ------
    InputError
        If something that is given does not exist, or there is no image at all.
    """
    found: dict[Path, Path] = {}
    roots: list[Path] = []
    unusable = []
    for path in (path for word in given for path in _expand(word)):
        roots.append((path if path.is_dir() else path.parent).absolute())
        for file in _images_below(path, out.absolute()) if path.is_dir() else [path]:
            try:
                check_path(file)
            except InputError as error:
                unusable.append(str(error))
                continue
            if path.is_dir() and file.suffix.lower() in OTHER_EXTENSIONS:
                unusable.append(f"{file} is left out: images of this type are not read; save it as png or jpg")
            else:
                found.setdefault(file.absolute(), file)
    if not found:
        reason = unusable[0] if unusable else f"images end in {', '.join(EXTENSIONS)}"
        raise InputError(f"there is no image in {', '.join(given)}: {reason}")
    names = _names(list(found), Path(os.path.commonpath(roots)))
    return [Photo(found[path], name) for path, name in names.items()], unusable


def _expand(word: str) -> list[Path]:
    """Return the path that a word names, or the paths that match it as a pattern."""
    if os.path.lexists(word):
        return [Path(word)]
    if not glob.has_magic(word):
        raise InputError(f"there is no image or folder {word}")
    matches = [Path(match) for match in sorted(glob.glob(word, recursive=True))]
    if not matches:
        raise InputError(f"no file matches the pattern '{word}'")
    return matches


def _images_below(folder: Path, out: Path) -> Iterator[Path]:
    for file in walk(folder):
        if out not in file.absolute().parents and file.suffix.lower() in (*EXTENSIONS, *OTHER_EXTENSIONS):
            yield file


def _names(paths: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return the path of each file below the root, without its suffix where that is unique."""
    relative = {path: path.relative_to(root) for path in paths}
    stems = Counter(name.with_suffix("") for name in relative.values())
    return {
        path: (name.with_suffix("") if stems[name.with_suffix("")] == 1 else name).as_posix()
        for path, name in relative.items()
    }

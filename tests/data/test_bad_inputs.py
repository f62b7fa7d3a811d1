"""Unusable images, selections, folders and imports: one line that names the problem, exit code 2, no files left."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.cli import main
from tests.conftest import TINY, make_category, tiny_with, write_image
from tests.data.bad_imports import IMPORTS
from tests.data.changes import Change, all_of, black, copy, cut, not_utf8, remove, text, unchanged

RUN: tuple[Any, ...] = ("run", "--dataset", "folder", "--data-root", "data", *TINY, "--method", "unet", "--jobs", 1)
ONE = (*RUN, "--shots", 1, "--seed", 0)
LIST = ("data", "list", "--dataset", "folder", "--data-root", "data")
W = Path("data/widget")
MASK, IMAGE, NORMAL = W / "ground_truth/hole/000_mask.png", W / "test/hole/000.png", W / "train/good/000.png"


def bomb(t: Path) -> None:
    """Write a PNG of a few bytes whose header declares 3.6 billion pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    (t / NORMAL).write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def floating(t: Path) -> None:
    Image.fromarray(np.zeros((48, 48), dtype=np.float32)).save(t / W / "train/good/900.tif")


def sideways(t: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 40, 3), dtype=np.uint8)).save(t / W / "test/hole/900.jpg", exif=exif)
    write_image(t / W / "ground_truth/hole/900_mask.png", np.zeros((20, 30), dtype=np.uint8))


ROOTS: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    "root missing": (unchanged, (*LIST[:-1], "nowhere"), "data root nowhere"),
    "root a file": (text(Path("file")), (*LIST[:-1], "file"), "data root file"),
    "root empty": (lambda t: (t / "empty").mkdir(), (*LIST[:-1], "empty"), "data root empty"),
    "root of hidden folders": (
        lambda t: (t / W).rename(t / "data/.widget"),
        LIST,
        "data/CATEGORY/test/DEFECT/",
    ),
    "root missing for a data set": (unchanged, ("data", "list", "--dataset", "mvtec-ad"), "--data-root"),
    "root for the synthetic data": (unchanged, ("data", "list", "--data-root", "data"), "synthetic"),
    "root given for importing": (unchanged, (*LIST[:3], "foldr", *LIST[4:]), "did you mean 'folder'?"),
    "no test folder": (remove(W / "test"), LIST, "widget has train and ground_truth but no test"),
    "test a file": (all_of(remove(W / "test"), text(W / "test")), LIST, "but no test"),
    "no training normals": (remove(W / "train"), ONE, "widget/train/good"),
    "training normals elsewhere": (
        lambda t: (t / W / "train/good").rename(t / W / "train/normal"),
        ONE,
        "widget/train/good",
    ),
    "no defective images": (
        all_of(remove(W / "test/hole"), remove(W / "test/crack")),
        ONE,
        "widget/test/DEFECT",
    ),
    "category not valid UTF-8": (not_utf8(W), LIST, r"data/caf\xe9"),
    "category with a control character": (
        lambda t: (t / W).rename(t / "data/a\x1bb"),
        LIST,
        r"data/a\x1bb",
    ),
    "defect type not valid UTF-8": (not_utf8(W / "test/hole"), LIST, r"test/caf\xe9"),
    "root not valid UTF-8": (
        not_utf8(Path("data")),
        (*LIST[:-1], os.fsdecode(b"caf\xe9")),
        r"caf\xe9",
    ),
    "image not valid UTF-8": (
        lambda t: os.rename(t / NORMAL, os.fsencode(t / W / "train/good") + b"/caf\xe9.png"),
        LIST,
        r"train/good/caf\xe9.png",
    ),
}


def renamed(path: Path, name: str) -> Change:
    return lambda t: (t / path).rename((t / path).with_name(name))


def linked(path: Path) -> Change:
    return all_of(remove(path), lambda t: (t / path).symlink_to("/nowhere/at-all"))


NEARLY: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    f"{path.relative_to(W)} named {name!r}": (
        renamed(path, name),
        LIST,
        f"widget{inside}/{name}' is nearly '{path.name}'",
    )
    for path, inside, name in (
        (W / "test/good", "/test", "good "),
        (W / "test/good", "/test", "Good"),
        (W / "train/good", "/train", "_GOOD"),
        (W / "test", "", "Test"),
        (W / "test", "", "tests"),
        (W / "train", "", "trian"),
        (W / "ground_truth", "", "ground truth"),
    )
} | {
    "masks of a kind nearly": (renamed(W / "ground_truth/hole", "Hole"), LIST, "rename"),
    "a mask nearly": (renamed(MASK, "000-mask.png"), LIST, "000_mask.png or 000.png; rename 000-mask.png"),
    "a mask that is not read": (renamed(MASK, "000_mask.gif"), LIST, "000_mask.gif is of a type that is not read"),
    "normal images without masks": (renamed(W / "test/good", "ok"), LIST, "normal images belong in test/good"),
}

LINKS: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    f"{path} a link that leads nowhere": (linked(path), LIST, f"{path} is a link to /nowhere/at-all")
    for path in (NORMAL, IMAGE, MASK, W / "test/hole", W / "train", W)
}

FILES: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    "no masks": (remove(W / "ground_truth"), ONE, "widget/ground_truth"),
    "no masks of one type": (remove(W / "ground_truth/hole"), ONE, "test/hole/000.png"),
    "mask missing": (remove(MASK), ONE, "test/hole/000.png"),
    "mask of another name": (lambda t: (t / MASK).rename(t / MASK.with_name("000_gt.png")), ONE, "test/hole/000.png"),
    "mask of another type of file": (
        lambda t: (t / MASK).rename(t / MASK.with_suffix(".gif")),
        ONE,
        "test/hole/000.png",
    ),
    "two masks": (copy(MASK, MASK.with_name("000.png")), ONE, "hole/000.png"),
    "a mask twice": (copy(MASK, MASK.with_suffix(".bmp")), ONE, "hole/000_mask.bmp"),
    "two images of a mask": (copy(IMAGE, IMAGE.with_suffix(".bmp")), ONE, "hole/000.bmp"),
    "mask cut off": (cut(MASK), ONE, "000_mask.png"),
    "mask empty": (text(MASK, ""), ONE, "000_mask.png"),
    "mask that is text": (text(MASK), ONE, "000_mask.png"),
    "mask of another size": (black(MASK, 9, 9), ONE, "000_mask.png is 9 x 9 px"),
    "mask turned": (black(MASK, 20, 48), ONE, "000_mask.png is 48 x 20 px"),
    "mask of a sideways photo": (sideways, ONE, "EXIF"),
    "mask a folder": (
        all_of(remove(MASK), lambda t: (t / MASK).mkdir()),
        ONE,
        "test/hole/000.png",
    ),
    "image with a line break in its name": (
        lambda t: (t / W / "test/hole/a\nb.png").write_text("no"),
        ONE,
        r"test/hole/a\nb.png",
    ),
    "all masks empty": (
        all_of(
            *(black(W / f"ground_truth/{kind}/00{i}_mask.png", 48, 48) for kind in ("hole", "crack") for i in range(4))
        ),
        ONE,
        "crack",
    ),
    "image cut off": (cut(IMAGE), ONE, "hole/000.png"),
    "normal image cut off": (cut(NORMAL), ONE, "good/000.png"),
    "image of no bytes": (text(IMAGE, ""), ONE, "hole/000.png"),
    "normal image of no bytes": (text(NORMAL, ""), ONE, "good/000.png"),
    "image that is text": (text(NORMAL), ONE, "good/000.png"),
    "image too large": (bomb, ONE, "good/000.png"),
    "image of floating point": (floating, ONE, "good/900.tif"),
}

SELECTION: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    "no shots": (unchanged, (*RUN, "--shots", 0), "[0]"),
    "negative shots": (unchanged, (*RUN, "--shots", -1), "[-1]"),
    "shots that are words": (unchanged, (*RUN, "--shots", "many"), "'many'"),
    "too many shots": (
        unchanged,
        (*RUN, "--shots", 5),
        "5 shots",
    ),
    "all shots": (unchanged, (*RUN, "--shots", 4, "--set", "batch_size=2"), "4 shots"),
    "negative seed": (unchanged, (*ONE, "--seed", -1), "[0, -1]"),
    "unknown field": (unchanged, (*ONE, "--set", "image_sise=64"), "'image_sise': did you mean 'image_size'"),
    "field of a wrong kind": (unchanged, (*ONE, "--set", "threads=few"), "threads must be"),
    "field out of range": (unchanged, (*ONE, "--set", "learning_rate=7"), "learning_rate"),
    "field without a value": (unchanged, (*ONE, "--set", "threads"), "got 'threads'"),
    "size that does not fit": (
        unchanged,
        (*ONE[:5], *tiny_with("image_size=100"), *ONE[5 + len(TINY) :]),
        "image_size 100",
    ),
    "method nearly": (unchanged, (*RUN, "--method", "unett"), "'unett': did you mean 'unet'"),
    "category nearly": (unchanged, (*ONE, "--category", "widgit"), "'widgit': did you mean 'widget'"),
    "table nearly": (unchanged, (*ONE, "--table", "IX"), "'IX'"),
    "table of other categories": (unchanged, (*ONE, "--figure", 9), "--category"),
    "no jobs": (unchanged, (*ONE, "--jobs", 0), "--jobs"),
    "no time": (unchanged, (*ONE, "--timeout", 0), "--timeout"),
    "no such device": (unchanged, (*ONE, "--device", "gpu"), "'gpu'"),
    "device that is not there": (unchanged, (*ONE, "--device", "cuda:77"), "'cuda:77'"),
    "no profile file": (unchanged, (*ONE, "--profile", "mine.toml"), "mine.toml"),
    "profile no TOML": (text(Path("p.toml"), "a ="), (*ONE, "--profile", "p.toml"), "p.toml"),
    "profile with an unknown field": (
        text(Path("p.toml"), "shot = [1]"),
        (*ONE, "--profile", "p.toml"),
        "'shot': did you mean 'shots'",
    ),
    "profile not UTF-8": (
        lambda t: (t / "p.toml").write_bytes(b'a = "\xe9"'),
        (*ONE, "--profile", "p.toml"),
        "p.toml",
    ),
    "cache limit": (unchanged, (*ONE, "--cache-limit", "lots"), "lots"),
    "negative cache limit": (unchanged, (*ONE, "--cache-limit=-5G"), "-5G"),
    "nothing selected": (unchanged, RUN[:5], "--all"),
}

PLACES: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    "cache a file": (text(Path("cache")), ONE, "cache"),
    "cache to list a file": (text(Path("cache")), ("data", "cache"), "cache"),
    "cache below a file": (text(Path("f")), (*ONE, "--cache", "f/cache"), "f is a file"),
    "cache that cannot be written": (unchanged, (*ONE, "--cache", "/proc/cache"), "/proc/cache"),
    "results a file": (text(Path("results")), ONE, "results"),
    "results below a file": (text(Path("f")), (*ONE, "--results", "f/out"), "f is a file"),
    "results that cannot be written": (unchanged, (*ONE, "--results", "/proc/out"), "/proc/out"),
    "no results": (unchanged, ("report", "--results", "nowhere"), "nowhere"),
    "sheet of none": (
        unchanged,
        ("data", "sheet", *LIST[2:], "--out", "s.html", "--each", 0),
        "--each",
    ),
    "sheet too small": (unchanged, ("data", "sheet", *LIST[2:], "--out", "s.html", "--size", 3), "--size"),
    "sheet of an unreadable image": (cut(NORMAL), ("data", "sheet", *LIST[2:], "--out", "s.html"), "good/000.png"),
    "sheet of no kind": (unchanged, ("data", "sheet", *LIST[2:], "--out", "s.txt"), ".html"),
    "sheet where nothing can be written": (
        unchanged,
        ("data", "sheet", *LIST[2:], "--out", "/proc/s.html"),
        "/proc/s.html",
    ),
    "images generated over others": (
        unchanged,
        ("data", "generate", "--out", "data", "--category", "widget"),
        "'widget'",
    ),
    "images generated too large": (unchanged, ("data", "generate", "--out", "x", "--size", 9999), "--size"),
    "images generated below a file": (
        text(Path("f")),
        ("data", "generate", "--out", "f", "--category", "bottle", "--size", 32),
        "f is a file",
    ),
    "manifest of two folders": (
        unchanged,
        ("data", "manifest", "elsewhere", *LIST[2:], "--out", "m"),
        "elsewhere",
    ),
    "manifest over another": (unchanged, ("data", "manifest", *LIST[2:], "--out", "data"), "data exists"),
    "manifest of a broken category": (remove(MASK), ("data", "manifest", *LIST[2:], "--out", "m"), "test/hole/000.png"),
    "manifest where nothing can be written": (
        unchanged,
        ("data", "manifest", *LIST[2:], "--out", "/proc/m"),
        "/proc/m",
    ),
}


# Case -> how the folder is changed, the command, and what the message must name.
GROUPS = (ROOTS, NEARLY, LINKS, FILES, SELECTION, PLACES, IMPORTS)
CASES = {case: what for group in GROUPS for case, what in group.items()}


def tree(folder: Path) -> set[bytes]:
    """Return everything below a folder, except the cached manifests, which stay valid after an error."""
    found = {
        os.fsencode(os.path.join(root, name)) for root, folders, files in os.walk(folder) for name in (*folders, *files)
    }
    cache = os.fsencode(folder / "cache")
    return {path for path in found if not (path == cache or path.startswith(cache + b"/manifests"))}


def test_no_two_groups_share_the_name_of_a_case() -> None:
    assert len(CASES) == len(ROOTS) + len(NEARLY) + len(LINKS) + len(FILES) + len(SELECTION) + len(PLACES) + len(
        IMPORTS
    )


@pytest.mark.parametrize("case", CASES)
def test_unusable_input_is_refused_in_one_line_and_leaves_no_files(
    case: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change, words, named = CASES[case]
    make_category(tmp_path / "data" / "widget")
    change(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "never"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path_factory.getbasetemp()))  # matplotlib's own cache of fonts
    takes_cache = words[0] in ("run", "plan") or words[1] in ("list", "sheet", "manifest", "cache")
    given = [str(word) for word in words] + (["--cache", "cache"] if takes_cache and "--cache" not in words else [])
    before = tree(tmp_path)
    try:
        code = main(given)
    except SystemExit as end:  # argparse's own way
        code = end.code  # type: ignore[assignment]
    captured = capsys.readouterr()
    assert code == 2, captured
    errors = [line for line in captured.err.splitlines() if "error: " in line]
    assert len(errors) == 1
    assert captured.err.rstrip().endswith(errors[0])
    assert named in errors[0]
    assert "Traceback" not in captured.err
    assert tree(tmp_path) == before

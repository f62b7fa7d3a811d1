"""Unusable images, selections, folders and imports: one line that names the problem, exit code 2, no files left."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.cli import main
from tests.conftest import TINY, make_category, tiny_with, write_image
from tests.data import published

Change = Callable[[Path], object]
RUN: tuple[Any, ...] = ("run", "--dataset", "folder", "--data-root", "data", *TINY, "--method", "unet", "--jobs", 1)
ONE = (*RUN, "--shots", 1, "--seed", 0)
LIST = ("data", "list", "--dataset", "folder", "--data-root", "data")
W = Path("data/widget")
MASK, IMAGE, NORMAL = W / "ground_truth/hole/000_mask.png", W / "test/hole/000.png", W / "train/good/000.png"


def unchanged(_: Path) -> None:
    """Change no file: the command line itself is wrong."""


def cut(path: Path) -> Change:
    return lambda t: (t / path).write_bytes((t / path).read_bytes()[: (t / path).stat().st_size // 2])


def text(path: Path, words: str = "hello") -> Change:
    def change(t: Path) -> None:
        (t / path).parent.mkdir(parents=True, exist_ok=True)
        (t / path).write_text(words)

    return change


def black(path: Path, height: int, width: int) -> Change:
    return lambda t: write_image(t / path, np.zeros((height, width), dtype=np.uint8))


def copy(path: Path, to: Path) -> Change:
    return lambda t: shutil.copy(t / path, t / to)


def remove(path: Path) -> Change:
    return lambda t: shutil.rmtree(t / path) if (t / path).is_dir() else (t / path).unlink()


def all_of(*changes: Change) -> Change:
    return lambda t: [change(t) for change in changes]


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


def not_utf8(path: Path) -> Change:
    return lambda t: os.rename(os.fsencode(t / path), os.fsencode((t / path).parent) + b"/caf\xe9")


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
    "no test folder": (remove(W / "test"), LIST, "data root data"),
    "test a file": (all_of(remove(W / "test"), text(W / "test")), LIST, "data root data"),
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


def importing(name: str, source: str = "raw", *words: Any) -> tuple[Any, ...]:
    return ("data", "import", name, source, "out", *words)


def raw(make: Callable[[Path], Path], change: Change = unchanged) -> Change:
    return lambda t: (make(t / "raw"), change(t))


def pairing(**changes: Any) -> tuple[Any, ...]:
    given = {"images": "photos/{name}.jpg", "masks": "labels/{name}_gt.png"} | changes
    return importing("pairs", "raw", *(f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value))


def pairs(change: Change = unchanged) -> Change:
    return raw(published.make_pairs, change)


IMPORTS: dict[str, tuple[Change, tuple[Any, ...], str]] = {
    "importer nearly": (unchanged, importing("vissa"), "'vissa': did you mean 'visa'"),
    "source missing": (unchanged, importing("visa", "nowhere"), "nowhere"),
    "source a file": (text(Path("raw")), importing("btad"), "raw"),
    **{
        f"{name} of an empty source": (lambda t: (t / "raw").mkdir(), importing(name), shown)
        for name, shown in (
            ("magnetic-tile", "magnetic-tile"),
            ("visa", "VisA"),
            ("btad", "BTAD"),
            ("mpdd", "MPDD"),
            ("kolektor-sdd", "KolektorSDD"),
        )
    },
    "incomplete VisA": (
        raw(published.make_visa, remove(Path("raw/pcb1/Data"))),
        importing("visa"),
        "line 11 names pcb1/Data/Images/Normal/0000.JPG",
    ),
    "incomplete BTAD": (raw(published.make_btad, remove(Path("raw/02/test/ko"))), importing("btad"), "raw/02"),
    "incomplete MPDD": (raw(published.make_mpdd, remove(Path("raw/tubes/test"))), importing("mpdd"), "raw/tubes"),
    "incomplete KolektorSDD": (
        raw(published.make_kolektor_sdd, remove(Path("raw/kos02/Part1_label.bmp"))),
        importing("kolektor-sdd"),
        "Part1_label.bmp",
    ),
    "incomplete magnetic tiles": (
        raw(published.make_magnetic_tile, remove(Path("raw/MT_Free"))),
        importing("magnetic-tile"),
        "MT_Free/Imgs",
    ),
    "VisA's split with other columns": (
        raw(published.make_visa, text(Path("raw/split_csv/1cls.csv"), "a,b\n1,2\n")),
        importing("visa"),
        "1cls.csv",
    ),
    "VisA's split with a path for an object": (
        raw(published.make_visa, text(Path("raw/split_csv/1cls.csv"), "object,split,label,image,mask\n../x,a,b,c,d\n")),
        importing("visa"),
        "'../x'",
    ),
    "an import twice": (
        raw(published.make_btad, lambda t: (t / "out/btad").mkdir(parents=True)),
        importing("btad"),
        "btad exists",
    ),
    "an import below a file": (raw(published.make_btad, text(Path("out"))), importing("btad"), "out is a file"),
    "an import with a broken image": (
        raw(published.make_btad, cut(Path("raw/03/ground_truth/ko/0001.bmp"))),
        importing("btad"),
        "ko/0001.bmp",
    ),
    "an import with a negative seed": (raw(published.make_btad), importing("btad", "raw", "--seed", -1), "--seed"),
    "an option of pairs elsewhere": (
        raw(published.make_btad),
        importing("btad", "raw", "--label", "x"),
        "--label",
    ),
    "pairs without masks": (pairs(), pairing(masks=None), "--masks PATTERN"),
    "pattern without a name": (pairs(), pairing(images="photos/*.jpg"), "--images photos/*.jpg"),
    "pattern with two names": (pairs(), pairing(images="{name}/{name}.jpg"), "--images {name}/{name}.jpg"),
    "pattern with another placeholder": (pairs(), pairing(masks="l/{nam}.png"), "{nam}"),
    "pattern outside the source": (pairs(), pairing(images="../{name}.jpg"), "--images ../{name}.jpg"),
    "images that match nothing": (pairs(), pairing(images="photo/{name}.jpg"), "--images photo/{name}.jpg"),
    "masks that match nothing": (pairs(), pairing(masks="{name}.bmp"), "--masks {name}.bmp"),
    "normals that match nothing": (pairs(), pairing(normals="n/{name}.png"), "--normals n/{name}.png"),
    "images that are no images": (
        pairs(text(Path("raw/photos/a.txt"))),
        pairing(images="photos/{name}.txt"),
        "--images photos/{name}.txt",
    ),
    "masks of no image": (
        pairs(copy(Path("raw/labels/1_gt.png"), Path("raw/labels/77_gt.png"))),
        pairing(),
        "labels/77_gt.png",
    ),
    "two masks for an image": (
        pairs(copy(Path("raw/labels/1_gt.png"), Path("raw/labels/1_gt.bmp"))),
        pairing(masks="labels/{name}_gt.*"),
        "raw/photos/1.jpg",
    ),
    "a mask of another size": (
        pairs(lambda t: write_image(t / "raw/labels/1_gt.png", published.marked()[:, :30])),
        pairing(),
        "1_gt.png is 30 x 24 px",
    ),
    "an unreadable mask": (pairs(cut(Path("raw/labels/1_gt.png"))), pairing(), "raw/labels/1_gt.png"),
    "no normal images": (
        pairs(
            all_of(*(remove(Path(f"raw/photos/{i}.jpg")) for i in (4, 5, 6, 7)), remove(Path("raw/labels/4_gt.png")))
        ),
        pairing(),
        "--normals",
    ),
    "defect type a path": (pairs(), pairing(label="a/b"), "'a/b'"),
    "defect type that is normal": (pairs(), pairing(label="good"), "good"),
    "category hidden": (pairs(), pairing(category=".hidden"), "'.hidden'"),
    "category above": (pairs(), pairing(category=".."), "'..'"),
    "all normals held out": (pairs(), pairing(held_out=1), "--held-out"),
    "masks of no kind": (pairs(), pairing(masks_hold="class"), "'class': did you mean 'classes'"),
    "names that are not valid UTF-8": (
        pairs(lambda t: os.rename(t / "raw/photos/7.jpg", os.fsencode(t / "raw/photos") + b"/\xe9.jpg")),
        pairing(),
        r"raw/photos/\xe9.jpg",
    ),
}

# Case -> how the folder is changed, the command, and what the message must name.
CASES = {**ROOTS, **FILES, **SELECTION, **PLACES, **IMPORTS}


def tree(folder: Path) -> set[bytes]:
    """Return everything below a folder, except the cached manifests, which stay valid after an error."""
    found = {
        os.fsencode(os.path.join(root, name)) for root, folders, files in os.walk(folder) for name in (*folders, *files)
    }
    cache = os.fsencode(folder / "cache")
    return {path for path in found if not (path == cache or path.startswith(cache + b"/manifests"))}


def test_no_two_groups_share_the_name_of_a_case() -> None:
    assert len(CASES) == len(ROOTS) + len(FILES) + len(SELECTION) + len(PLACES) + len(IMPORTS)


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

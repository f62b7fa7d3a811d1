"""Whatever a user can get wrong about images: one line, exit code 2, and nothing left behind."""

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
from tests.conftest import TINY, make_category, write_image
from tests.data import published

Harm = Callable[[Path], object]
RUN: tuple[Any, ...] = ("run", "--dataset", "folder", "--data-root", "data", *TINY, "--method", "unet", "--jobs", 1)
ONE = (*RUN, "--shots", 1, "--seed", 0)
LIST = ("data", "list", "--dataset", "folder", "--data-root", "data")
W = Path("data/widget")
MASK, IMAGE, NORMAL = W / "ground_truth/hole/000_mask.png", W / "test/hole/000.png", W / "train/good/000.png"


def nothing(_: Path) -> None:
    """Harm nothing: the words alone are wrong."""


def cut(path: Path) -> Harm:
    return lambda t: (t / path).write_bytes((t / path).read_bytes()[: (t / path).stat().st_size // 2])


def text(path: Path, words: str = "hello") -> Harm:
    def harm(t: Path) -> None:
        (t / path).parent.mkdir(parents=True, exist_ok=True)
        (t / path).write_text(words)

    return harm


def black(path: Path, height: int, width: int) -> Harm:
    return lambda t: write_image(t / path, np.zeros((height, width), dtype=np.uint8))


def copy(path: Path, to: Path) -> Harm:
    return lambda t: shutil.copy(t / path, t / to)


def remove(path: Path) -> Harm:
    return lambda t: shutil.rmtree(t / path) if (t / path).is_dir() else (t / path).unlink()


def all_of(*harms: Harm) -> Harm:
    return lambda t: [harm(t) for harm in harms]


def bomb(t: Path) -> None:
    """Write a PNG of a few bytes that says it has 3.6 thousand million pixels."""

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
    write_image(t / W / "ground_truth/hole/900_mask.png", np.zeros((20, 40), dtype=np.uint8))


def not_utf8(path: Path) -> Harm:
    return lambda t: os.rename(os.fsencode(t / path), os.fsencode((t / path).parent) + b"/caf\xe9")


ROOTS: dict[str, tuple[Harm, tuple[Any, ...], str]] = {
    "root missing": (nothing, (*LIST[:-1], "nowhere"), "data root nowhere is no folder"),
    "root a file": (text(Path("file")), (*LIST[:-1], "file"), "data root file is no folder"),
    "root empty": (lambda t: (t / "empty").mkdir(), (*LIST[:-1], "empty"), "data root empty holds no category"),
    "root of hidden folders": (
        lambda t: (t / W).rename(t / "data/.widget"),
        LIST,
        "data root data holds no category: expected data/CATEGORY/test/DEFECT/",
    ),
    "root missing for a data set": (nothing, ("data", "list", "--dataset", "mvtec-ad"), "needs --data-root DIR"),
    "root for the synthetic data": (nothing, ("data", "list", "--data-root", "data"), "synthetic data set has no root"),
    "root given for importing": (nothing, (*LIST[:3], "foldr", *LIST[4:]), "did you mean 'folder'?"),
    "no test folder": (remove(W / "test"), LIST, "holds no category"),
    "test a file": (all_of(remove(W / "test"), text(W / "test")), LIST, "holds no category"),
    "no training normals": (remove(W / "train"), ONE, "category widget has no normal training images: put some into"),
    "training normals elsewhere": (
        lambda t: (t / W / "train/good").rename(t / W / "train/normal"),
        ONE,
        "has no normal training images",
    ),
    "no defective images": (
        all_of(remove(W / "test/hole"), remove(W / "test/crack")),
        ONE,
        "category widget has no defective images: put some into",
    ),
    "category not valid UTF-8": (not_utf8(W), LIST, r"data/caf\xe9 is not valid UTF-8: rename it"),
    "category with a control character": (
        lambda t: (t / W).rename(t / "data/a\x1bb"),
        LIST,
        r"data/a\x1bb' holds a line break or another control character",
    ),
    "defect type not valid UTF-8": (not_utf8(W / "test/hole"), LIST, r"test/caf\xe9"),
    "root not valid UTF-8": (
        not_utf8(Path("data")),
        (*LIST[:-1], os.fsdecode(b"caf\xe9")),
        r"caf\xe9 is not valid UTF-8: rename it",
    ),
    "image not valid UTF-8": (
        lambda t: os.rename(t / NORMAL, os.fsencode(t / W / "train/good") + b"/caf\xe9.png"),
        LIST,
        r"train/good/caf\xe9.png is not valid UTF-8",
    ),
}

FILES: dict[str, tuple[Harm, tuple[Any, ...], str]] = {
    "no masks": (remove(W / "ground_truth"), ONE, "category widget has no masks"),
    "no masks of one type": (remove(W / "ground_truth/hole"), ONE, "no mask for"),
    "mask missing": (remove(MASK), ONE, "hole/000.png; expected"),
    "mask of another name": (lambda t: (t / MASK).rename(t / MASK.with_name("000_gt.png")), ONE, "no mask for"),
    "mask of another type of file": (lambda t: (t / MASK).rename(t / MASK.with_suffix(".gif")), ONE, "no mask for"),
    "two masks": (copy(MASK, MASK.with_name("000.png")), ONE, "two masks for"),
    "a mask twice": (copy(MASK, MASK.with_suffix(".bmp")), ONE, "keep one"),
    "two images of a mask": (copy(IMAGE, IMAGE.with_suffix(".bmp")), ONE, "share a mask by their name: rename one"),
    "mask cut off": (cut(MASK), ONE, "unreadable image"),
    "mask empty": (text(MASK, ""), ONE, "000_mask.png: the file is empty"),
    "mask that is text": (text(MASK), ONE, "000_mask.png: it is no image file, or cut off"),
    "mask of another size": (black(MASK, 9, 9), ONE, "is 9 x 9 px but its image"),
    "mask turned": (black(MASK, 20, 48), ONE, "is 48 x 20 px but its image"),
    "mask of a sideways photo": (sideways, ONE, "(its EXIF tag says so) and is turned upright: turn its mask too"),
    "mask a folder": (
        all_of(remove(MASK), lambda t: (t / MASK).mkdir()),
        ONE,
        "no mask for",
    ),
    "image with a line break in its name": (
        lambda t: (t / W / "test/hole/a\nb.png").write_text("no"),
        ONE,
        r"test/hole/a\nb.png' holds a line break or another control character: rename it",
    ),
    "all masks empty": (
        all_of(
            *(black(W / f"ground_truth/{kind}/00{i}_mask.png", 48, 48) for kind in ("hole", "crack") for i in range(4))
        ),
        ONE,
        "1 shots need 1 annotated defective images of crack, there are 0",
    ),
    "image cut off": (cut(IMAGE), ONE, "hole/000.png: image file is truncated"),
    "normal image cut off": (cut(NORMAL), ONE, "good/000.png: image file is truncated"),
    "image of no bytes": (text(IMAGE, ""), ONE, "hole/000.png: the file is empty"),
    "normal image of no bytes": (text(NORMAL, ""), ONE, "good/000.png: the file is empty"),
    "image that is text": (text(NORMAL), ONE, "good/000.png: it is no image file"),
    "image too large": (bomb, ONE, "good/000.png: it says it has more than"),
    "image of floating point": (floating, ONE, "has floating-point pixels"),
}

SELECTION: dict[str, tuple[Harm, tuple[Any, ...], str]] = {
    "no shots": (nothing, (*RUN, "--shots", 0), "field shots must be a list of integers of at least 1"),
    "negative shots": (nothing, (*RUN, "--shots", -1), "field shots must be"),
    "shots that are words": (nothing, (*RUN, "--shots", "many"), "invalid int value: 'many'"),
    "too many shots": (
        nothing,
        (*RUN, "--shots", 5),
        "5 shots need 5 annotated defective images of crack, there are 4; use fewer --shots",
    ),
    "all shots": (nothing, (*RUN, "--shots", 4, "--set", "batch_size=2"), "leave none to test on"),
    "negative seed": (nothing, (*ONE, "--seed", -1), "seeds must be a list of integers of at least 0"),
    "unknown field": (nothing, (*ONE, "--set", "image_sise=64"), "did you mean 'image_size'?"),
    "field of a wrong kind": (nothing, (*ONE, "--set", "iterations=few"), "iterations must be an integer"),
    "field out of range": (nothing, (*ONE, "--set", "learning_rate=7"), "learning_rate must be a number above 0"),
    "field without a value": (nothing, (*ONE, "--set", "iterations"), "--set takes field=value"),
    "size that does not fit": (nothing, (*ONE, "--set", "image_size=100"), "it must be a multiple of 16"),
    "method nearly": (nothing, (*RUN, "--method", "unett"), "unknown method 'unett': did you mean 'unet'?"),
    "category nearly": (nothing, (*ONE, "--category", "widgit"), "did you mean 'widget'?"),
    "table nearly": (nothing, (*ONE, "--table", "IX"), "unknown table 'IX'"),
    "table of other categories": (nothing, (*ONE, "--figure", 9), "not in this data set: name others with --category"),
    "no jobs": (nothing, (*ONE, "--jobs", 0), "--jobs must be at least 1"),
    "no time": (nothing, (*ONE, "--timeout", 0), "--timeout must be more than 0"),
    "no such device": (nothing, (*ONE, "--device", "gpu"), "unknown device 'gpu'"),
    "device that is not there": (nothing, (*ONE, "--device", "cuda:77"), "device 'cuda:77' is not there"),
    "no profile file": (nothing, (*ONE, "--profile", "mine.toml"), "profile file mine.toml cannot be read"),
    "profile no TOML": (text(Path("p.toml"), "a ="), (*ONE, "--profile", "p.toml"), "p.toml is not valid TOML"),
    "profile with an unknown field": (
        text(Path("p.toml"), "shot = [1]"),
        (*ONE, "--profile", "p.toml"),
        "unknown profile field 'shot': did you mean 'shots'?",
    ),
    "profile not UTF-8": (
        lambda t: (t / "p.toml").write_bytes(b'a = "\xe9"'),
        (*ONE, "--profile", "p.toml"),
        "profile file p.toml cannot be read",
    ),
    "cache limit": (nothing, (*ONE, "--cache-limit", "lots"), "--cache-limit must be a size such as 500M"),
    "negative cache limit": (nothing, (*ONE, "--cache-limit=-5G"), "--cache-limit must be a size"),
    "nothing selected": (nothing, RUN[:5], "say what to run: --all"),
}

PLACES: dict[str, tuple[Harm, tuple[Any, ...], str]] = {
    "cache a file": (text(Path("cache")), ONE, "cache is a file where a folder should be"),
    "cache to list a file": (text(Path("cache")), ("data", "cache"), "cache is a file where a folder should be"),
    "cache below a file": (text(Path("f")), (*ONE, "--cache", "f/cache"), "f is a file where a folder should be"),
    "cache that cannot be written": (nothing, (*ONE, "--cache", "/proc/cache"), "cannot write /proc/cache"),
    "results a file": (text(Path("results")), ONE, "results is a file where a folder should be"),
    "results below a file": (text(Path("f")), (*ONE, "--results", "f/out"), "f is a file where a folder should be"),
    "results that cannot be written": (nothing, (*ONE, "--results", "/proc/out"), "cannot write /proc/out"),
    "no results": (nothing, ("report", "--results", "nowhere"), "no results in nowhere"),
    "sheet of none": (
        nothing,
        ("data", "sheet", *LIST[2:], "--out", "s.html", "--each", 0),
        "--each must be at least 1",
    ),
    "sheet too small": (nothing, ("data", "sheet", *LIST[2:], "--out", "s.html", "--size", 3), "from 32 to 1024"),
    "sheet of an unreadable image": (cut(NORMAL), ("data", "sheet", *LIST[2:], "--out", "s.html"), "truncated"),
    "sheet of no kind": (nothing, ("data", "sheet", *LIST[2:], "--out", "s.txt"), ".html"),
    "sheet where nothing can be written": (
        nothing,
        ("data", "sheet", *LIST[2:], "--out", "/proc/s.html"),
        "cannot write /proc/s.html",
    ),
    "images generated over others": (nothing, ("data", "generate", "--out", "data", "--category", "widget"), "unknown"),
    "images generated too large": (nothing, ("data", "generate", "--out", "x", "--size", 9999), "from 32 to 1024"),
    "images generated below a file": (
        text(Path("f")),
        ("data", "generate", "--out", "f", "--category", "bottle", "--size", 32),
        "f is a file where a folder should be",
    ),
    "manifest of two folders": (
        nothing,
        ("data", "manifest", "elsewhere", *LIST[2:], "--out", "m"),
        "the folder elsewhere is named beside --data-root or --dataset: give one of them",
    ),
    "manifest over another": (nothing, ("data", "manifest", *LIST[2:], "--out", "data"), "data exists already"),
    "manifest of a broken category": (remove(MASK), ("data", "manifest", *LIST[2:], "--out", "m"), "no mask for"),
    "manifest where nothing can be written": (
        nothing,
        ("data", "manifest", *LIST[2:], "--out", "/proc/m"),
        "cannot write /proc/m",
    ),
}


def importing(name: str, source: str = "raw", *words: Any) -> tuple[Any, ...]:
    return ("data", "import", name, source, "out", *words)


def raw(make: Callable[[Path], Path], harm: Harm = nothing) -> Harm:
    return lambda t: (make(t / "raw"), harm(t))


def pairing(**changes: Any) -> tuple[Any, ...]:
    given = {"images": "photos/{name}.jpg", "masks": "labels/{name}_gt.png"} | changes
    return importing("pairs", "raw", *(f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value))


def pairs(harm: Harm = nothing) -> Harm:
    return raw(published.make_pairs, harm)


IMPORTS: dict[str, tuple[Harm, tuple[Any, ...], str]] = {
    "importer nearly": (nothing, importing("vissa"), "unknown importer 'vissa': did you mean 'visa'?"),
    "source missing": (nothing, importing("visa", "nowhere"), "nowhere is no folder"),
    "source a file": (text(Path("raw")), importing("btad"), "raw is no folder"),
    **{
        f"{name} of an empty source": (lambda t: (t / "raw").mkdir(), importing(name), f"raw is not the {shown} layout")
        for name, shown in (
            ("magnetic-tile", "magnetic-tile"),
            ("visa", "VisA"),
            ("btad", "BTAD"),
            ("mpdd", "MPDD"),
            ("kolektor-sdd", "KolektorSDD"),
        )
    },
    "half of VisA": (
        raw(published.make_visa, remove(Path("raw/pcb1/Data"))),
        importing("visa"),
        "line 11 names pcb1/Data/Images/Normal/0000.JPG, which is not in raw",
    ),
    "half of BTAD": (raw(published.make_btad, remove(Path("raw/02/test/ko"))), importing("btad"), "half of BTAD"),
    "half of MPDD": (raw(published.make_mpdd, remove(Path("raw/tubes/test"))), importing("mpdd"), "half of MPDD"),
    "half of KolektorSDD": (
        raw(published.make_kolektor_sdd, remove(Path("raw/kos02/Part1_label.bmp"))),
        importing("kolektor-sdd"),
        "half of KolektorSDD",
    ),
    "half of the magnetic tiles": (
        raw(published.make_magnetic_tile, remove(Path("raw/MT_Free"))),
        importing("magnetic-tile"),
        "expected MT_Free/Imgs",
    ),
    "VisA's split with other columns": (
        raw(published.make_visa, text(Path("raw/split_csv/1cls.csv"), "a,b\n1,2\n")),
        importing("visa"),
        "is not VisA's split",
    ),
    "VisA's split with a path for an object": (
        raw(published.make_visa, text(Path("raw/split_csv/1cls.csv"), "object,split,label,image,mask\n../x,a,b,c,d\n")),
        importing("visa"),
        "object '../x' cannot be the name of a folder",
    ),
    "an import twice": (
        raw(published.make_btad, lambda t: (t / "out/btad").mkdir(parents=True)),
        importing("btad"),
        "btad exists already",
    ),
    "an import below a file": (raw(published.make_btad, text(Path("out"))), importing("btad"), "out is a file where"),
    "an import with a broken image": (
        raw(published.make_btad, cut(Path("raw/03/ground_truth/ko/0001.bmp"))),
        importing("btad"),
        "unreadable image",
    ),
    "an import with a negative seed": (raw(published.make_btad), importing("btad", "raw", "--seed", -1), "--seed must"),
    "an option of pairs elsewhere": (
        raw(published.make_btad),
        importing("btad", "raw", "--label", "x"),
        "--label goes with data import pairs only",
    ),
    "pairs without masks": (pairs(), pairing(masks=None), "data import pairs needs --images PATTERN and --masks"),
    "pattern without a name": (pairs(), pairing(images="photos/*.jpg"), "it needs {name} once"),
    "pattern with two names": (pairs(), pairing(images="{name}/{name}.jpg"), "it needs {name} once"),
    "pattern with another placeholder": (pairs(), pairing(masks="l/{nam}.png"), "unknown placeholder {nam}"),
    "pattern outside the source": (pairs(), pairing(images="../{name}.jpg"), "give a path below the source"),
    "images that match nothing": (pairs(), pairing(images="photo/{name}.jpg"), "--images photo/{name}.jpg matches no"),
    "masks that match nothing": (pairs(), pairing(masks="{name}.bmp"), "--masks {name}.bmp matches no image in raw"),
    "normals that match nothing": (pairs(), pairing(normals="n/{name}.png"), "--normals n/{name}.png matches no"),
    "images that are no images": (
        pairs(text(Path("raw/photos/a.txt"))),
        pairing(images="photos/{name}.txt"),
        "matches no image",
    ),
    "masks of no image": (
        pairs(copy(Path("raw/labels/1_gt.png"), Path("raw/labels/77_gt.png"))),
        pairing(),
        "1 files in raw have no partner: labels/77_gt.png; mend the patterns",
    ),
    "two masks for an image": (
        pairs(copy(Path("raw/labels/1_gt.png"), Path("raw/labels/1_gt.bmp"))),
        pairing(masks="labels/{name}_gt.*"),
        "two masks for raw/photos/1.jpg",
    ),
    "a mask of another size": (
        pairs(lambda t: write_image(t / "raw/labels/1_gt.png", published.marked()[:, :30])),
        pairing(),
        "1_gt.png is 30 x 24 px but its image",
    ),
    "an unreadable mask": (pairs(cut(Path("raw/labels/1_gt.png"))), pairing(), "unreadable image raw/labels/1_gt.png"),
    "no normal images": (
        pairs(
            all_of(*(remove(Path(f"raw/photos/{i}.jpg")) for i in (4, 5, 6, 7)), remove(Path("raw/labels/4_gt.png")))
        ),
        pairing(),
        "has no normal images under these patterns: add --normals",
    ),
    "defect type a path": (pairs(), pairing(label="a/b"), "defect type 'a/b' cannot be the name of a folder"),
    "defect type that is normal": (pairs(), pairing(label="good"), "a defect type cannot be called good"),
    "category hidden": (pairs(), pairing(category=".hidden"), "category '.hidden' cannot be the name of a folder"),
    "category above": (pairs(), pairing(category=".."), "category '..' cannot be the name of a folder"),
    "all normals held out": (pairs(), pairing(held_out=1), "--held-out must be from 0 to below 1, got 1"),
    "masks of no kind": (pairs(), pairing(masks_hold="class"), "did you mean 'classes'?"),
    "names that are not valid UTF-8": (
        pairs(lambda t: os.rename(t / "raw/photos/7.jpg", os.fsencode(t / "raw/photos") + b"/\xe9.jpg")),
        pairing(),
        r"raw/photos/\xe9.jpg is not valid UTF-8",
    ),
}

CASES = {**ROOTS, **FILES, **SELECTION, **PLACES, **IMPORTS}


def tree(folder: Path) -> set[bytes]:
    """Everything below a folder but inspections in the cache, which are right whatever comes after them."""
    found = {
        os.fsencode(os.path.join(root, name)) for root, folders, files in os.walk(folder) for name in (*folders, *files)
    }
    inspections = os.fsencode(folder / "cache")
    return {path for path in found if not (path == inspections or path.startswith(inspections + b"/manifests"))}


def test_there_are_many_cases() -> None:
    assert len(CASES) == len(ROOTS) + len(FILES) + len(SELECTION) + len(PLACES) + len(IMPORTS) >= 60


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    harm, words, message = CASES[case]
    make_category(tmp_path / "data" / "widget")
    harm(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "never"))
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
    assert message in errors[0]
    assert "Traceback" not in captured.err
    assert tree(tmp_path) == before

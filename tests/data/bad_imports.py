"""Imports that must be refused: how the source is changed, the command, and what the message must name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import write_image
from tests.data import published
from tests.data.changes import Change, all_of, copy, cut, remove, text, unchanged


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

"""Options of ``data``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.commands.arguments import sentence
from benchmark.commands.arguments.shared import add_cache, add_data, add_masks_hold
from benchmark.data.choices import EDITIONS, HELD_OUT, IMPORTERS, MVTEC_AD, PAIRS


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _add_action(actions, "list", "list the numbers of images, and anything unusual")
    add_data(listing)
    listing.set_defaults(do="data:do_list")

    generate = _add_action(actions, "generate", "write the synthetic data set in MVTec AD's layout")
    generate.add_argument("--dataset", choices=EDITIONS, default="synthetic", help="default: synthetic")
    generate.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the categories")
    generate.add_argument("--size", type=int, default=256, metavar="PX", help="32 to 1024; default: 256")
    generate.add_argument(
        "--category", action="extend", nargs="+", default=[], metavar="NAME", help="default: every category"
    )
    generate.set_defaults(do="data:do_generate")

    sheet = _add_action(actions, "sheet", "show normal images and each defect type with masks")
    add_data(sheet)
    sheet.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="an .html page or a .jpg, .png or .webp picture"
    )
    sheet.add_argument("--size", type=int, default=256, metavar="PX", help="default: 256")
    sheet.add_argument(
        "--each", type=int, default=3, metavar="N", help="on a page, images normal and of each defect type; default: 3"
    )
    sheet.add_argument(
        "--category", action="extend", nargs="+", default=[], metavar="NAME", help="default: every category"
    )
    sheet.add_argument(
        "--pastings", action="store_true", help="show the first defect pasted in each way instead (docs/pastings.md)"
    )
    sheet.set_defaults(do="data:do_sheet")

    _add_import(actions)
    _add_cache(actions)

    manifest = _add_action(actions, "manifest", "write the list of images and the draws as CSV files")
    manifest.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="same as --dataset folder --data-root DIR"
    )
    add_data(manifest)
    manifest.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the CSV files")
    manifest.set_defaults(do="data:do_manifest")
    _add_verify(actions)
    _add_download(actions)


def _add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str
) -> argparse.ArgumentParser:
    """Add an action whose own help opens with its summary."""
    return actions.add_parser(name, help=summary, description=sentence(summary))


def _add_import(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``import`` to the actions of ``data``."""
    parser = _add_action(actions, "import", "convert published or your own images to MVTec AD's layout")
    parser.add_argument(
        "name", metavar="|".join(IMPORTERS), help=f"the layout of SRC: that of a published data set, or {PAIRS}, below"
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="folder of the images as they are now; not changed")
    parser.add_argument("destination", type=Path, metavar="DEST", help="folder for the categories, --data-root of run")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the draw of normal images held out for testing; default: 0"
    )
    parser.add_argument(
        "--by-type", action="store_true", help="of visa: keep its own defect types; by default all are bad"
    )
    pairs = parser.add_argument_group(
        PAIRS, "Patterns are paths below SRC with {name} and optionally {label}, the defect type; * matches all but /."
    )
    pairs.add_argument("--images", metavar="PATTERN", help="e.g. 'photos/{name}.jpg'")
    pairs.add_argument(
        "--masks", metavar="PATTERN", help="e.g. 'labels/{name}_gt.png'; images with no or an empty one are normal"
    )
    pairs.add_argument("--normals", metavar="PATTERN", help="further normal images")
    pairs.add_argument("--label", metavar="NAME", help="defect type if no pattern has {label}; default: defect")
    pairs.add_argument("--category", metavar="NAME", help="default: the name of SRC")
    add_masks_hold(pairs)
    pairs.add_argument(
        "--held-out", type=float, metavar="SHARE", help=f"of the normal images, for testing; default: {HELD_OUT}"
    )
    pairs.add_argument(
        "--ignore-unmatched", action="store_true", default=None, help="leave out files without a partner"
    )
    parser.set_defaults(do="data_import:do")


def _add_cache(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``cache`` to the actions of ``data``."""
    parser = _add_action(actions, "cache", "list cached images and their size, or remove them")
    add_cache(parser)
    parser.add_argument("--clear", action="store_true", help="remove all; running commands keep what they have open")
    parser.set_defaults(do="data_cache:do")


def _add_verify(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``verify`` to the actions of ``data``."""
    parser = _add_action(actions, "verify", "compare the files of a data set with a list")
    add_data(parser, with_strict=False)  # files that are not listed are a problem in any case
    parser.add_argument(
        "--category", action="extend", nargs="+", default=[], metavar="NAME", help="default: every category"
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="DIR", help="written by `data manifest`; default: that of mvtec-ad"
    )
    parser.add_argument("--ignore-size", action="store_true", help="accept images of any size")
    parser.add_argument(
        "--checksums", type=Path, metavar="FILE", help="compare with these SHA-256 checksums; written if missing"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(do="data_verify:do")


def _add_download(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``download`` to the actions of ``data``."""
    parser = _add_action(actions, "download", "download, check and unpack MVTec AD")
    parser.add_argument("name", metavar=MVTEC_AD)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the categories")
    parser.add_argument("--accept-licence", action="store_true", help="you have read the licence and accept it")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="unpack this file instead of downloading")
    parser.add_argument(
        "--link", action="append", default=[], metavar="URL", help="download from here instead; repeatable"
    )
    parser.add_argument("--sha256", metavar="HEX", help="checksum of the archive, instead of the known one")
    parser.add_argument("--keep-archive", action="store_true", help="keep the archive next to DIR")
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="SECONDS", help="give up after so long without data; default: 30"
    )
    parser.set_defaults(do="data_download:do")

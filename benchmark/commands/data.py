"""``data``: list, show, generate, import, verify and describe images."""

from __future__ import annotations

import argparse
import json
from itertools import groupby

from PIL import Image

from baselines.errors import InputError, unknown_name
from benchmark.atomic import new_folder
from benchmark.commands.images import chosen_dataset, chosen_list
from benchmark.data import synthetic
from benchmark.data.datasets import DataSet, SyntheticDataSet
from benchmark.data.folder import FolderDataSet
from benchmark.data.manifest import FORMAT, GOOD, CategoryManifest, write_images, write_rows
from benchmark.data.mvtec import PublishedMvtecAD
from benchmark.data.notes import notes, used
from benchmark.protocol.draws import DIGEST_COLUMNS, DRAW_COLUMNS, list_draws
from reports.contact_sheet import CategorySheet, Label, Shot, write_contact_sheet
from reports.escapes import for_terminal

# As many files of a kind as a terminal shows at once; other places name fewer.
_NAMED = 100


def do_list(options: argparse.Namespace) -> int:
    """Print the number of images per category, split and label, and notes on them."""
    dataset = chosen_dataset(options, options.cache)
    for category in dataset.categories():
        manifest = dataset.manifest(category)
        _print_summary(manifest)
    if isinstance(dataset, FolderDataSet) and dataset.others:
        print(for_terminal(f"no categories, as they have no folder test: {', '.join(dataset.others)}"))
    return 0


def _print_summary(manifest: CategoryManifest) -> None:
    counts = used(manifest)
    print(for_terminal(f"{manifest.category}: {counts}"))
    for note in notes(manifest, named=_NAMED):
        if note != f"used: {counts}":
            print(for_terminal(f"  {note}"))


def do_generate(options: argparse.Namespace) -> int:
    """Render the synthetic categories into ``OUT/CATEGORY``."""
    dataset = SyntheticDataSet(options.dataset)
    _check_size(options.size)
    for category in _chosen(dataset, options.category):
        target = options.out / category
        if target.exists():
            raise InputError(f"{target} exists already: name another folder or remove it first")
        with new_folder(target) as folder:
            for record in dataset.manifest(category).records:
                image, mask = dataset.read(category, record, options.size)
                pictures = {record.name: image} | ({record.mask: mask} if record.mask else {})
                for name, pixels in pictures.items():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).convert("L" if name == record.mask else record.mode).save(folder / name)
        print(f"wrote {target}")
    return 0


def do_sheet(options: argparse.Namespace) -> int:
    """Write a contact sheet with the first images of each label, or with a defect pasted in each way."""
    dataset = chosen_dataset(options, options.cache)
    _check_size(options.size)
    if options.each < 1:
        raise InputError(f"--each must be at least 1, got {options.each}")
    each = options.each if options.out.suffix == ".html" else 1
    make_sheet = _pasting_sheet if options.pastings else _category_sheet
    sheets = [make_sheet(dataset, category, options.size, each) for category in _chosen(dataset, options.category)]
    print(f"wrote {write_contact_sheet(sheets, dataset.name, options.out)}")
    return 0


def _category_sheet(dataset: DataSet, category: str, size: int, each: int) -> CategorySheet:
    labels = []
    for (split, name), records in groupby(dataset.manifest(category).records, lambda r: (r.split, r.label)):
        found = list(records)
        shots = []
        for record in found[:each]:
            image, mask = dataset.read(category, record, size)
            shots.append(Shot(image, mask if record.defective else None))
        labels.append(Label(split, name, len(found), tuple(shots)))
    return CategorySheet(
        category, tuple(sorted(labels, key=lambda label: (label.name != GOOD, label.split != "train")))
    )


def _pasting_sheet(dataset: DataSet, category: str, size: int, each: int) -> CategorySheet:
    """Return the first normal images, the first defective one, and its defect on those by each pasting."""
    from benchmark.training.pasting import paste_in_each_way  # imports torch, which other sheets do not need

    records = dataset.manifest(category).records
    defective = [record for record in records if record.defective]
    normal = [record for record in records if record.split == "train" and not record.defective]
    if not defective or not normal:
        raise InputError(f"category {category} has no {'normal' if defective else 'defective'} image to paste")
    shown = [dataset.read(category, record, size)[0] for record in normal[:each]]
    image, mask = dataset.read(category, defective[0], size)
    return CategorySheet(
        category,
        (
            Label("train", GOOD, len(normal), tuple(Shot(pixels, None) for pixels in shown)),
            Label(defective[0].split, defective[0].label, 1, (Shot(image, mask),)),
            *(
                Label("pasted", name, len(shown), tuple(Shot(*pair) for pair in pasted))
                for name, pasted in paste_in_each_way(image, mask, shown, category).items()
            ),
        ),
    )


def _chosen(dataset: DataSet, requested: list[str]) -> tuple[str, ...]:
    for category in requested:
        if category not in dataset.categories():
            raise unknown_name("category", category, dataset.categories())
    return tuple(dict.fromkeys(requested)) or dataset.categories()


def _check_size(size: int) -> None:
    if not 32 <= size <= 1024:
        raise InputError(f"--size must be from 32 to 1024, got {size}")


def do_manifest(options: argparse.Namespace) -> int:
    """Write ``dataset.json``, ``images.csv``, ``draws.csv`` and ``draw_digests.csv`` into a new folder.

    Without a root, MVTec AD is described as published.
    """
    if options.folder:
        if options.data_root or options.dataset not in ("synthetic", "folder"):  # the first is the default
            raise InputError(f"give either the folder {options.folder} or --dataset and --data-root")
        options.dataset, options.data_root = "folder", options.folder
    dataset = chosen_list(options)
    published = dataset if isinstance(dataset, PublishedMvtecAD) else None
    if options.out.exists():
        raise InputError(f"{options.out} exists already: name another folder or remove it first")
    manifests = [dataset.manifest(category) for category in dataset.categories()]
    for manifest in manifests:
        _print_summary(manifest)
    images, digests = list_draws(manifests)
    for reason in dict.fromkeys(row["impossible"] for row in digests if row["impossible"]):
        print(f"no draw: {reason}")
    with new_folder(options.out) as folder:
        described = {
            "format": FORMAT,
            "dataset": dataset.name,
            "version": manifests[0].version,
            "digests": {manifest.category: manifest.digest for manifest in manifests},
        }
        if isinstance(dataset, SyntheticDataSet):  # there are no file digests
            described["pixels"] = {category: synthetic.checksum(category) for category in dataset.categories()}
        if published:
            described["unknown"] = published.unknown
        (folder / "dataset.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")
        write_images(folder / "images.csv", manifests, published.columns if published else ())
        write_rows(folder / "draws.csv", images, DRAW_COLUMNS)
        write_rows(folder / "draw_digests.csv", digests, DIGEST_COLUMNS)
    print(f"wrote {options.out}")
    return 0

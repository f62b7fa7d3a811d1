"""Summarise the runs of a study: python summarise.py RESULTS [--fields FIELD ...] [--against METHOD].

Prints a Markdown table: a row for each setting, K and method, with the mean IOU over seeds, Student's 95 % interval
and, for MVTec AD, the paper's number. --against adds the difference to one method, paired over seeds, likewise.
--chart FILE draws the means; --strip FILE shows predictions of the runs of one seed.
"""

from __future__ import annotations

import argparse
import math
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

from baselines import InputError, method_names
from baselines.registry import get_method
from benchmark.protocol.profile import Protocol
from benchmark.results.records import RunRecord, Status
from benchmark.results.store import read_run
from reports.published import Published
from reports.statistics import mean_interval

SIDE = 96  # of a picture in a strip, in pixels


def read_table(results: Path, fields: list[str]) -> pd.DataFrame:
    """Return one row per run; ``setting`` names the values of the fields.

    Raises
    ------
    InputError
        If there are no runs, one cannot be read, or a field is not one of a protocol.
    """
    if unknown := set(fields) - set(Protocol.__struct_fields__):
        raise InputError(f"unknown field '{min(unknown)}': profile show lists them")
    folders = sorted((results / "runs").glob("*/run.json"))
    if not folders:
        raise InputError(f"no runs in {results}: name the --results folder of the study")
    rows = []
    for folder in (path.parent for path in folders):
        run = read_run(folder)
        settings = [f"{field} {describe(run, field)}" for field in fields]
        rows.append(
            {
                "folder": folder,
                "setting": ", ".join(settings),
                "category": run.category,
                "K": run.shots,
                "method": run.method,
                "seed": run.seed,
                "iou": run.metrics.iou,
                "auc": run.metrics.auc,
                "failed": run.status == Status.NOT_CONVERGED,
                "known": run.dataset == "mvtec-ad",
            }
        )
    return pd.DataFrame(rows)


def describe(run: RunRecord, field: str) -> str:
    """Return a field of a run's protocol in words."""
    if field == "weights" and (digest := run.identity.weights_digest):
        return f"file {digest[:8]}"
    return str(getattr(run.protocol, field))


def paper(category: str, method: str, shots: int) -> float | None:
    """Return the paper's IOU; None where it has none."""
    source = Published()
    return source.cell(category, method, shots, "iou").value if method in source.methods else None


def difference(group: pd.DataFrame, against: pd.DataFrame) -> str:
    """Return the mean difference of the IOU over common seeds, with its interval."""
    pairs = group.set_index("seed")["iou"].astype(float) - against.set_index("seed")["iou"].astype(float)
    values = pairs.dropna().to_numpy()
    if len(values) < 2 or group["method"].iloc[0] in set(against["method"]):
        return ""
    low, high = mean_interval(values)
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def summarise(runs: pd.DataFrame, against: str = "") -> pd.DataFrame:
    """Return one row per setting, category, K and method, in the order of the methods."""
    order = {name: place for place, name in enumerate(method_names())}
    rows = []
    for (setting, category, shots, method), group in runs.groupby(["setting", "category", "K", "method"], sort=False):
        values = group["iou"].to_numpy(dtype=float)
        low, high = mean_interval(values) if len(values) > 1 else (math.nan, math.nan)
        same = (runs["setting"] == setting) & (runs["category"] == category) & (runs["K"] == shots)
        rows.append(
            {
                "setting": setting,
                "category": category,
                "K": shots,
                "method": get_method(method).label,
                "place": order.get(method, len(order)),
                "seeds": len(values),
                "iou": values.mean(),
                "low": low,
                "high": high,
                "auc": group["auc"].astype(float).mean(),
                "failed": int(group["failed"].sum()),
                "difference": difference(group, runs[same & (runs["method"] == against)]) if against else "",
                "paper": paper(category, method, shots) if group["known"].all() else None,
            }
        )
    return pd.DataFrame(rows).sort_values(["setting", "category", "K", "place"], kind="stable")


def as_markdown(table: pd.DataFrame) -> str:
    """Return the summary as a Markdown table."""
    titles = "setting,category,K,method,seeds,mean IOU,95 % interval,AUC,not converged,difference,paper"
    names = titles.split(",")
    lines = [names, ["---"] * len(names)]
    for row in table.itertuples():
        interval = "" if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
        published = "" if row.paper is None or math.isnan(row.paper) else f"{row.paper:.3f}"
        auc = "" if math.isnan(row.auc) else f"{row.auc:.3f}"
        start = [row.setting, row.category, str(row.K), row.method, str(row.seeds)]
        lines.append([*start, f"{row.iou:.3f}", interval, auc, str(row.failed), row.difference, published])
    kept = [column for column in zip(*lines, strict=True) if any(column[2:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in zip(*kept, strict=True))


def draw_chart(table: pd.DataFrame, path: Path) -> None:
    """Draw the means with their intervals, and the paper's as crosses."""
    labels = [
        f"{row.method}, {'' if row.setting == '' else row.setting + ', '}{row.category} K={row.K}"
        for row in table.itertuples()
    ]
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.22 * len(table)), layout="constrained")
    places = range(len(table))[::-1]
    errors = [(table["iou"] - table["low"]).fillna(0), (table["high"] - table["iou"]).fillna(0)]
    axes.errorbar(table["iou"], places, xerr=errors, fmt="o", markersize=4, linewidth=1, label="mean, 95 % interval")
    if table["paper"].notna().any():
        axes.plot(table["paper"].astype(float), places, "x", color="tab:red", label="paper")
    axes.set_yticks(places, labels, fontsize=7)
    axes.set_xlabel("IOU")
    axes.set_xlim(0, 1.1 * max(table["iou"].max(), table["paper"].astype(float).max()))  # wider intervals are cut off
    axes.grid(axis="x", alpha=0.3)
    figure.legend(fontsize=7, loc="outside upper right", ncols=2)
    figure.savefig(path, dpi=90)


def draw_strip(runs: pd.DataFrame, path: Path, kinds: tuple[str, ...]) -> None:
    """Show the first test image of each defect type, or its truth alone, and the prediction of each run of one seed."""
    chosen = runs[(runs["seed"] == runs["seed"].min()) & (runs["K"] == runs["K"].max())]
    order = {name: place for place, name in enumerate(method_names())}
    chosen = chosen.drop_duplicates("method").sort_values("method", key=lambda names: names.map(order))
    columns: list[list[Path]] = []
    for folder in chosen["folder"]:
        firsts = [
            sample.files
            for sample in read_run(folder).samples
            if sample.role == "test" and "first" in sample.reasons and sample.label != "good"
        ]
        if not columns:
            columns += [[folder / "samples" / getattr(files, kind) for files in firsts] for kind in kinds]
        columns.append([folder / "samples" / str(files.prediction) for files in firsts])
    titles = [*kinds, *(get_method(method).label for method in chosen["method"])]
    size = (len(columns) * SIDE / 72, (len(columns[0]) * SIDE + 30) / 72)
    figure, grid = plt.subplots(len(columns[0]), len(columns), figsize=size, squeeze=False, layout="constrained")
    for place, (title, pictures) in enumerate(zip(titles, columns, strict=True)):
        grid[0][place].set_title(textwrap.fill(title, 18), fontsize=6)
        for axes, picture in zip(grid[:, place], pictures, strict=True):
            with Image.open(picture) as image:
                axes.imshow(image.convert("RGB").resize((SIDE, SIDE)))
            axes.axis("off")
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--fields", nargs="*", default=[], help="fields of the profile that differ between the runs")
    parser.add_argument("--against", default="", metavar="METHOD")
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--strip", type=Path)
    parser.add_argument("--without-images", action="store_true", help="in the strip: they may not be published")
    options = parser.parse_args()
    try:
        found = read_table(options.results, options.fields)
    except InputError as error:
        parser.error(str(error))
    if options.against and options.against not in set(found["method"]):
        parser.error(f"no runs of {options.against}: --against takes one of {', '.join(sorted(set(found['method'])))}")
    summary = summarise(found, options.against)
    print(as_markdown(summary))
    if options.chart:
        draw_chart(summary, options.chart)
    if options.strip:
        draw_strip(found, options.strip, ("truth",) if options.without_images else ("image", "truth"))

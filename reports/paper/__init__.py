"""What the paper prints: its tables and bold marks as data, each with its section."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pandas as pd

from baselines.errors import unknown_name
from benchmark.score import Metric

_FILES = {
    "I": "table_1_image_counts.csv",  # Section IV-A
    "II": "table_2_iou.csv",  # Section IV-F
    "III": "table_3_dc.csv",  # Section IV-F
    "IV": "table_4_anomaly_detection.csv",  # Section IV-G
    "V": "table_5_ablation.csv",  # Section IV-H
    "VI": "table_6_lambda.csv",  # Section IV-H
    "VII": "table_7_nbr_similarity.csv",  # Section IV-H
}
PUBLISHED_TABLES = tuple(_FILES)
# The tables that print a number per category.
CATEGORY_TABLES: dict[Metric, str] = {"iou": "II", "dc": "III"}
# The table of ACC and AUC, which score images; the others' numbers score pixels.
IMAGE_SCORES_TABLE = "IV"
PAPER_SEEDS = 5  # Section IV-F: each experiment is repeated five times with different seeds
MEAN = "mean"  # among their categories: the printed row of means


def published_table(number: str) -> pd.DataFrame:
    """Return a table as printed; what the paper leaves blank (its dashes) is NaN.

    Columns are, for I, ``category kind train_defect_1shot train_defect_5shot train_normal test_defect_1shot
    test_defect_5shot test_normal``; for II and III, ``shots category method mean std`` with ``mean`` among the
    categories for the printed row of means; for IV, ``shots method acc_percent auc_percent``; for V to VII,
    ``shots method iou dc``.

    Raises
    ------
    InputError
        If there is no such table.

    Examples
    --------
    >>> published_table("VI")["iou"].tolist()
    [0.4745, 0.4919, 0.6371, 0.6445]
    """
    if number not in _FILES:
        raise unknown_name("table", number, _FILES)
    return _read_csv(f"tables/{_FILES[number]}").copy()


@cache
def published_means(number: str) -> dict[tuple[int, str, Metric], float]:
    """Return the means over categories that Tables II to VII print: (K, method, metric) to a number in [0, 1].

    Examples
    --------
    >>> published_means("IV")[1, "albunet_nbr_cap", "auc"]
    0.9219
    """
    return means_in(number, published_table(number))


def means_in(number: str, table: pd.DataFrame) -> dict[tuple[int, str, Metric], float]:
    """Return those of a table of the shape of ``published_table(number)``."""
    for metric, category_table in CATEGORY_TABLES.items():
        if number == category_table:
            table = table[table["category"] == MEAN].rename(columns={"mean": metric})
    if number == "IV":
        shares = (table[["acc_percent", "auc_percent"]] / 100).round(4)  # printed with two digits of a percentage
        table = table.assign(acc=shares["acc_percent"], auc=shares["auc_percent"])
    metrics: tuple[Metric, ...] = ("iou", "dc", "auc", "acc")
    return {
        (row["shots"], row["method"], metric): row[metric]
        for row in table.to_dict("records")
        for metric in metrics
        if metric in row
    }


def bold_marks() -> pd.DataFrame:
    """Return which cells the paper prints in bold: ``table shots category method``.

    The text that the data were taken from does not show bold type, so it is inferred: in Tables II and III a space
    separates number and deviation (``0.6852 (0.0046)``) in every cell of one column and in no other cell. For numbers
    without a deviation (rows of means, Table IV) bold type is unknown, and they are left out.

    Examples
    --------
    >>> list(bold_marks().columns)
    ['table', 'shots', 'category', 'method']
    """
    return _read_csv("bold.csv").copy()


def mvtec_counts() -> pd.DataFrame:
    """Return the image counts of MVTec AD as published [36]: ``category split label images side_px mode``.

    ``label`` is ``good`` or a defect type; ``split`` is ``train`` or ``test``.

    Examples
    --------
    >>> int(mvtec_counts()["images"].sum())
    5354
    """
    return _read_csv("mvtec_ad/counts.csv", "data_manifests").copy()


@cache
def _read_csv(name: str, package: str = "reports.paper") -> pd.DataFrame:
    with (resources.files(package) / name).open(encoding="utf-8") as file:
        return pd.read_csv(file)

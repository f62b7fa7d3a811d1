"""What the paper prints: its tables, bold marks and statements as data, each with the section it stands in."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pandas as pd

from baselines.errors import unknown_name

# Number -> file, caption and section of origin.
_TABLES = {
    "I": ("table_1_image_counts.csv", "Numbers of images", "Section IV-A"),
    "II": ("table_2_iou.csv", "Mean IOU", "Section IV-F"),
    "III": ("table_3_dc.csv", "Mean DC", "Section IV-F"),
    "IV": ("table_4_anomaly_detection.csv", "ACC and AUC", "Section IV-G"),
    "V": ("table_5_ablation.csv", "Ablation of the regularization methods", "Section IV-H"),
    "VI": ("table_6_lambda.csv", "Ablation of lambda", "Section IV-H"),
    "VII": ("table_7_nbr_similarity.csv", "Ablation of the NBR loss", "Section IV-H"),
}
PUBLISHED_TABLES = tuple(_TABLES)


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
    """
    return _read(_known(number)).copy()


def provenance(number: str) -> str:
    """Return where a table stands in the paper; InputError if there is none of that number."""
    _, caption, section = _TABLES[_known(number)]
    return f"Table {number}, {caption} ({section})"


def bold_marks() -> pd.DataFrame:
    """Return which cells the paper prints in bold: ``table shots category method``.

    The text that the data were taken from has lost its type, so bold is inferred: in Tables II and III a gap parts
    number and deviation (``0.6852 (0.0046)``) in every cell of one column and in no other cell. Numbers without a
    deviation, in the rows of means and in Table IV, cannot show it: whether they are bold is not known, and not here.
    """
    return _read_csv("bold.csv").copy()


def mvtec_counts() -> pd.DataFrame:
    """Return the images of MVTec AD as published [36]: ``category split label images side_px mode``.

    ``label`` is ``good`` or a defect type; ``split`` is ``train`` or ``test``.
    """
    return _read_csv("mvtec_ad_counts.csv").copy()


def _known(number: str) -> str:
    if number not in _TABLES:
        raise unknown_name("table", number, _TABLES)
    return number


def _read(number: str) -> pd.DataFrame:
    return _read_csv(f"tables/{_TABLES[number][0]}")


@cache
def _read_csv(name: str) -> pd.DataFrame:
    with (resources.files("reports.paper") / name).open(encoding="utf-8") as file:
        return pd.read_csv(file)

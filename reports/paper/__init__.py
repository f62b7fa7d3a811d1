"""What the paper prints: its tables as data, with the section each is discussed in."""

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


def _known(number: str) -> str:
    if number not in _TABLES:
        raise unknown_name("table", number, _TABLES)
    return number


@cache
def _read(number: str) -> pd.DataFrame:
    path = resources.files("reports.paper") / "tables" / _TABLES[number][0]
    with path.open(encoding="utf-8") as file:
        return pd.read_csv(file)

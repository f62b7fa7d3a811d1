"""The colours of the report."""

from __future__ import annotations

import itertools
import re

import pytest

from reports.charts import COLOURS
from reports.pages import static_text


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    lower, higher = sorted((luminance(first), luminance(second)))
    return (higher + 0.05) / (lower + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_have_enough_contrast_in_both_themes(theme: int) -> None:
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", static_text("report.css"))
    colours = {name: values[theme] for name, *values in pairs}
    for text, ground in itertools.product(("ink", "quiet", "link", "warn", "good"), ("page", "band")):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for number in range(1, COLOURS + 1):
        assert contrast(colours[f"series-{number}"], colours["page"]) >= 3, number

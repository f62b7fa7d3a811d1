"""Sizes and durations: one format each, and what is accepted as a size."""

from __future__ import annotations

import pytest

from baselines.errors import InputError
from benchmark.units import format_bytes, format_duration, parse_size


def test_sizes_are_shown_in_decimal_units() -> None:
    shown = [format_bytes(count) for count in (0, 999, 57_700, 5.25e9)]
    assert shown == ["0 Bytes", "999 Bytes", "57.7 kB", "5.2 GB"]


def test_durations_are_shown_in_a_fitting_unit() -> None:
    shown = [format_duration(seconds) for seconds in (0.4, 99, 100, 5999, 6000, 259_199, 259_200)]
    assert shown == ["0 s", "99 s", "2 min", "100 min", "1.7 h", "72.0 h", "3.0 days"]


def test_sizes_are_read_with_and_without_a_unit() -> None:
    sizes = {"0": 0, "500M": 500e6, "1.5 GB": 1.5e9, "20g": 20e9, "2T": 2e12, "7B": 7}
    assert {text: parse_size("--cache-limit", text) for text in sizes} == sizes
    for text in ("", "-1G", "many", "5X", "1e9"):
        with pytest.raises(InputError, match=f"--cache-limit.*'{text}'"):
            parse_size("--cache-limit", text)

"""The file of predictions: what is wrong with an inconsistent one is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from baselines.errors import InputError
from benchmark.results.stored_run import StoredRun
from tests.factories import store_run

# An array of the file, what is done to it, and what the error says.
WRONG = {
    "another type": ("max_logit", lambda array: array.astype(float), "max_logit is float64"),
    "an image too few": ("boundary", lambda array: array[:1], r"boundary is uint32 \(1, 3\)"),
    "images too many": (
        "test_normal",
        lambda array: np.tile(array, (2, 1)),
        "test_normal has 4 images, not 2",
    ),
    "other bins": ("training_normal", lambda array: array[:, 1:], "training_normal does not have 3330 bins"),
    "a region without image": ("test_region_image", lambda array: array + 2, "test_region_image names an image"),
    "a bin beyond": ("test_region_bin", lambda array: array + np.uint16(3000), "test_region_bin names a bin"),
    "no pixel": ("training_region_count", lambda array: array * 0, "training_region_count has a zero"),
    "no end": ("test_region_start", lambda array: array[:-1], "test_region_start does not divide"),
    "a wrong end": ("test_region_start", lambda array: array + np.uint32(1), "test_region_start does not divide"),
    "an array missing": ("test_region_bin", None, "test_region_bin"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_inconsistent_file_is_refused_with_the_name_of_the_array(tmp_path: Path, case: str) -> None:
    folder = tmp_path / "runs" / store_run(tmp_path).id
    path = folder / "predictions.npz"
    assert StoredRun(folder).predictions is not None
    with np.load(path) as arrays:
        content = dict(arrays)
    name, change, said = WRONG[case]
    if change is None:
        del content[name]
    else:
        content[name] = change(content[name])
    np.savez_compressed(path, **content)
    with pytest.raises(InputError, match=rf"predictions\.npz cannot be read \(.*{said}.*\): move its folder away"):
        _ = StoredRun(folder).predictions

"""Whatever the options and a profile admit, the store can write and read."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import get_method, method_names, network_names
from baselines.errors import InputError
from baselines.registry import ADDITIONS
from benchmark.cli import build_parser
from benchmark.commands.selection import chosen_profile
from benchmark.data.folder import FolderDataSet
from benchmark.protocol.profile import FIELD_NAMES, Profile, field_values, load_profile, with_settings
from benchmark.protocol.runs import RunSpec
from benchmark.results.records import Status
from benchmark.results.store import ResultStore
from benchmark.results.table import load_results
from tests.factories import make_result, make_spec
from tests.refusal import assert_refused

EDGES = [0, 1, 2, 16, 4096, 10**9, 10**9 + 1, 2**31, 2**63 - 1, 2**63, 2**64, -1]
# Not st.floats(): an earlier test may have made torch flush denormal numbers, which hypothesis then rejects.
FLOATS = st.sampled_from([math.nan, math.inf, -1.5, 1e-300, 1e300]) | st.integers(1, 10**6).map(lambda n: n / 10**6)
NUMBERS = st.sampled_from(EDGES) | st.integers(-(2**70), 2**70) | FLOATS
SCALARS = NUMBERS | st.booleans() | st.text(max_size=5)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from(["1", "5", "any", "x"]), NUMBERS)
NAMES = (
    st.text(st.characters(exclude_characters="/"), max_size=6)
    | st.sampled_from(["a b", "con", "nan", "None", "0", "=1+1", "x" * 200, "e\u0301"])
).filter(lambda name: name not in (".", ".."))
# What is a value of the field, and anything else.
FIELDS = st.sampled_from(FIELD_NAMES).flatmap(
    lambda name: st.tuples(st.just(name), VALUES | st.just(field_values(Profile())[name]))
)


def assert_storable(profile: Profile) -> None:
    """Store a run and a failure of each K and seed, and read them back."""
    for shots in profile.shots:
        for seed in profile.seeds:
            assert_can_be_read(replace(make_spec(), shots=shots, seed=seed, protocol=profile.protocol(shots)))


def assert_can_be_read(spec: RunSpec) -> None:
    """Store a run as failed and as done, and read it back."""
    with tempfile.TemporaryDirectory() as folder:
        store = ResultStore(Path(folder))
        store.save_failure(spec, "RuntimeError: out of luck")
        assert store.read_failures([spec])[spec.id].error == "RuntimeError: out of luck"
        assert load_results(Path(folder))["status"].tolist() == [Status.FAILED]
        store.save(spec, make_result(iterations=1))
        row = load_results(Path(folder)).iloc[0]
        expected = (spec.id, spec.dataset, spec.category, spec.method.name, spec.shots, spec.seed)
        assert tuple(row[["id", "dataset", "category", "method", "shots", "seed"]]) == expected


@settings(max_examples=60, deadline=None, database=None)
@given(changed=st.lists(FIELDS, min_size=1, max_size=3))
def test_every_profile_that_is_admitted_can_be_stored(changed: list[tuple[str, Any]]) -> None:
    try:
        profile = with_settings(Profile(batch_size={"any": 2}), dict(changed))
        profile = with_settings(profile, {"batch_size": {"any": 2, **profile.batch_size}})
    except InputError:
        return
    assert_storable(profile)


@settings(max_examples=60, deadline=None, database=None)
@given(
    option=st.sampled_from(["--shots", "--seed"]),
    numbers=st.lists(st.sampled_from(EDGES) | st.integers(0, 2**70), min_size=1, max_size=2),
    name=st.sampled_from([name for name in FIELD_NAMES if name not in ("methods", "categories", "batch_size")]),
    value=SCALARS,
)
def test_every_selection_that_is_admitted_can_be_stored(
    option: str, numbers: list[int], name: str, value: object
) -> None:
    words = ["plan", option, *map(str, numbers), "--set", "batch_size=2", f"{name}={json.dumps(value)}"]
    options = build_parser("plan").parse_args(words)
    try:
        profile = chosen_profile(options)
    except InputError:
        return
    assert_storable(profile)


@settings(max_examples=60, deadline=None, database=None)
@given(parts=st.lists(st.sampled_from([*network_names(), *ADDITIONS, *method_names(), ""]), min_size=1, max_size=4))
def test_every_method_that_is_admitted_can_be_stored(parts: list[str]) -> None:
    try:
        method = get_method("+".join(parts))
    except InputError:
        return
    assert_can_be_read(make_spec(method=method.name))


@settings(max_examples=60, deadline=None, database=None)
@given(root=NAMES, category=NAMES)
def test_every_folder_that_is_admitted_can_be_stored(root: str, category: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / root / category / "test").mkdir(parents=True)
            dataset = FolderDataSet(Path(folder) / root)
        except (OSError, ValueError, InputError):  # the file system or the suite takes no such name
            return
        for name in dataset.categories():
            assert_can_be_read(make_spec(category=name, dataset=dataset.name))


def test_a_profile_whose_file_name_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "\udcff.toml"
    try:
        path.write_text("")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    assert_refused(lambda: load_profile(str(path)), "cannot be read")

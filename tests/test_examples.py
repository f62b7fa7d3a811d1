"""The public names of these modules each have an example in their docstring; pytest runs the examples as doctests."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Modules are added here as their examples are completed.
COMPLETE = (
    "baselines/errors.py",
    "baselines/losses.py",
    "baselines/pasting/*.py",
    "baselines/recipe.py",
    "benchmark/data/files.py",
    "benchmark/data/manifest.py",
    "benchmark/data/mvtec.py",
    "benchmark/data/names.py",
    "benchmark/data/progress.py",
    "benchmark/execution/capacity.py",
    "benchmark/formulas.py",
    "benchmark/output.py",
    "benchmark/processes.py",
    "benchmark/protocol/*.py",
    "benchmark/random_streams.py",
    "benchmark/results/stored_run.py",
    "benchmark/schema.py",
    "benchmark/score.py",
    "benchmark/training/pasting.py",
    "benchmark/units.py",
    "reports/audit/*.py",
    "reports/escapes.py",
    "reports/listed.py",
    "reports/published.py",
    "reports/text_tables.py",
    "reports/wording.py",
)


def test_each_public_function_and_class_has_an_example() -> None:
    paths = [path for pattern in COMPLETE for path in ROOT.glob(pattern)]
    assert len(paths) > len(COMPLETE)
    missing = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in paths
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        if ">>> " not in (ast.get_docstring(node) or "")
    ]
    assert not missing

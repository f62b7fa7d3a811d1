"""Imports run one way: which packages and modules may import which others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import REPOSITORY

# From the bottom up; each may import itself and what is named beside it. A module belongs to its longest prefix.
ALLOWED: dict[str, set[str]] = {
    "data_manifests": set(),
    "baselines": set(),
    "benchmark": {"baselines"},  # atomic, processes, random_streams, schema, units, devices, environment
    "benchmark.data": {"baselines", "benchmark"},
    "benchmark.score": {"benchmark.data"},
    "benchmark.protocol": {"baselines", "benchmark", "benchmark.data"},
    "benchmark.results": {"baselines", "benchmark", "benchmark.data", "benchmark.score", "benchmark.protocol"},
}
ALLOWED["benchmark.training"] = ALLOWED["benchmark.results"] | {"benchmark.results"}
ALLOWED["benchmark.models"] = ALLOWED["benchmark.training"] | {"benchmark.training"}
ALLOWED["benchmark.execution"] = ALLOWED["benchmark.training"] | {"benchmark.training"}
ALLOWED["benchmark.bench"] = ALLOWED["benchmark.execution"] | {"benchmark.execution"}
ALLOWED["benchmark.gate"] = ALLOWED["benchmark.training"]
ALLOWED["benchmark.replay"] = ALLOWED["benchmark.gate"] | {"benchmark.gate"}
ALLOWED["benchmark.store"] = {"benchmark.results"}
ALLOWED["reports"] = ALLOWED["benchmark.gate"] | {"benchmark.gate"}
ALLOWED["benchmark.commands"] = set(ALLOWED) | {"reports"}
ALLOWED["benchmark.cli"] = {"baselines", "benchmark", "benchmark.commands", "reports"}
ALLOWED["benchmark.__main__"] = {"benchmark.cli"}


def package_of(module: str) -> str:
    """Return the longest name in ``ALLOWED`` that a module belongs to."""
    return max((name for name in ALLOWED if module == name or module.startswith(f"{name}.")), key=len)


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of this project that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            # `from benchmark import atomic` imports a module, `from benchmark.atomic import x` a name.
            names = [
                f"{node.module}.{alias.name}" if is_module(f"{node.module}.{alias.name}") else str(node.module)
                for alias in node.names
            ]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in ("baselines", "benchmark", "reports"))


def is_module(name: str) -> bool:
    path = REPOSITORY.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("baselines", "benchmark", "reports", "data_manifests"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_no_module_imports_from_a_layer_above_it() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules()
        for name in imports(path)
        if package_of(name) not in {package_of(module), *ALLOWED[package_of(module)]}
    ]
    assert not wrong, "\n".join(wrong)


def test_the_layers_have_an_order() -> None:
    order = list(ALLOWED)
    for name, below in ALLOWED.items():
        later = {other for other in below if other in order[order.index(name) + 1 :]}
        assert not later, f"{name} may import {later}, which stand above it"


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(REPOSITORY)): lines
        for _, path in modules()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long

"""The environment that a run records, and the parts of it that must be equal for the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmark.environment import bit_conditions, code_digest, describe_environment

CPU = torch.device("cpu")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is not imported yet."""
    folder = tmp_path / "gate_test_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def digest_of(package: Path) -> str:
    code_digest.cache_clear()
    return code_digest((package.name,))


def test_the_digest_of_code_depends_on_its_lines_and_file_names(package: Path) -> None:
    first = digest_of(package)
    assert digest_of(package) == first
    (package / "part.py").write_bytes(b"A = 1\r\n")  # as a checkout on Windows has it
    (package / "notes.txt").write_text("no code")
    assert digest_of(package) == first
    (package / "part.py").write_text("A = 2\n")
    second = digest_of(package)
    assert second != first
    (package / "part.py").rename(package / "other.py")
    assert digest_of(package) not in (first, second)


def test_bits_depend_on_all_but_the_harmless_parts() -> None:
    found = describe_environment(CPU)
    conditions = bit_conditions(found)
    assert {"torch", "numpy", "pillow", "processor", "libc", "threads", "device", "python"} <= set(conditions)
    assert not {"benchmark", "code", "platform"} & set(conditions)
    assert bit_conditions(found | {"python": "3.11.99", "code": "x", "device": "cpu"}) == (
        conditions | {"python": "3.11"}
    )
    assert bit_conditions(found | {"device": "cuda:0"}) == bit_conditions(found | {"device": "cuda:3"})
    for name in ("torch", "processor", "threads", "libc"):
        assert bit_conditions(found | {name: "another"}) != conditions


def test_a_processor_restricted_to_older_instructions_counts_as_another() -> None:
    words = (
        "import torch; from benchmark.environment import describe_environment;"
        "print(describe_environment(torch.device('cpu'))['processor'])"
    )
    said = [
        subprocess.run([sys.executable, "-c", words], env=os.environ | more, capture_output=True, text=True, check=True)
        for more in ({"ATEN_CPU_CAPABILITY": "default"}, {"ONEDNN_MAX_CPU_ISA": "SSE41"})
    ]
    assert len({describe_environment(CPU)["processor"], *(one.stdout.strip() for one in said)}) == 3

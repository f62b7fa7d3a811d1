"""Methods from one file: what is registered, what is refused, and what travels to another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines import get_method, method_names, network_names, registry
from baselines.method_files import MethodFile
from baselines.networks import create_network
from baselines.pasting import get_pasting, pasting_names
from baselines.registry import provide, register_file, select_methods
from tests.conftest import REPOSITORY
from tests.refusal import assert_refused

HEAD = """
from baselines import Method, Recipe, register_method, register_network
from baselines.networks.unet import UNet
"""
OWN = f"""{HEAD}
class Own(UNet):
    stage_channels = (CHANNELS, 16, 16, 16, 16)

register_network("own", Own)
register_method(Method("own", "Own", "own", Recipe(), "this test"))
register_method(Method("own_b", "Own B", "albunet", Recipe(), "this test"))
"""
EIGHT, TWELVE = (OWN.replace("CHANNELS", count) for count in ("8", "12"))
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, forgetful_registry: None) -> Write:
    """Write a file into a folder."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def width_of(name: str) -> int:
    """First number of channels of a built network, which tells the two versions of the file apart."""
    return next(create_network(name).parameters()).shape[0]


def test_a_file_selects_its_methods_or_one_or_a_composed_one(write: Write) -> None:
    path = write("mine.py", EIGHT)
    before = method_names()
    assert select_methods(str(path)) == ["own", "own_b"]
    assert method_names() == (*before, "own", "own_b")
    assert select_methods(f"{path}:own_b") == ["own_b"]
    assert select_methods(f"{path}:own+cap+nbr") == ["own+nbr+cap"]
    file = get_method("own").file
    assert file == MethodFile("mine.py", path.read_bytes())
    assert get_method("own+nbr").file == get_method("own_b").file == file
    assert get_method("albunet+nbr").file is None
    assert_refused(lambda: select_methods(f"{path}:unet"), "method of", "'unet'", "own")
    assert select_methods("smp:Unet/resnet18") == ["smp:Unet/resnet18"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = (\n", ("line 1", "not valid Python")),
        ("x = 1\0", ("not valid Python", "null")),
        ("\n\nimport nowhere", ("line 3", "ModuleNotFoundError", "nowhere")),
        ("def f():\n    raise SystemExit('two\\nlines')\n\nf()", ("line 2", "SystemExit: two lines")),
        ("print(__file__)", ("line 1", "NameError")),
        (HEAD, ("registers no method",)),
        (f"{EIGHT}register_method(3)", ("must be a Method",)),
        (f"{EIGHT}register_network('unet', UNet)", ("network 'unet' is already registered",)),
        (EIGHT.replace('"own_b"', '"unet"'), ("method 'unet' is already registered",)),
        (EIGHT.replace('"albunet"', '"nowhere"'), ("unknown network 'nowhere'",)),
    ],
)
def test_an_unusable_file_is_refused_and_leaves_nothing_registered(
    write: Write, text: str, words: tuple[str, ...]
) -> None:
    path = write("mine.py", text)
    before = method_names(), network_names()
    assert_refused(lambda: select_methods(str(path)), "mine.py", *words)
    assert (method_names(), network_names()) == before


def test_two_files_may_neither_share_a_name_nor_a_network(write: Write) -> None:
    select_methods(str(write("mine.py", EIGHT)))
    assert_refused(lambda: select_methods(str(write("copy.py", EIGHT))), "copy.py", "'own' is already registered")
    other = f'{HEAD}register_method(Method("other", "Other", "own", Recipe(), "this test"))'
    assert_refused(lambda: select_methods(str(write("other.py", other))), "'own'", "'other'", "another file")
    assert select_methods(str(write("mine.py", EIGHT))) == ["own", "own_b"]
    assert width_of("own") == 8


FAINT = REPOSITORY / "examples" / "pasting_faint.py"


def test_a_file_may_register_a_pasting_which_composes_and_travels(write: Write) -> None:
    text = FAINT.read_text(encoding="utf-8")
    path = write("mine.py", text)
    assert select_methods(str(path)) == ["faint"]
    assert select_methods(f"{path}:unet+cap-faint+nbr") == ["unet+nbr+cap-faint"]
    method = get_method("unet+cap-faint")
    assert method.file == get_method("faint").file == MethodFile("mine.py", path.read_bytes())
    assert method.label == "U-Net+CaP (faint)"
    assert_refused(lambda: select_methods(f"{path}:unet+cap-place"), "method of", "'unet+cap-place'")
    other = text.replace('register_pasting("faint", faint, label="faint", reference="this file")', "")
    other = other.replace('Method("faint"', 'Method("other"')
    assert_refused(lambda: select_methods(str(write("other.py", other))), "pasting 'faint'", "'other'", "another file")
    select_methods(str(write("network.py", EIGHT)))
    assert_refused(lambda: get_method("own+cap-faint"), "'own+cap-faint'", "from two files")

    registry._forget(method.file)
    assert "faint" not in pasting_names()
    provide(method)
    grey = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    everything = torch.ones(1, 4, 4, dtype=torch.bool)
    source, _ = get_pasting("faint")(grey, everything, torch.zeros_like(grey), np.random.default_rng(0))
    assert 30 <= int(source.min()) == int(source.max()) < 100


def test_a_worker_that_was_sent_a_changed_file_uses_the_new_content(write: Write) -> None:
    sent = []
    for text in (EIGHT, TWELVE):
        file = MethodFile("mine.py", text.encode())
        register_file(file)
        sent.append(get_method("own+bn"))
        registry._forget(file)
    assert "own" not in network_names()
    for method, width in zip((*sent, sent[0]), (8, 12, 8), strict=True):
        provide(method)
        assert width_of("own") == width
    provide(get_method("unet"))
    assert width_of("own") == 8


def test_a_method_can_be_used_in_a_process_that_cannot_see_its_file(write: Write, tmp_path: Path) -> None:
    path = write("mine.py", EIGHT)
    select_methods(str(path))
    (tmp_path / "method").write_bytes(pickle.dumps(get_method("own")))
    path.unlink()
    torch.manual_seed(0)
    here = next(create_network("own").parameters()).sum().item()
    code = (
        "import pickle, sys, torch; from baselines import create_network; from baselines.registry import provide;"
        "provide(pickle.load(open('method', 'rb'))); torch.manual_seed(0);"
        "print(next(create_network('own').parameters()).sum().item())"
    )
    words = [sys.executable, "-c", code]
    there = subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, check=False)
    assert there.stdout.strip() == str(here).encode(), there.stderr

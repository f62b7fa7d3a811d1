"""Nothing heavy before it is needed: which packages a command imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.commands.arguments.tables import FORMATS as OFFERED_FORMATS
from benchmark.commands.arguments.tables import TABLES as OFFERED_TABLES
from benchmark.data import choices
from benchmark.data.importers import LAYOUTS
from benchmark.data.importers.pairs import MASKS_HOLD
from benchmark.gate.judge import Gate
from reports.formats import FORMATS
from reports.tables import TABLES
from tests.conftest import REPOSITORY

# Seconds and hundreds of megabytes each; NumPy alone takes half as long as pandas.
NUMERICAL = ("numpy", "pandas", "PIL", "scipy", "sklearn", "matplotlib", "statsmodels")
TRAINING = ("torch", "torchvision", "timm", "segmentation_models_pytorch", "loky", "distributed")
AT_ONCE = (*NUMERICAL, *TRAINING, "rich", "jinja2", "joblib")
TABLES_ONLY = (*TRAINING, "scipy", "sklearn", "matplotlib", "statsmodels")

COMMANDS = {
    "--version": AT_ONCE,
    "--help": AT_ONCE,
    "rnu": AT_ONCE,
    **{
        f"{verb} --help": AT_ONCE
        for verb in ("run", "plan", "report", "tables", "check", "claims", "audit", "methods", "data", "profile")
    },
    "data manifest --help": AT_ONCE,
    "data import --help": AT_ONCE,
    "profile list": AT_ONCE,
    "profile show --set width=0.5": AT_ONCE,
    "methods": AT_ONCE,
    "tables --published": TABLES_ONLY,
    "tables --table I --dataset mvtec-ad": TABLES_ONLY,
    "audit": TABLES_ONLY,
    "claims --published": (*TRAINING, "scipy.stats", "sklearn", "matplotlib", "statsmodels"),
    "data list": TABLES_ONLY,
}
SCRIPT = """
import sys
from benchmark.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("imported:", *sys.modules)
"""


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words.split()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.splitlines()[-1].split()[1:])
    assert "benchmark" in imported
    assert not imported & set(COMMANDS[words])


def test_what_the_command_line_offers_is_what_the_code_has() -> None:
    assert (*LAYOUTS, choices.PAIRS) == choices.IMPORTERS
    assert tuple(MASKS_HOLD) == choices.MASKS_HOLD
    assert tuple(FORMATS) == OFFERED_FORMATS
    assert tuple(TABLES) == OFFERED_TABLES
    assert [gate.value for gate in Gate] == ["auto", "bit", "statistical"]

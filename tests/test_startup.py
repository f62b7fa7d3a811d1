"""Nothing heavy before it is needed: which packages a command imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchmark.cli import VERBS
from benchmark.commands.arguments.metrics import BY
from benchmark.commands.arguments.tables import FORMATS as OFFERED_FORMATS
from benchmark.commands.arguments.tables import TABLES as OFFERED_TABLES
from benchmark.commands.arguments.variance import METRICS as OFFERED_METRICS
from benchmark.data import choices
from benchmark.data.images import MASK_READERS
from benchmark.data.importers import LAYOUTS
from benchmark.gate.judge import Gate
from benchmark.score import METRICS as SCORES_OF_RUNS
from reports.formats import FORMATS
from reports.metrics import By
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
    **{f"{verb} --help": AT_ONCE for verb in VERBS},
    "data manifest --help": AT_ONCE,
    "data import --help": AT_ONCE,
    "profile list": AT_ONCE,
    "profile show --set width=0.5": AT_ONCE,
    "methods": AT_ONCE,
    "methods --pastings": AT_ONCE,
    "tables --published": TABLES_ONLY,
    "metrics --results nowhere": TABLES_ONLY,
    "ranking --results nowhere": TABLES_ONLY,
    "variance --results nowhere": TABLES_ONLY,
    "tables --table I --dataset mvtec-ad": TABLES_ONLY,
    "audit": TABLES_ONLY,
    "claims --published": (*TRAINING, "scipy.stats", "sklearn", "matplotlib", "statsmodels"),
    "data list": TABLES_ONLY,
    "predict nowhere photos --out out": (*TRAINING, "scipy", "sklearn", "matplotlib", "statsmodels"),
    "export nowhere": (*TRAINING, "scipy", "sklearn", "matplotlib", "statsmodels"),
}
# What can be refused without looking at images or devices; it takes NumPy to list the synthetic categories.
REFUSED = (
    "run --all --profile quik",
    "run --all --set widht=1",
    "run --all --set image_size=100",
    "run --all --set seeds=[]",
    "run --table IX",
    "run --category carpt",
    "run --method unett",
    "run --method unet+nrb",
    "run --method unet+cap-poison",
    "run --method unet --shots 3",
    "run --method unet --seed -1",
    "run --method unet --jobs 0",
    "run --method unet --device tpu",
    "run --method unet --backend dask",
    "run --method unet --cache-limit much",
    "run --method unet --dataset mvtec-ad",
    "bench stepz",
    "bench steps --method unett",
    "run --method unet --budget soon",
    "plan --category carpt --dataset mvtec-ad",
    "plan --method unett",
    "plan --method unet --device tpu",
)
FOR_RUNS = ("torch", "torchvision", "timm", "segmentation_models_pytorch", "pandas", "scipy", "sklearn", "matplotlib")
SCRIPT = """
import sys
from benchmark.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("imported:", *sys.modules)
"""


def imported(words: str, folder: Path) -> tuple[set[str], str]:
    """Return the modules that a command imports, and what it says on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.splitlines()[-1].split()[1:])
    assert "benchmark" in modules
    return modules, done.stderr


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(words: str, tmp_path: Path) -> None:
    modules, _ = imported(words, tmp_path)
    assert not modules & set(COMMANDS[words])


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_does_not_wait_for_what_runs_need(words: str, tmp_path: Path) -> None:
    modules, said = imported(words, tmp_path)
    assert said.startswith("error: ")
    assert not modules & set(FOR_RUNS)


def test_what_the_command_line_offers_is_what_the_code_has() -> None:
    assert (*LAYOUTS, choices.PAIRS) == choices.IMPORTERS
    assert tuple(MASK_READERS) == choices.MASKS_HOLD
    assert tuple(FORMATS) == OFFERED_FORMATS
    assert tuple(TABLES) == OFFERED_TABLES
    assert get_args(By) == BY
    assert SCORES_OF_RUNS == OFFERED_METRICS
    assert [gate.value for gate in Gate] == ["auto", "bit", "statistical"]

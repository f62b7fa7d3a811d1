"""Other pastings on the command line: the same results in workers, also of a pasting from a file."""

from __future__ import annotations

from pathlib import Path

from benchmark.results.store import read_run
from tests.conftest import REPOSITORY, TINY, CommandLine
from tests.test_cli import same_results

FAINT = REPOSITORY / "examples" / "pasting_faint.py"


def test_results_do_not_depend_on_the_number_of_workers_but_on_the_pasting(
    command_line: CommandLine, category: Path, tmp_path: Path
) -> None:
    words = ["run", "--dataset", "folder", "--data-root", category.parent, *TINY, "crop_paste=1"]
    words += ["--method", *(f"unet+{added}" for added in ("cap", "cap-poisson", "cap-elastic", "cap-perlin"))]
    words += [f"{FAINT}:unet+cap-faint", "--shots", "1", "--seed", "0"]
    for jobs in (1, 2):
        done = command_line(*words, "--results", f"jobs{jobs}", "--jobs", jobs)
        assert done.returncode == 0, done.stderr
    same_results(tmp_path / "jobs1", tmp_path / "jobs2")
    folders = sorted((tmp_path / "jobs1" / "runs").iterdir())
    identities = [read_run(folder).identity for folder in folders]
    pastings = [identity.recipe.get("pasting") for identity in identities]
    assert pastings == [None, "elastic", "faint", "perlin", "poisson"]
    assert len({(folder / "curve.csv").read_bytes() for folder in folders}) == len(folders)
    assert [identity.file_digest is not None for identity in identities] == [name == "faint" for name in pastings]

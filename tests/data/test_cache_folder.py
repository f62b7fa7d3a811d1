"""The cache with limits: how much memory and disk it takes, several processes at once, and what is never removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from baselines import InputError
from benchmark.cli import main
from benchmark.data.cache import keep_below, load_arrays
from benchmark.data.cache_folder import clear, list_entries, make_room, read_size, show_size
from benchmark.data.folder import FolderDataSet
from tests.conftest import REPOSITORY, TINY, make_category

SIZE = 32
BYTES = 14 * SIZE * SIZE * 4


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Three categories, used an hour apart; the manifests are as new as can be."""
    for age, name in enumerate(("newest", "middle", "oldest")):
        make_category(tmp_path / "data" / name)
        folder = arrays_of(tmp_path, name)
        os.utime(folder, (time.time() - 3600 * (age + 1),) * 2)
    return tmp_path / "cache"


def arrays_of(tmp_path: Path, name: str) -> Path:
    """Decode a category; return the folder it is kept in."""
    arrays = load_arrays(FolderDataSet(tmp_path / "data", tmp_path / "cache"), name, SIZE, tmp_path / "cache")
    return Path(arrays.images.filename).parent  # type: ignore[attr-defined]


def kept(cache: Path) -> list[str]:
    return [entry.about.split()[0] for entry in list_entries(cache) if entry.path.is_dir()]


def python(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# A category of noise that is made, not stored: as large as wanted.
LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from benchmark.data.cache import load_arrays
from benchmark.protocol.draws import draw_shots
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.profile import load_profile
from benchmark.training.train import Batches

torch.set_num_threads(1)
cache, count, size = Path(sys.argv[1]), int(sys.argv[2]), 256

class Noise:
    name = "noise"
    def categories(self):
        return ("noise",)
    def manifest(self, category):
        normals = [ImageRecord("train", "good", f"train/good/{i}.png") for i in range(count - 8)]
        defects = [ImageRecord("test", "cut", f"test/cut/{i}.png", f"{i}.png", defect_pixels=9) for i in range(8)]
        return CategoryManifest("noise", "noise", "1", (*normals, *defects))
    def read(self, category, record, size):
        shade = int(Path(record.name).stem) % 251
        return np.full((size, size, 3), shade, np.uint8), np.full((size, size), record.defective)

def private_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("VmData"))
"""

READING = """
protocol = load_profile("quick").protocol(1)
warm_up = load_arrays(Noise(), "noise", 16, cache)
Batches(warm_up, draw_shots(warm_up.manifest, 1, 0), protocol, 0, torch.device("cpu"))
resource.setrlimit(resource.RLIMIT_DATA, (private_bytes() + 48 * 2**20,) * 2)
arrays = load_arrays(Noise(), "noise", size, cache)
draw = draw_shots(arrays.manifest, 1, 0)
batches = Batches(arrays, draw, protocol, 0, torch.device("cpu"))
shades = set()
for _ in range(count):
    shades |= set((batches.normals()[:, 0, 0, 0] * 1e4).int().tolist())
assert not arrays.vanished
try:
    np.array(arrays.images)
except MemoryError:
    print(arrays.images.nbytes + arrays.masks.nbytes, len(shades))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is counted as Linux does")
def test_a_category_larger_than_memory_is_decoded_and_trained_from(tmp_path: Path) -> None:
    process = python(LARGE + READING, tmp_path, 900)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    size, shades = map(int, out.split())
    assert size == 900 * 256 * 256 * 4  # 225 MiB under a limit of 48, and a copy of them is refused
    assert shades > 200


BUILD = """
import sys, time
from pathlib import Path
from benchmark.data.cache import load_arrays
from benchmark.data.folder import FolderDataSet

class Slow(FolderDataSet):
    def read(self, *arguments):
        time.sleep(0.02)
        return super().read(*arguments)

dataset = Slow(Path(sys.argv[1]), Path(sys.argv[2]))
dataset.manifest("widget")
print("ready", flush=True)
sys.stdin.readline()
arrays = load_arrays(dataset, "widget", 64, Path(sys.argv[2]))
print(int(arrays.images.sum()), int(arrays.masks.sum()))
"""


def test_processes_that_race_get_the_same_images_and_one_that_is_killed_harms_nobody(
    category: Path, tmp_path: Path
) -> None:
    make_category(category, images=10, normals=20)
    cache = tmp_path / "cache"
    builders = [python(BUILD, category, cache) for _ in range(4)]
    for builder in builders:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "ready\n"
    for builder in builders:
        assert builder.stdin is not None
        builder.stdin.write("\n")
        builder.stdin.flush()
    while not (started := list((cache / "arrays").glob(f".*~{builders[0].pid}~*.partial"))):
        assert builders[0].poll() is None
        time.sleep(0.005)
    builders[0].send_signal(signal.SIGKILL)
    outs = [builder.communicate(timeout=60)[0].splitlines()[-1:] for builder in builders]
    assert [builder.returncode for builder in builders] == [-signal.SIGKILL, 0, 0, 0]
    assert started[0].is_dir()
    arrays = load_arrays(FolderDataSet(category, cache), "widget", 64, cache)
    assert outs[1:] == [[f"{int(arrays.images.sum())} {int(arrays.masks.sum())}"]] * 3
    load_arrays(FolderDataSet(category, cache), "widget", 16, cache)
    assert not list(cache.rglob("*.partial"))
    assert len(list((cache / "arrays").iterdir())) == 2


READ_ON = """
import sys
from pathlib import Path
from benchmark.data.cache import load_arrays
from benchmark.data.folder import FolderDataSet

cache = Path(sys.argv[2])
arrays = load_arrays(FolderDataSet(Path(sys.argv[1]), cache), "oldest", 32, cache)
print("open", flush=True)
sys.stdin.readline()
print(int(arrays.images.sum()), int(arrays.masks.sum()))
"""


def test_who_reads_an_entry_goes_on_reading_it_when_it_is_removed(cache: Path, tmp_path: Path) -> None:
    arrays = load_arrays(FolderDataSet(tmp_path / "data", cache), "oldest", SIZE, cache)
    expected = f"{int(arrays.images.sum())} {int(arrays.masks.sum())}"
    reader = python(READ_ON, tmp_path / "data", cache)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    removed, left = clear(cache)
    assert len(removed) == 6
    assert left == []
    assert list(cache.rglob("*")) == []
    assert reader.communicate("\n", timeout=60)[0].strip() == expected


def test_what_was_used_longest_ago_is_removed_first(cache: Path, tmp_path: Path) -> None:
    assert kept(cache) == ["oldest", "middle", "newest"]
    total = sum(entry.size for entry in list_entries(cache))
    assert make_room(cache, total, 0, ())[0] == []
    removed, left = make_room(cache, total - 1, 0, ())
    assert [entry.about for entry in removed] == ["oldest (folder:data), 32 px, 14 images"]
    assert left == sum(entry.size for entry in list_entries(cache)) == total - removed[0].size
    arrays_of(tmp_path, "middle")
    assert kept(cache) == ["newest", "middle"]
    make_room(cache, left, removed[0].size, ())
    assert kept(cache) == ["middle"]


def test_what_the_command_itself_needs_is_kept_though_it_is_the_oldest(cache: Path, tmp_path: Path) -> None:
    said = keep_below(FolderDataSet(tmp_path / "data", cache), ["oldest"], SIZE, cache, 10)
    assert kept(cache) == ["oldest"]
    assert said is not None
    assert "of earlier images removed" in said
    assert "above --cache-limit 10 B" in said


def test_an_entry_that_another_command_removed_meanwhile_is_made_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import benchmark.data.cache as module

    load, times = np.load, []

    def vanish_once(path: Path, **options: object) -> np.ndarray:
        if not times:
            times.append(path)
            clear(cache)
        return load(path, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(module.np, "load", vanish_once)
    assert load_arrays(FolderDataSet(tmp_path / "data", cache), "middle", SIZE, cache).images.shape[0] == 14
    assert times
    assert kept(cache) == ["middle"]


def test_a_run_keeps_the_cache_below_its_limit_and_says_so(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--dataset", "folder", "--data-root", tmp_path / "data", "--category", "newest", "--jobs", 1]
    words += [*TINY, "--method", "unet", "--shots", 1, "--seed", 0, "--cache", cache]
    words += ["--results", tmp_path / "results", "--cache-limit", "0.36M"]
    assert main([str(word) for word in words]) == 0
    assert f"cache {cache}: 57.7 kB of earlier images removed" in capsys.readouterr().err
    assert kept(cache) == ["middle", "newest", "newest"]


def test_entries_are_listed_and_cleared(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "cache", "--cache", str(cache)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in lines[:3]] == [
        f"{name} (folder:data), 32 px, 14 images" for name in ("newest", "middle", "oldest")
    ]
    assert lines[3].startswith("3 decoded categories, 3 inspected, ")
    assert main(["data", "cache", "--cache", str(cache), "--clear"]) == 0
    assert "removed 3 decoded categories, 3 inspected" in capsys.readouterr().out
    assert list(cache.iterdir()) == []
    assert main(["data", "cache", "--cache", str(cache / "nowhere"), "--clear"]) == 0
    assert "removed 0 decoded categories" in capsys.readouterr().out


def test_clearing_removes_only_what_was_made_here_and_follows_no_link(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "images.npy").write_text("mine")
    arrays = cache / "arrays"
    entries = sorted(arrays.iterdir())
    (entries[0] / "notes.txt").write_text("mine")
    (entries[1] / "masks.npy").unlink()
    (entries[1] / "masks.npy").symlink_to(precious / "images.npy")
    (arrays / f"{'a' * 24}-64").symlink_to(precious)
    (arrays / "photos").mkdir()
    (cache / "manifests" / "read.me").write_text("mine")
    (cache / "manifests" / f"{'b' * 64}.csv").symlink_to(precious / "images.npy")
    assert main(["data", "cache", "--cache", str(cache), "--clear"]) == 1
    said = capsys.readouterr().out
    assert "removed 1 decoded categories, 3 inspected" in said
    assert said.count(": something else is in it") == 2
    assert (precious / "images.npy").read_text() == "mine"
    assert {path.name for path in arrays.iterdir()} == {entries[0].name, entries[1].name, "a" * 24 + "-64", "photos"}
    assert {path.name for path in (cache / "manifests").iterdir()} == {"read.me", "b" * 64 + ".csv"}


def test_a_linked_folder_in_the_cache_is_left_alone(cache: Path, tmp_path: Path) -> None:
    (cache / "arrays").rename(tmp_path / "elsewhere")
    (cache / "arrays").symlink_to(tmp_path / "elsewhere")
    clear(cache)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("20G", 20 * 10**9), ("1.5t", 15 * 10**11), ("500 MB", 5 * 10**8), ("7", 7)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert read_size("--cache-limit", text) == size


@pytest.mark.parametrize("text", ["", "-1G", "many", "1e9", "5X", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--cache-limit must be a size such as 500M"):
        read_size("--cache-limit", text)


def test_sizes_are_shown() -> None:
    assert [show_size(size) for size in (0, 999, 57_700, 5.25e9)] == ["0 B", "999 B", "57.7 kB", "5.2 GB"]

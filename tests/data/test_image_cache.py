"""The image cache: decoded once per content and size, safe for several processes, bounded in memory and on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import CategoryArrays, ImageCache
from tests.conftest import REPOSITORY, TINY, make_category, write_image

SIZE = 32


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "cache")


@pytest.fixture
def dataset(category: Path, cache: ImageCache) -> FolderDataSet:
    """One category, ``widget``, of 14 images of 48 px."""
    return FolderDataSet(category, cache)


@pytest.fixture
def three(tmp_path: Path, cache: ImageCache) -> FolderDataSet:
    """Three decoded categories, last used an hour apart; their manifests have just been used."""
    for name in ("newest", "middle", "oldest"):
        make_category(tmp_path / "three" / name)
    dataset = FolderDataSet(tmp_path / "three", cache)
    for age, name in enumerate(("newest", "middle", "oldest")):
        os.utime(folder_of(cache.arrays(dataset, name, SIZE)), (time.time() - 3600 * (age + 1),) * 2)
    return dataset


def folder_of(arrays: CategoryArrays) -> Path:
    return Path(arrays.images.filename).parent  # type: ignore[attr-defined]


def decoded_in(cache: ImageCache) -> list[str]:
    """The categories whose arrays are in the cache, least recently used first."""
    return [entry.content.split()[0] for entry in cache.entries() if entry.decoded]


def python(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_images_are_decoded_once_per_size(
    dataset: FolderDataSet, cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    read = dataset.read
    monkeypatch.setattr(dataset, "read", lambda *a: decoded.append(a) or read(*a))  # type: ignore[func-returns-value]
    first, again = (cache.arrays(dataset, "widget", 32) for _ in range(2))
    assert len(decoded) == len(first.manifest.records) == 14
    assert np.array_equal(first.images, again.images)
    assert cache.arrays(dataset, "widget", 16).images.shape == (14, 16, 16, 3)
    assert len(decoded) == 28


def test_arrays_are_read_only_bytes_in_the_order_of_the_manifest(dataset: FolderDataSet, cache: ImageCache) -> None:
    arrays = cache.arrays(dataset, "widget", 32)
    assert (arrays.images.dtype, arrays.masks.dtype) == (np.uint8, np.bool_)
    for index in (0, 7, 13):
        image, mask = dataset.read("widget", arrays.manifest.records[index], 32)
        assert np.array_equal(arrays.images[index], image)
        assert np.array_equal(arrays.masks[index], mask)
    with pytest.raises(ValueError, match="read-only"):
        arrays.images[0, 0, 0, 0] = 1


def test_changed_images_are_decoded_again(dataset: FolderDataSet, category: Path, cache: ImageCache) -> None:
    cache.arrays(dataset, "widget", 16)
    write_image(category / "train/good/000.png", np.full((48, 48, 3), 7, dtype=np.uint8))
    assert (cache.arrays(dataset, "widget", 16).images[0] == 7).all()


def test_masks_lost_by_resizing_are_known(dataset: FolderDataSet, category: Path, cache: ImageCache) -> None:
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[0, 0] = 255
    write_image(category / "ground_truth/hole/003_mask.png", mask)
    assert cache.arrays(dataset, "widget", 48).masks_lost_by_resizing == set()
    assert cache.arrays(dataset, "widget", 16).masks_lost_by_resizing == {"test/hole/003.png"}


def test_an_unreadable_image_leaves_nothing_in_the_cache(
    dataset: FolderDataSet, category: Path, cache: ImageCache
) -> None:
    path = category / "test/hole/002.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"hole/002\.png"):
        cache.arrays(dataset, "widget", 32)
    assert not list(cache.root.rglob("*.npy"))
    assert not list(cache.root.rglob("*.partial"))


def test_threads_that_decode_at_once_get_the_same_images(category: Path, cache: ImageCache) -> None:
    make_category(category, images=12, normals=30)
    found = []

    def decode() -> None:
        found.append(cache.arrays(FolderDataSet(category, cache), "widget", 64))

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(arrays.images, found[0].images) for arrays in found)
    assert not list(cache.root.rglob("*.partial"))


def test_a_corrupted_entry_is_refused_with_the_folder_to_delete(dataset: FolderDataSet, cache: ImageCache) -> None:
    folder = folder_of(cache.arrays(dataset, "widget", 32))
    (folder / "images.npy").write_bytes((folder / "images.npy").read_bytes()[:200])
    with pytest.raises(InputError, match=rf"{folder} .*delete that folder"):
        cache.arrays(dataset, "widget", 32)


def test_the_user_s_cache_is_found_anew_in_each_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = ImageCache()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    assert cache.root == tmp_path / "here/fewshot-defect-benchmark"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "there"))
    assert cache.resolved().root == tmp_path / "there/.cache/fewshot-defect-benchmark"


# A category of any number of images, made up on reading.
LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from benchmark.data.image_cache import ImageCache
from benchmark.data.manifest import CategoryManifest, ImageRecord
from benchmark.protocol.profile import load_profile
from benchmark.protocol.selection import Selection, select_runs
from benchmark.training.batches import minibatches

torch.set_num_threads(1)
cache, count, size = ImageCache(Path(sys.argv[1])), int(sys.argv[2]), 256

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
(spec,) = select_runs(Noise(), load_profile("quick"), [Selection(["unet"], ["noise"], [1], [0])])
next(minibatches(spec, cache.arrays(Noise(), "noise", 16), torch.device("cpu")))
resource.setrlimit(resource.RLIMIT_DATA, (private_bytes() + 48 * 2**20,) * 2)
arrays = cache.arrays(Noise(), "noise", size)
batches = minibatches(spec, arrays, torch.device("cpu"))
shades = set()
for _ in range(count):
    shades |= set((next(batches).normal[:, 0, 0, 0] * 1e4).int().tolist())
assert not arrays.masks_lost_by_resizing
try:
    np.array(arrays.images)
except MemoryError:
    print(arrays.images.nbytes + arrays.masks.nbytes, len(shades))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory counts of Linux")
def test_a_category_larger_than_memory_is_decoded_and_trained_from(tmp_path: Path) -> None:
    process = python(LARGE + READING, tmp_path, 900)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    size, shades = map(int, out.split())
    assert size == 900 * 256 * 256 * 4  # 225 MiB under a limit of 48, and a copy of them is refused
    assert shades > 200


DECODE_SLOWLY = """
import sys, time
from pathlib import Path
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache

class Slow(FolderDataSet):
    def read(self, *arguments):
        time.sleep(0.02)
        return super().read(*arguments)

cache = ImageCache(Path(sys.argv[2]))
dataset = Slow(Path(sys.argv[1]), cache)
dataset.manifest("widget")
print("ready", flush=True)
sys.stdin.readline()
arrays = cache.arrays(dataset, "widget", 64)
print(int(arrays.images.sum()), int(arrays.masks.sum()))
"""


def test_processes_that_decode_at_once_get_the_same_images_even_if_one_is_killed(
    category: Path, cache: ImageCache
) -> None:
    make_category(category, images=10, normals=20)
    processes = [python(DECODE_SLOWLY, category, cache.root) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    killed = processes[0]
    while not list((cache.root / "arrays").glob(f".*~{killed.pid}~*.partial")):
        assert killed.poll() is None
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    outs = [process.communicate(timeout=60)[0].splitlines()[-1:] for process in processes]
    assert [process.returncode for process in processes] == [-signal.SIGKILL, 0, 0, 0]
    dataset = FolderDataSet(category, cache)
    arrays = cache.arrays(dataset, "widget", 64)
    assert outs[1:] == [[f"{int(arrays.images.sum())} {int(arrays.masks.sum())}"]] * 3
    cache.arrays(dataset, "widget", 16)
    assert not list(cache.root.rglob("*.partial"))
    assert len(list((cache.root / "arrays").iterdir())) == 2


READ_LATER = """
import sys
from pathlib import Path
from benchmark.data.folder import FolderDataSet
from benchmark.data.image_cache import ImageCache

cache = ImageCache(Path(sys.argv[2]))
arrays = cache.arrays(FolderDataSet(Path(sys.argv[1]), cache), "oldest", 32)
print("open", flush=True)
sys.stdin.readline()
print(int(arrays.images.sum()), int(arrays.masks.sum()))
"""


def test_a_process_can_go_on_reading_an_entry_that_is_removed(three: FolderDataSet, cache: ImageCache) -> None:
    arrays = cache.arrays(three, "oldest", SIZE)
    expected = f"{int(arrays.images.sum())} {int(arrays.masks.sum())}"
    reader = python(READ_LATER, three.root, cache.root)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    removed, left = cache.clear()
    assert len(removed) == 6
    assert left == []
    assert list(cache.root.rglob("*")) == []
    assert reader.communicate("\n", timeout=60)[0].strip() == expected


def test_the_least_recently_used_entry_is_removed_first(three: FolderDataSet, cache: ImageCache) -> None:
    assert decoded_in(cache) == ["oldest", "middle", "newest"]
    total = sum(entry.size for entry in cache.entries())
    assert cache.make_room(total)[0] == []
    removed, left = cache.make_room(total - 1)
    assert [entry.content for entry in removed] == ["oldest (folder:three), 32 px, 14 images"]
    assert left == sum(entry.size for entry in cache.entries()) == total - removed[0].size
    cache.arrays(three, "middle", SIZE)
    assert decoded_in(cache) == ["newest", "middle"]
    cache.make_room(left, removed[0].size)
    assert decoded_in(cache) == ["middle"]


def test_the_entries_a_command_needs_are_kept_even_if_they_are_the_oldest(
    three: FolderDataSet, cache: ImageCache
) -> None:
    message = cache.keep_below(10, three, ["oldest"], SIZE)
    assert decoded_in(cache) == ["oldest"]
    assert message is not None
    assert "removed" in message
    assert "more than --cache-limit 10 Bytes" in message


def test_an_entry_removed_by_another_command_meanwhile_is_made_again(
    three: FolderDataSet, cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, times = np.load, []

    def clear_once(path: Path, **options: object) -> np.ndarray:
        if not times:
            times.append(path)
            cache.clear()
        return load(path, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(np, "load", clear_once)
    assert cache.arrays(three, "middle", SIZE).images.shape[0] == 14
    assert times
    assert decoded_in(cache) == ["middle"]


def test_a_run_keeps_the_cache_below_its_limit_and_reports_it(
    three: FolderDataSet, cache: ImageCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--dataset", "folder", "--data-root", three.root, "--category", "newest", "--jobs", 1]
    words += [*TINY, "--method", "unet", "--shots", 1, "--seed", 0, "--cache", cache.root]
    words += ["--results", tmp_path / "results", "--cache-limit", "0.36M"]
    assert main([str(word) for word in words]) == 0
    assert f"cache {cache.root}: removed 57.7 kB" in capsys.readouterr().err
    assert decoded_in(cache) == ["middle", "newest", "newest"]


@pytest.mark.usefixtures("three")
def test_entries_are_listed_and_cleared(cache: ImageCache, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "cache", "--cache", str(cache.root)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in lines[:3]] == [
        f"{name} (folder:three), 32 px, 14 images" for name in ("newest", "middle", "oldest")
    ]
    assert lines[3].startswith("3 decoded categories, 3 manifests, ")
    assert main([*words, "--clear"]) == 0
    assert "removed 3 decoded categories, 3 manifests" in capsys.readouterr().out
    assert list(cache.root.iterdir()) == []
    assert main(["data", "cache", "--cache", str(cache.root / "nowhere"), "--clear"]) == 0
    assert "removed 0 decoded categories" in capsys.readouterr().out


@pytest.mark.usefixtures("three")
def test_clearing_removes_only_entries_made_by_the_cache_and_follows_no_link(
    cache: ImageCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "images.npy").write_text("mine")
    arrays, manifests = cache.root / "arrays", cache.root / "manifests"
    entries = sorted(arrays.iterdir())
    (entries[0] / "notes.txt").write_text("mine")
    (entries[1] / "masks.npy").unlink()
    (entries[1] / "masks.npy").symlink_to(precious / "images.npy")
    (arrays / f"{'a' * 24}-64").symlink_to(precious)
    (arrays / "photos").mkdir()
    (manifests / "read.me").write_text("mine")
    (manifests / f"{'b' * 64}.csv").symlink_to(precious / "images.npy")
    assert main(["data", "cache", "--cache", str(cache.root), "--clear"]) == 1
    out = capsys.readouterr().out
    assert "removed 1 decoded categories, 3 manifests" in out
    assert all(f"kept {entry}: " in out for entry in entries[:2])
    assert (precious / "images.npy").read_text() == "mine"
    assert {path.name for path in arrays.iterdir()} == {entries[0].name, entries[1].name, "a" * 24 + "-64", "photos"}
    assert {path.name for path in manifests.iterdir()} == {"read.me", "b" * 64 + ".csv"}


@pytest.mark.usefixtures("three")
def test_a_linked_folder_in_the_cache_is_left_alone(cache: ImageCache, tmp_path: Path) -> None:
    (cache.root / "arrays").rename(tmp_path / "elsewhere")
    (cache.root / "arrays").symlink_to(tmp_path / "elsewhere")
    cache.clear()
    assert len(list((tmp_path / "elsewhere").iterdir())) == 3

"""Who does which run: commands that share a results folder never train one run twice at the same time.

RESULTS/leases/ID.json   host, process and token of who is doing a run; touched meanwhile
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import psutil

from baselines import InputError
from benchmark.processes import creation_time, host_name

BEAT_SECONDS = 10.0
# A claim of another host that was not touched for so long is nobody's.
STALE_SECONDS = 600.0
# A claim is written at once; one that cannot be read after so long was cut off by a kill.
_UNREADABLE_SECONDS = 10.0
# psutil counts from the time of the boot, which moves a little when a clock is set.
_CREATED_TOLERANCE = 5.0


class LeaseLostError(RuntimeError):
    """Another process took the claim, because it was not touched for too long."""


@dataclass(frozen=True)
class Holder:
    """Who claims a run.

    Attributes
    ----------
    host : str
        A machine, or a container on it: where the process number means something.
    process : int
    created : float
        When the process began, in seconds since 1970; process numbers are used again.
    token : str
        Tells two claims of one process apart.
    """

    host: str
    process: int
    created: float
    token: str

    @property
    def is_gone(self) -> bool:
        """Whether a process of this host has ended."""
        created = creation_time(self.process)
        return created is None or abs(created - self.created) > _CREATED_TOLERANCE


class Lease:
    """A run that this process may train.

    Parameters
    ----------
    path : Path
        File of the claim.
    holder : Holder
        What is written there.
    """

    def __init__(self, path: Path, holder: Holder) -> None:
        self._path, self._holder = path, holder
        self._lost, self._released = threading.Event(), threading.Event()

    def check(self) -> None:
        """Find out whether the run is still ours, as of the last beat; costs nothing.

        Raises
        ------
        LeaseLostError
            If another process has the claim by now.
        """
        if self._lost.is_set():
            raise LeaseLostError(f"another process took over {self._path.stem}")

    def confirm(self) -> None:
        """Find out whether the run is still ours, now; raises as ``check``."""
        self._beat()
        self.check()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Touch the claim meanwhile, so that other hosts see it is alive; release it at the end, if still ours.

        In a thread: loading, training and scoring all may take longer than others would wait.
        """
        thread = threading.Thread(target=self._beat_until_released, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._released.set()
            thread.join()
            if _read(self._path) == self._holder:
                self._path.unlink(missing_ok=True)

    def _beat_until_released(self) -> None:
        while not self._released.wait(BEAT_SECONDS) and not self._lost.is_set():
            self._beat()

    def _beat(self) -> None:
        try:
            os.utime(self._path)
        except FileNotFoundError:
            self._lost.set()
        except OSError:  # a disk that is away for a moment: the next beat will tell
            return
        if _read(self._path) not in (self._holder, None):
            self._lost.set()


class Leases:
    """The claims of all commands that share a results folder.

    Parameters
    ----------
    root : Path
        Results folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.folder = self.root / "leases"

    @contextmanager
    def lease(self, run_id: str) -> Iterator[Lease | None]:
        """Hold a run while it is trained; gives None if another process has it.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        try:
            claim = self._take(run_id)
        except OSError as error:
            raise InputError(
                f"cannot write {self.folder}: {error.strerror or error}; check space and permissions"
            ) from error
        with claim.beating() if claim else nullcontext():
            yield claim

    def is_held(self, run_id: str) -> bool:
        """Return whether a process that is still there trains a run."""
        path = self._path(run_id)
        return path.exists() and not _is_stale(path)

    def remove_stale(self) -> None:
        """Remove claims of processes that are gone, and the folder if no other claim is in it."""
        with suppress(OSError):  # in a folder that cannot be written, claiming says so
            for path in self.folder.glob("*.json"):
                self._remove_if_stale(path)
            for path in self.folder.glob("*.stale"):
                path.unlink(missing_ok=True)
            self.folder.rmdir()

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    def _take(self, run_id: str) -> Lease | None:
        path = self._path(run_id)
        holder = Holder(host_name(), os.getpid(), psutil.Process().create_time(), uuid4().hex)
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileNotFoundError:  # another command has just removed the empty folder
                continue
            except FileExistsError:
                if not self._remove_if_stale(path):
                    return None
                continue
            with os.fdopen(file, "wb") as stream:
                stream.write(json.dumps(asdict(holder)).encode())
            return Lease(path, holder)

    def _remove_if_stale(self, path: Path) -> bool:
        """Return whether the name is free now; who then makes it first has the run."""
        with _alone(self.root):
            if not path.exists():
                return True
            if not _is_stale(path):
                return False
            # Only one can rename it, also where the file system has no locks.
            put_away = path.with_name(f".{path.stem}~{uuid4().hex[:8]}.stale")
            try:
                path.rename(put_away)
            except FileNotFoundError:
                return True
            put_away.unlink(missing_ok=True)
            return True


def _is_stale(path: Path) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return True
    holder = _read(path)
    if holder is None:
        return age > _UNREADABLE_SECONDS
    if holder.host == host_name():
        return holder.is_gone
    return age > STALE_SECONDS


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others out while a claim is judged and removed: without it, one just made by another could go instead."""
    file = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)

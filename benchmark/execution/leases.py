"""Leases: commands that share a results folder never train the same run at the same time.

RESULTS/leases/ID.json   host, process and token of the owner; touched at intervals while the run is trained

Why not filelock's SoftFileLease: docs/design.md, "One owner per run".
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from uuid import uuid4

import msgspec
import psutil

from baselines.errors import InputError
from benchmark.processes import creation_time, host_name
from benchmark.schema import SchemaError, decode_json

RENEW_SECONDS = 10.0
# Without renewal for so long, a lease of another host is stale.
EXPIRY_SECONDS = 600.0
# A lease is written at once; one that is still unreadable after so long was being written when its process was killed.
_UNREADABLE_SECONDS = 10.0
# psutil counts from the time of the boot, which moves a little when a clock is set.
_CREATED_TOLERANCE = 5.0


class LeaseLostError(RuntimeError):
    """Another process took over the lease, because it was not renewed in time."""


class Owner(msgspec.Struct, frozen=True):
    """The owner of a lease.

    Attributes
    ----------
    host : str
        A machine, or a container on it: the scope of the process number.
    process : int
    created : float
        When the process started, in seconds since 1970, as process numbers are reused.
    token : str
        Tells two leases of one process apart.

    Examples
    --------
    >>> Owner(host_name(), os.getpid(), psutil.Process().create_time(), "a token").has_ended
    False
    """

    host: str
    process: int
    created: float
    token: str

    @property
    def has_ended(self) -> bool:
        """Whether this process of this host has ended."""
        created = creation_time(self.process)
        return created is None or abs(created - self.created) > _CREATED_TOLERANCE


class Lease:
    """The right of this process to train a run.

    Parameters
    ----------
    path : Path
        The lease file.
    owner : Owner
        Its content.
    """

    def __init__(self, path: Path, owner: Owner) -> None:
        self._path, self._owner = path, owner
        self._lost, self._released = threading.Event(), threading.Event()

    def check(self) -> None:
        """Check that the lease was not lost, as of its last renewal; free of cost.

        Raises
        ------
        LeaseLostError
            If another process has taken it over.
        """
        if self._lost.is_set():
            raise LeaseLostError(f"another process took over {self._path.stem}")

    def confirm(self) -> None:
        """Check that the lease is not lost now; raises as ``check``."""
        self._renew()
        self.check()

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the lease at intervals, and release it at the end unless it was lost.

        In a thread, as loading, training or scoring may each take longer than the expiry time.
        """
        thread = threading.Thread(target=self._renew_until_released, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._released.set()
            thread.join()
            if _read(self._path) == self._owner:
                self._path.unlink(missing_ok=True)

    def _renew_until_released(self) -> None:
        while not self._released.wait(RENEW_SECONDS) and not self._lost.is_set():
            self._renew()

    def _renew(self) -> None:
        try:
            os.utime(self._path)
        except FileNotFoundError:
            self._lost.set()
        except OSError:  # the file system is unavailable for a moment: the next renewal will tell
            return
        if _read(self._path) not in (self._owner, None):
            self._lost.set()


class Leases:
    """The leases of all commands that share a results folder.

    Parameters
    ----------
    root : Path
        The results folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as results, Leases(Path(results)).lease("run-1") as mine:
    ...     with Leases(Path(results)).lease("run-1") as second:
    ...         mine is None, second is None
    (False, True)
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.folder = self.root / "leases"

    @contextmanager
    def lease(self, run_id: str) -> Iterator[Lease | None]:
        """Hold a run's lease; gives None if another process holds it.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        try:
            lease = self._acquire(run_id)
        except OSError as error:
            raise InputError(
                f"cannot write {self.folder}: {error.strerror or error}; check space and permissions"
            ) from error
        with lease.renewed() if lease else nullcontext():
            yield lease

    def is_held(self, run_id: str) -> bool:
        """Return whether a run has a lease that is not stale."""
        path = self._path(run_id)
        return path.exists() and not _is_stale(path)

    def remove_stale(self) -> None:
        """Remove stale leases, and the folder once it is empty."""
        with suppress(OSError):  # a folder that cannot be written is reported when a lease is acquired
            for path in self.folder.glob("*.json"):
                self._remove_if_stale(path)
            for path in self.folder.glob("*.stale"):
                path.unlink(missing_ok=True)
            self.folder.rmdir()

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    def _acquire(self, run_id: str) -> Lease | None:
        path = self._path(run_id)
        owner = Owner(host_name(), os.getpid(), psutil.Process().create_time(), uuid4().hex)
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
                stream.write(msgspec.json.encode(owner))
            return Lease(path, owner)

    def _remove_if_stale(self, path: Path) -> bool:
        """Return whether the path is free now; the first process to create the file then gets the lease."""
        with _locked(self.root):
            if not path.exists():
                return True
            if not _is_stale(path):
                return False
            # Only one process can rename it, also where the file system has no locks.
            aside = path.with_name(f".{path.stem}~{uuid4().hex[:8]}.stale")
            try:
                path.rename(aside)
            except FileNotFoundError:
                return True
            aside.unlink(missing_ok=True)
            return True


def _is_stale(path: Path) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return True
    owner = _read(path)
    if owner is None:
        return age > _UNREADABLE_SECONDS
    return owner.has_ended if owner.host == host_name() else age > EXPIRY_SECONDS


def _read(path: Path) -> Owner | None:
    try:
        return decode_json(path.read_bytes(), Owner)
    except (OSError, SchemaError):
        return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Exclude other processes between judging a lease and removing it: else a new one could be removed instead."""
    file = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)

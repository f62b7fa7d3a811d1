"""Download one large file over HTTP from the first link that works; interrupted downloads are resumed.

The standard library suffices: one GET request with a range, and every way in which it can fail.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import ssl
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import benchmark
from baselines.errors import InputError
from benchmark.atomic import replace_file, writable
from benchmark.data.progress import show_progress
from benchmark.units import format_bytes

XZ_MAGIC = b"\xfd7zXZ\0"
MAX_BYTES = 20 * 10**9  # from a server that does not send a length
_ATTEMPTS = 100
_ATTEMPTS_WITHOUT_PROGRESS = 4
_TEMPORARY_STATUS = (408, 416, 425, 429, 500, 502, 503, 504)
_CHUNK = 1 << 18

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expected:
    """What is known about the file before it is downloaded.

    Attributes
    ----------
    sha256 : str
    size : int or None
        Bytes.
    source : str
        Where both come from, for messages.
    """

    sha256: str
    size: int | None
    source: str


@dataclass(frozen=True)
class Received:
    """A complete, checked file and its origin."""

    path: Path
    link: str
    size: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


class _LinkFailedError(Exception):
    """This link does not lead to the file."""


class _InterruptedError(Exception):
    """The transfer ended early; another attempt may resume it."""


@dataclass
class _State:
    """What the server sent about a partly downloaded file; stored next to it."""

    link: str
    total: int | None = None
    etag: str = ""
    last_modified: str = ""


class _Part:
    """A partly downloaded file of one link, and its state; both are kept on disk between commands."""

    def __init__(self, folder: Path, name: str, link: str) -> None:
        digest = hashlib.sha256(link.encode()).hexdigest()[:8]
        self.path = folder / f"{name}.{digest}.part"
        self._state_file = folder / f"{name}.{digest}.part.json"
        self.state = _State(link)
        self.resumed = False
        try:
            self.state = _State(**json.loads(self._state_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self.path.unlink(missing_ok=True)  # without its state it cannot be resumed

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def complete(self) -> bool:
        return self.size > 0 and self.size == self.state.total

    @property
    def validator(self) -> str:
        """The header that identifies the version we have; a weak ETag does not guarantee equal bytes."""
        strong = self.state.etag and not self.state.etag.startswith("W/")
        return self.state.etag if strong else self.state.last_modified

    def restart(self, state: _State) -> None:
        """Start from an empty file with a new state."""
        self.path.unlink(missing_ok=True)
        self.resumed = False
        self.store(state)

    def store(self, state: _State) -> None:
        """Store a new state."""
        self.state = state
        with replace_file(self._state_file) as temporary:
            temporary.write_text(json.dumps(asdict(state)) + "\n", encoding="utf-8")

    def remove(self) -> None:
        """Remove the file and its state."""
        for path in (self.path, self._state_file):
            path.unlink(missing_ok=True)
        self.state, self.resumed = _State(self.state.link), False


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https only; urllib would also follow one to an FTP server."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        _check_link(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_link(link: str) -> None:
    if urlsplit(link).scheme not in ("http", "https") or not urlsplit(link).hostname:
        raise _LinkFailedError(f"{link} is not an http or https address")


def digest_file(path: Path) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file; shows progress.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     digest_file(Path(file.name))[0]
    0
    """
    try:
        size, digest = path.stat().st_size, hashlib.sha256()
        with path.open("rb") as file, show_progress(f"checking {path.name}", size, "bytes") as advance:
            while data := file.read(1 << 20):
                digest.update(data)
                advance(len(data))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    return size, digest.hexdigest()


def check_digest(size: int, sha256: str, expected: Expected) -> str:
    """Return why a file of this size and SHA-256 is not the expected one, or an empty string.

    Examples
    --------
    >>> check_digest(7, "ab", Expected("cd", None, "--sha256"))
    'its SHA-256 is ab (7 bytes), expected cd from --sha256'
    """
    if sha256 == expected.sha256:
        return ""
    wanted = expected.sha256 + (f" ({expected.size} bytes)" if expected.size else "")
    return f"its SHA-256 is {sha256} ({size} bytes), expected {wanted} from {expected.source}"


def download(
    links: Sequence[str],
    folder: Path,
    name: str,
    expected: Expected,
    timeout: float = 30.0,
    pause: float = 1.0,
) -> Received:
    """Download a file into ``folder`` from the first link that leads to the expected content.

    An interrupted transfer is resumed by the next call, if the server still has the same version.

    Parameters
    ----------
    links : sequence of str
        http or https addresses. The link with the largest partial download is tried first.
    timeout : float
        Seconds without data after which a connection is given up.
    pause : float
        Seconds before the second attempt; doubled after each attempt without progress.

    Returns
    -------
    Received
        Its ``path`` is a temporary name; ``remove_parts`` removes the file.

    Raises
    ------
    InputError
        If no link leads to the file, or the disk is too small.
    """
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for part in sorted((_Part(folder, name, link) for link in links), key=lambda part: -part.size):
        try:
            return _from_link(part, expected, timeout, pause)
        except _LinkFailedError as error:
            failures.append(f"{urlsplit(part.state.link).hostname or part.state.link}: {error}")
            logger.info(f"{part.state.link}: {error}")
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{format_bytes(part.size)} of {name} are kept in {part.path}") from None
    raise InputError(f"{name} could not be downloaded ({'; '.join(failures)})")


def remove_parts(links: Sequence[str], folder: Path, name: str) -> None:
    """Remove all partial downloads of a file."""
    for link in links:
        _Part(folder, name, link).remove()


def _from_link(part: _Part, expected: Expected, timeout: float, pause: float) -> Received:
    logger.info(f"downloading {part.state.link}" + (f", from {format_bytes(part.size)} on" if part.size else ""))
    for last in (False, True):
        _complete(part, expected, timeout, pause)
        size, sha256 = digest_file(part.path)
        problem = check_digest(size, sha256, expected)
        if not problem:
            state = part.state
            return Received(part.path, state.link, size, sha256, state.etag, state.last_modified)
        resumed = part.resumed
        part.remove()
        if last or not resumed:
            break
        logger.info("the resumed file is not the expected one; starting again from the beginning")
    raise _LinkFailedError(problem)


def _complete(part: _Part, expected: Expected, timeout: float, pause: float) -> None:
    failures, largest = 0, part.size
    for _ in range(_ATTEMPTS):
        try:
            if not part.complete:
                _transfer(part, expected, timeout)
            return
        except _InterruptedError as error:
            failures = 0 if part.size > largest else failures + 1
            largest = max(largest, part.size)
            if failures >= _ATTEMPTS_WITHOUT_PROGRESS:
                raise _LinkFailedError(str(error)) from None
            logger.info(f"{error}; trying again from {format_bytes(part.size)}")
            time.sleep(pause * 2**failures)
    raise _LinkFailedError(f"interrupted {_ATTEMPTS} times")


def _transfer(part: _Part, expected: Expected, timeout: float) -> None:
    try:
        with _open(part, timeout) as response:
            _prepare(part, response, expected)
            _receive(part, response, part.state.total or expected.size, timeout)
    except TimeoutError:
        raise _InterruptedError(f"no data for {timeout:g} s") from None
    except (HTTPException, OSError) as error:
        raise _InterruptedError(f"connection lost ({_reason(error)})") from None


def _open(part: _Part, timeout: float) -> HTTPResponse:
    _check_link(part.state.link)
    agent = f"fewshot-defect-benchmark/{benchmark.__version__}"
    request = urllib.request.Request(part.state.link, headers={"Accept-Encoding": "identity", "User-Agent": agent})
    if part.size:
        request.add_header("Range", f"bytes={part.size}-")
        if part.validator:
            request.add_header("If-Range", part.validator)
    try:
        response: HTTPResponse = urllib.request.build_opener(_WebRedirects).open(request, timeout=timeout)
        return response
    except HTTPError as error:
        with error:
            if error.code == 416:  # range not satisfiable: the file has changed
                part.remove()
            if error.code in _TEMPORARY_STATUS:
                raise _InterruptedError(f"the server answers {error.code} {error.reason}") from None
            reason = str(error.reason)
            if "infinite loop" in reason:  # urllib's own text has three lines
                reason = "(endless redirects)"
            elif "not allowed" in reason:
                reason = "(redirects to another protocol than http or https)"
            raise _LinkFailedError(f"the server answers {error.code} {reason}".strip()) from None
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError from None
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _LinkFailedError(f"invalid certificate ({error.reason.verify_message})") from None
        raise _InterruptedError(f"no connection ({_reason(error.reason)})") from None
    except ValueError as error:
        raise _LinkFailedError(f"invalid address ({error})") from None


def _prepare(part: _Part, response: HTTPResponse, expected: Expected) -> None:
    """Decide from the response whether the part is resumed or starts empty."""
    headers = response.headers
    etag, last_modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if response.status == 206 and part.size:
        sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
        # A server may leave these headers out, but must not contradict them.
        same = etag in ("", part.state.etag) and last_modified in ("", part.state.last_modified)
        if sent and same and int(sent[1]) == part.size and sent[2] in ("*", str(part.state.total)):
            _check_space(part.path.parent, part.state.total or 0, part.size)
            part.resumed = True
            return
        part.remove()
        raise _InterruptedError("the file on the server has changed")
    if response.status != 200:
        raise _LinkFailedError(f"the server answers {response.status} {response.reason}")
    announced = headers.get("Content-Length", "")
    total = int(announced) if announced.isdigit() else None
    if part.size:
        logger.info("the server cannot resume; starting again from the beginning")
    if total is not None and expected.size not in (None, total):
        kind = headers.get_content_type()
        raise _LinkFailedError(f"the file has {total} bytes ({kind}), expected {expected.size}")
    _check_space(part.path.parent, total or expected.size or 0, 0)
    part.restart(_State(part.state.link, total, etag, last_modified))


def _check_space(folder: Path, size: int, have: int) -> None:
    """Refuse to start unless the archive and its content, PNGs of about the same size, both fit."""
    free = shutil.disk_usage(folder).free
    if free < 2 * size - have:
        raise InputError(
            f"{folder} has {format_bytes(free)} free, but the archive needs {format_bytes(size - have)} more and its "
            f"content about {format_bytes(size)}: free some space or use another folder"
        )


def _receive(part: _Part, response: HTTPResponse, total: int | None, timeout: float) -> None:
    limit = total or MAX_BYTES
    progress = show_progress("downloading", total, "bytes", part.size)
    with writable(part.path), part.path.open("ab") as file, progress as advance:
        while data := _read(response, timeout):
            if file.tell() == 0 and not data.startswith(XZ_MAGIC[: len(data)]):
                kind = response.headers.get_content_type()
                raise _LinkFailedError(f"the server sends {kind}, not an xz archive")
            if file.tell() + len(data) > limit:
                raise _LinkFailedError(f"the server sends more than {limit} bytes")
            file.write(data)
            advance(len(data))
        size = file.tell()
    if total is not None and size < total:
        raise _InterruptedError(f"ended after {size} of {total} bytes")
    if part.state.total is None:
        part.store(replace(part.state, total=size))


def _read(response: HTTPResponse, timeout: float) -> bytes:
    """Return the data that has arrived; waiting for a full chunk would lose its beginning if the rest never comes."""
    try:
        return response.read1(_CHUNK)
    except TimeoutError:
        raise _InterruptedError(f"no data for {timeout:g} s") from None
    except (HTTPException, OSError) as error:
        raise _InterruptedError(f"connection lost ({_reason(error)})") from None


def _reason(error: object) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split()) or type(error).__name__

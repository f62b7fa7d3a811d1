"""Fetch one large file over HTTP, from the first of several links that gives it; an interrupted one is gone on with.

The standard library suffices: what is needed is one GET with a range, and a look at every way in which it can end.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import ssl
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import benchmark
from baselines import InputError
from benchmark.atomic import replace_file, writable
from benchmark.data.meter import amount, meter

XZ_MAGIC = b"\xfd7zXZ\0"
# A server that says no length sends at most this much.
MOST_BYTES = 20 * 10**9
_FRUITLESS_ATTEMPTS = 4
_ATTEMPTS = 100
_WORTH_ANOTHER_ATTEMPT = (408, 416, 425, 429, 500, 502, 503, 504)
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Expected:
    """What is known of the file before it is there.

    Attributes
    ----------
    sha256 : str
    size : int or None
    source : str
        Who says so, for messages.
    """

    sha256: str
    size: int | None
    source: str


@dataclass(frozen=True)
class Received:
    """What was received: part of the record beside the unpacked files."""

    path: Path
    link: str
    size: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


class _LinkFailedError(Exception):
    """This link will not give the file."""


class _BrokenOffError(Exception):
    """The transfer ended early; another attempt may go on."""


@dataclass
class _State:
    """What the server said of the file whose beginning is there; kept beside it."""

    link: str
    total: int | None = None
    etag: str = ""
    last_modified: str = ""


class _Part:
    """The beginning of a file as one link gives it, and what is known of it; both outlive the process."""

    def __init__(self, folder: Path, name: str, link: str) -> None:
        mark = hashlib.sha256(link.encode()).hexdigest()[:8]
        self.path = folder / f"{name}.{mark}.part"
        self._info = folder / f"{name}.{mark}.part.json"
        self.state = _State(link)
        self.joined = False
        try:
            self.state = _State(**json.loads(self._info.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self.path.unlink(missing_ok=True)  # without what the server said of it, it cannot be gone on with

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def whole(self) -> bool:
        return self.size > 0 and self.size == self.state.total

    @property
    def validator(self) -> str:
        """What tells the server which version of the file we have; a weak ETag does not say that bytes are equal."""
        strong = self.state.etag and not self.state.etag.startswith("W/")
        return self.state.etag if strong else self.state.last_modified

    def begin(self, state: _State) -> None:
        """Start at nothing, with what the server now says of the file."""
        self.path.unlink(missing_ok=True)
        self.joined = False
        self.note(state)

    def note(self, state: _State) -> None:
        """Keep what the server says of the file."""
        self.state = state
        with replace_file(self._info) as temporary:
            temporary.write_text(json.dumps(asdict(state)) + "\n", encoding="utf-8")

    def remove(self) -> None:
        """Remove both, as if nothing had been fetched."""
        for path in (self.path, self._info):
            path.unlink(missing_ok=True)
        self.state, self.joined = _State(self.state.link), False


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to web addresses only; urllib would also follow one to an FTP server."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        _check_link(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_link(link: str) -> None:
    if urlsplit(link).scheme not in ("http", "https") or not urlsplit(link).hostname:
        raise _LinkFailedError(f"{link} is no http or https address")


def digest_file(path: Path, what: str = "checking") -> tuple[int, str]:
    """Return the size and the SHA-256 of a file, showing how far it has come.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        size, digest = path.stat().st_size, hashlib.sha256()
        with path.open("rb") as file, meter(f"{what} {path.name}", size, "bytes") as advance:
            while data := file.read(1 << 20):
                digest.update(data)
                advance(len(data))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    return size, digest.hexdigest()


def check_digest(size: int, sha256: str, expected: Expected) -> str:
    """Return what is wrong with a file of this size and SHA-256, or an empty string."""
    if sha256 == expected.sha256:
        return ""
    wanted = expected.sha256 + (f" ({expected.size} bytes)" if expected.size else "")
    return f"its SHA-256 is {sha256} ({size} bytes), not {wanted}, which is what {expected.source}"


def download(
    links: Sequence[str],
    folder: Path,
    name: str,
    expected: Expected,
    timeout: float = 30.0,
    pause: float = 1.0,
    say: Callable[[str], None] = print,
) -> Received:
    """Fetch a file into ``folder``, from each link in turn until one gives what is expected.

    What an interrupted or broken transfer leaves is gone on with by the next, if the server still has that version.

    Parameters
    ----------
    links : sequence of str
        http or https addresses; one of which a part is there comes first.
    timeout : float
        Seconds after which a silent server is given up, when connecting and in between.
    pause : float
        Seconds before a second attempt; doubled with each that brought nothing.
    say : callable
        Told a line about what goes on.

    Returns
    -------
    Received
        Its ``path`` is the part's; ``remove_parts`` removes it.

    Raises
    ------
    InputError
        If no link gives the file, or there is no space for it.
    """
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for part in sorted((_Part(folder, name, link) for link in links), key=lambda part: -part.size):
        try:
            return _from_link(part, expected, timeout, pause, say)
        except _LinkFailedError as error:
            failures.append(f"{urlsplit(part.state.link).hostname or part.state.link}: {error}")
            say(f"{part.state.link}: {error}")
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{amount(part.size)} of {name} are kept in {part.path}") from None
    raise InputError(f"no link gave {name} ({'; '.join(failures)})")


def remove_parts(links: Sequence[str], folder: Path, name: str) -> None:
    """Remove what was fetched of a file."""
    for link in links:
        _Part(folder, name, link).remove()


def _from_link(part: _Part, expected: Expected, timeout: float, pause: float, say: Callable[[str], None]) -> Received:
    say(f"downloading {part.state.link}" + (f", {amount(part.size)} are there" if part.size else ""))
    for last in (False, True):
        _complete(part, expected, timeout, pause, say)
        size, sha256 = digest_file(part.path)
        fault = check_digest(size, sha256, expected)
        if not fault:
            state = part.state
            return Received(part.path, state.link, size, sha256, state.etag, state.last_modified)
        joined = part.joined
        part.remove()
        if last or not joined:
            break
        say("what was received in several attempts does not fit together; once more from the beginning")
    raise _LinkFailedError(fault)


def _complete(part: _Part, expected: Expected, timeout: float, pause: float, say: Callable[[str], None]) -> None:
    fruitless, most = 0, part.size
    for _ in range(_ATTEMPTS):
        try:
            if not part.whole:
                _transfer(part, expected, timeout, say)
            return
        except _BrokenOffError as error:
            fruitless = 0 if part.size > most else fruitless + 1
            most = max(most, part.size)
            if fruitless >= _FRUITLESS_ATTEMPTS:
                raise _LinkFailedError(str(error)) from None
            say(f"{error}; trying again from {amount(part.size)}")
            time.sleep(pause * 2**fruitless)
    raise _LinkFailedError(f"broke off {_ATTEMPTS} times")


def _transfer(part: _Part, expected: Expected, timeout: float, say: Callable[[str], None]) -> None:
    try:
        with _open(part, timeout) as response:
            _prepare(part, response, expected, say)
            _receive(part, response, part.state.total or expected.size, timeout)
    except TimeoutError:
        raise _BrokenOffError(f"silent for {timeout:g} s") from None
    except (HTTPException, OSError) as error:
        raise _BrokenOffError(f"connection broken ({_reason(error)})") from None


def _open(part: _Part, timeout: float) -> HTTPResponse:
    _check_link(part.state.link)
    agent = f"fewshot-defect-benchmark/{benchmark.__version__}"
    request = urllib.request.Request(part.state.link, headers={"Accept-Encoding": "identity", "User-Agent": agent})
    if part.size:
        request.add_header("Range", f"bytes={part.size}-")
        if part.validator:
            request.add_header("If-Range", part.validator)
    try:
        return urllib.request.build_opener(_WebRedirects).open(request, timeout=timeout)
    except HTTPError as error:
        with error:
            if error.code == 416:  # there is no such part: the file is another by now
                part.remove()
            if error.code in _WORTH_ANOTHER_ATTEMPT:
                raise _BrokenOffError(f"the server answers {error.code} {error.reason}") from None
            reason = str(error.reason)
            if "infinite loop" in reason:  # urllib takes three lines to say so
                reason = "and redirects without end"
            elif "not allowed" in reason:
                reason = "and redirects to what is no http or https address"
            raise _LinkFailedError(f"the server answers {error.code} {reason}".strip()) from None
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError from None
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _LinkFailedError(f"certificate not accepted ({error.reason.verify_message})") from None
        raise _BrokenOffError(f"no connection ({_reason(error.reason)})") from None
    except ValueError as error:
        raise _LinkFailedError(f"no usable address ({error})") from None


def _prepare(part: _Part, response: HTTPResponse, expected: Expected, say: Callable[[str], None]) -> None:
    """Make the part ready for what follows: as it is where the server goes on with it, empty where it starts anew."""
    headers = response.headers
    etag, last_modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if response.status == 206 and part.size:
        sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
        # A server need not repeat what it said of the file, but must not contradict it.
        same = etag in ("", part.state.etag) and last_modified in ("", part.state.last_modified)
        if sent and same and int(sent[1]) == part.size and sent[2] in ("*", str(part.state.total)):
            _check_space(part.path.parent, part.state.total or 0, part.size)
            part.joined = True
            return
        part.remove()
        raise _BrokenOffError("the server has another file by now")
    if response.status != 200:
        raise _LinkFailedError(f"the server answers {response.status} {response.reason}")
    announced = headers.get("Content-Length", "")
    total = int(announced) if announced.isdigit() else None
    if part.size:
        say("the server sends the file from its beginning")
    if total is not None and expected.size not in (None, total):
        kind = headers.get_content_type()
        raise _LinkFailedError(f"has a file of {total} bytes ({kind}), not of {expected.size}")
    _check_space(part.path.parent, total or expected.size or 0, 0)
    part.begin(_State(part.state.link, total, etag, last_modified))


def _check_space(folder: Path, size: int, have: int) -> None:
    """Refuse to begin where the archive and what is in it, PNGs that hardly pack, will not both fit."""
    free = shutil.disk_usage(folder).free
    if free < 2 * size - have:
        raise InputError(
            f"{folder} has {amount(free)} free, but the archive needs {amount(size - have)} more and what is in it "
            f"about {amount(size)}: make space, or give another folder"
        )


def _receive(part: _Part, response: HTTPResponse, total: int | None, timeout: float) -> None:
    limit = total or MOST_BYTES
    with writable(part.path), part.path.open("ab") as file, meter("downloading", total, "bytes", part.size) as advance:
        while data := _read(response, timeout):
            if file.tell() == 0 and not data.startswith(XZ_MAGIC[: len(data)]):
                kind = response.headers.get_content_type()
                raise _LinkFailedError(f"sends something else, not an xz archive ({kind})")
            if file.tell() + len(data) > limit:
                raise _LinkFailedError(f"sends more than {limit} bytes")
            file.write(data)
            advance(len(data))
        size = file.tell()
    if total is not None and size < total:
        raise _BrokenOffError(f"ended at {size} of {total} bytes")
    if part.state.total is None:
        part.note(replace(part.state, total=size))


def _read(response: HTTPResponse, timeout: float) -> bytes:
    """Read what is there: waiting for a whole chunk would lose its beginning when the rest never comes."""
    try:
        return response.read1(_CHUNK)
    except TimeoutError:
        raise _BrokenOffError(f"silent for {timeout:g} s") from None
    except (HTTPException, OSError) as error:
        raise _BrokenOffError(f"connection broken ({_reason(error)})") from None


def _reason(error: object) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split()) or type(error).__name__

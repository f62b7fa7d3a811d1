"""ImageNet weights are found, downloaded, checked and loaded, or the error says what is missing. No internet."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from baselines import create_network
from baselines.networks import check_pretrained, pretrained, pretrained_file
from baselines.networks.pretrained import PretrainedWeights, WeightsRecord, find_weights
from tests.refusal import assert_refused

PUBLISHED = {
    "ternausnet11": "vgg11-8a719046.pth",
    "ternausnet16": "vgg16-397923af.pth",
    "unet": None,
    "attention_unet": None,
    "unet_plus_plus": None,
    "albunet": "resnet34-b627a593.pth",
}


class Server:
    """A local web server that gives the same response to every request."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: handler.send_error(404)
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/models"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def serve(self, content: bytes, promised: int | None = None) -> None:
        """Respond with some content; the promised length may differ."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content) if promised is None else promised))
            handler.end_headers()
            handler.wfile.write(content)

        self.answer = answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = Server()
    yield served
    served.http.shutdown()
    served.http.server_close()


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights in a torch cache of the test's own; it does not exist yet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


CONTENT = b"the weights of torchvision"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = f"vgg11-{SHA256[:8]}.pth"


@pytest.fixture
def published(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server from which vgg11's weights are downloaded."""
    monkeypatch.setitem(pretrained.WEIGHTS, "vgg11", PretrainedWeights(f"{server.url}/{FILE}"))
    return server


def test_the_weights_are_torchvisions_first_version() -> None:
    assert {name: pretrained_file(name) for name in PUBLISHED} == PUBLISHED


def test_weights_missing_from_a_given_folder_are_an_error_and_never_downloaded(
    published: Server, checkpoints: Path, tmp_path: Path
) -> None:
    published.serve(CONTENT)
    assert_refused(lambda: find_weights("vgg11", tmp_path), str(tmp_path / FILE), "--weights-dir")
    assert published.requests == 0
    assert not checkpoints.exists()


def test_corrupted_weights_are_an_error(published: Server, checkpoints: Path, tmp_path: Path) -> None:
    checkpoints.mkdir(parents=True)
    for folder, given in ((tmp_path, tmp_path), (checkpoints, None)):
        (folder / FILE).write_bytes(b"half a download")
        assert_refused(partial(find_weights, "vgg11", given), str(folder / FILE), SHA256[:8])
    assert published.requests == 0


def test_missing_weights_are_downloaded_once_to_torchs_cache(
    published: Server, checkpoints: Path, caplog: pytest.LogCaptureFixture
) -> None:
    published.serve(CONTENT)
    caplog.set_level("INFO")
    for _ in range(2):
        found = find_weights("vgg11")
        assert found.path == checkpoints / FILE
        assert found.path.read_bytes() == CONTENT
        assert found.record == WeightsRecord("vgg11", FILE, SHA256, f"{published.url}/{FILE}")
    assert published.requests == 1
    assert [path.name for path in checkpoints.iterdir()] == [FILE]
    assert caplog.messages == [f"downloading {published.url}/{FILE} to {checkpoints}"]
    assert socket.getdefaulttimeout() is None


def wrong_content(server: Server) -> None:
    server.serve(b"please sign in to this network")


def truncated(server: Server) -> None:
    server.serve(CONTENT[:10], promised=len(CONTENT))


def not_there(server: Server) -> None:
    server.answer = lambda handler: handler.send_error(404)


def nobody_listens(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()


def silent(server: Server) -> None:
    server.answer = lambda _: threading.Event().wait(2)  # type: ignore[assignment, return-value]


def garbled(server: Server) -> None:
    server.answer = lambda handler: handler.wfile.write(b"what?\r\n\r\n")  # type: ignore[assignment, return-value]


@pytest.mark.parametrize(
    ("break_server", "reason"),
    [
        (wrong_content, f'invalid hash value (expected "{SHA256[:8]}", got "'),
        (truncated, f'invalid hash value (expected "{SHA256[:8]}", got "'),
        (not_there, "HTTP Error 404: Not Found"),
        (nobody_listens, "Connection refused"),
        (silent, "timed out"),
        (garbled, "what?"),
    ],
)
def test_a_download_that_fails_is_one_line_and_leaves_nothing(
    break_server: Callable[[Server], None],
    reason: str,
    published: Server,
    checkpoints: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pretrained, "TIMEOUT_SECONDS", 0.2)
    break_server(published)
    url, path = f"{published.url}/{FILE}", str(checkpoints / FILE)
    advice = ("--weights-dir", "--set weights=none")
    assert_refused(lambda: create_network("ternausnet11", weights="imagenet"), url, reason, path, *advice)
    assert not list(checkpoints.iterdir())
    assert socket.getdefaulttimeout() is None


def test_a_host_name_that_cannot_be_resolved_fails_at_once(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    assert_refused(lambda: check_pretrained("ternausnet16"), "vgg16-397923af.pth", "name resolution")
    assert not list(checkpoints.iterdir())


def test_a_cache_that_cannot_be_written_is_one_line(published: Server, checkpoints: Path) -> None:
    published.serve(CONTENT)
    checkpoints.parent.mkdir(parents=True)
    checkpoints.write_text("a file where the folder should be")
    assert_refused(lambda: find_weights("vgg11"), "File exists", str(checkpoints))


def classifier() -> dict[str, Tensor]:
    """The entries of a VGG's file other than the features, in small."""
    return {f"classifier.{i}.{kind}": torch.zeros(2, 2) for i in (0, 3, 6) for kind in ("weight", "bias")}


def features_of(model: Callable[..., nn.Module], seed: int) -> dict[str, Tensor]:
    """Random values for every entry of a torchvision model except its classifier."""
    with torch.device("meta"):
        state = model(weights=None).state_dict()
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(values.shape, generator=generator).to(values.dtype)
        for name, values in state.items()
        if not name.startswith("classifier")
    }


@pytest.mark.parametrize(
    ("network_name", "encoder", "model", "rest", "zipped"),
    [  # torchvision has files of both formats
        ("ternausnet11", "vgg11", torchvision.models.vgg11, classifier(), True),
        ("ternausnet11", "vgg11", torchvision.models.vgg11, classifier(), False),
        ("ternausnet16", "vgg16", torchvision.models.vgg16, classifier(), True),
        ("albunet", "resnet34", torchvision.models.resnet34, {}, True),
    ],
)
def test_weights_are_loaded_into_the_encoder_and_recorded(
    network_name: str,
    encoder: str,
    model: Callable[..., nn.Module],
    rest: dict[str, Tensor],
    zipped: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = features_of(model, seed=1)
    path = tmp_path / "weights.pth"
    torch.save(state | rest, path, _use_new_zipfile_serialization=zipped)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = path.rename(tmp_path / f"{encoder}-{digest[:8]}.pth")
    source = f"http://127.0.0.1:9/{file.name}"
    monkeypatch.setitem(pretrained.WEIGHTS, encoder, PretrainedWeights(source))
    network = create_network(network_name, weights="imagenet", weights_dir=tmp_path)
    loaded = network.get_submodule("encoder").state_dict()
    assert loaded.keys() == {name for name in state if not name.startswith("fc.")}
    for name, values in loaded.items():
        assert torch.equal(values, state[name]), name
    assert network.pretrained == WeightsRecord(encoder, file.name, digest, source)
    assert create_network(network_name, width=0.1).pretrained is None


def test_a_network_without_a_pretrained_encoder_needs_no_file(checkpoints: Path) -> None:
    for name in ("unet", "attention_unet", "unet_plus_plus"):
        assert check_pretrained(name) is None
        assert create_network(name, weights="imagenet", width=0.1).pretrained is None
    assert not checkpoints.exists()

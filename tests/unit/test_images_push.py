"""Pushing to a registry: what it lacks, nothing else; its refusal in one line."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.images import layers, oci, push
from sandbox.images.oci import Image


class Registry(ThreadingHTTPServer):
    """The part of the distribution protocol that a push needs, in memory."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stored: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.refuses = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: object) -> None: ...

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": "0", **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def do_HEAD(self) -> None:
        stored = self.server.stored.get(self.path)
        if stored is None:
            self.answer(404)
        else:
            self.answer(200, Docker_Content_Digest=layers.add_bytes(stored))

    def do_POST(self) -> None:
        self.answer(403) if self.server.refuses else self.answer(202, Location=f"{self.path}1?state=x")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path
        if "/uploads/" in path:
            folder, _, query = path.partition("/uploads/")
            path = f"{folder}/{query.rpartition('digest=')[2]}"
        self.server.stored[path] = body
        self.server.puts.append(path)
        self.answer(201)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    blobs = tmp_path / "blobs"
    monkeypatch.setattr(layers, "BLOBS", blobs)
    monkeypatch.setattr(push, "BLOBS", blobs)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    layer = layers.add_tar(layers.pack(tmp_path / "tree"))
    return oci.write("docker.io/library/it", "1", oci.Content(layers=[layer], environment={}, command=["it"]))


def reference(image: Image) -> str:
    return f"{image.repository}:{image.tag}@{image.digest}"


def test_an_image_is_pushed_whole_and_only_once(
    registry: Registry, image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push.main(registry.address, [reference(image)]) == 0
    assert capsys.readouterr().out == "library/it:1\n"
    pushed = list(registry.puts)
    assert pushed[-1] == "/v2/library/it/manifests/1"
    assert len(pushed) == 3
    assert push.main(registry.address, [reference(image)]) == 0
    assert capsys.readouterr().out == ""
    assert registry.puts == pushed


def test_a_blob_that_is_there_is_not_sent_again(registry: Registry, image: Image) -> None:
    push.main(registry.address, [reference(image)])
    del registry.stored["/v2/library/it/manifests/1"]
    registry.puts.clear()
    assert push.main(registry.address, [reference(image)]) == 0
    assert registry.puts == ["/v2/library/it/manifests/1"]


def test_a_refusal_is_one_line(registry: Registry, image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    registry.refuses = True
    assert push.main(registry.address, [reference(image)]) == 1
    said = capsys.readouterr().err
    assert said == f"registry {registry.address}: POST /v2/library/it/blobs/uploads/: 403\n"


def test_no_registry_is_one_line(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    with Registry() as gone:
        address = gone.address
    assert push.main(address, [reference(image)]) == 1
    assert capsys.readouterr().err.count("\n") == 1

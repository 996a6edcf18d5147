"""The HTM store's crawler with an embedding model behind HTTP: a real server on loopback, well-behaved or not."""

import json
import signal
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from htm import embeddings
from htm.errors import HtmError
from htm.hashing import FeatureHashing
from htm.settings import Endpoint
from tests.conformance.htm import HtmStore
from tests.conformance.htm import server as server
from tests.conformance.htm import store as store
from tests.waiting import until

ROWS = "SELECT count(*) FROM chunks"
TOKEN = "a-token-that-must-not-be-printed"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """300 files of one chunk each: five requests."""
    for number in range(300):
        (tmp_path / f"{number:03}.py").write_text(f"def of_{number}():\n    return {number}\n")
    return tmp_path


class Embeddings(ThreadingHTTPServer):
    """An embeddings endpoint."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dimensions = 768
        self.failures = 0
        """Requests that are answered 503 first."""
        self.silent_after: int | None = None
        """Requests after which it answers no more."""
        self.texts: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.ended = threading.Event()

    @property
    def env(self) -> dict[str, str]:
        return {"EMBEDDINGS_URL": f"http://127.0.0.1:{self.server_address[1]}", "EMBEDDINGS_MODEL": "test-model"}


class _Handler(BaseHTTPRequestHandler):
    @property
    def endpoint(self) -> Embeddings:
        assert isinstance(self.server, Embeddings)
        return self.server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.endpoint.requests.append({"path": self.path, "token": self.headers.get("authorization"), **request})
        if self.endpoint.silent_after is not None and len(self.endpoint.requests) > self.endpoint.silent_after:
            self.endpoint.ended.wait(60)
            return
        if self.endpoint.failures:
            self.endpoint.failures -= 1
            self._answer(503, {"error": "busy\nas can be"})
            return
        self.endpoint.texts += request["input"]
        vectors = [vector[: self.endpoint.dimensions] for vector in FeatureHashing().embed(request["input"])]
        data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        self._answer(200, {"object": "list", "data": data[::-1]})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Its requests are in `requests`."""


@pytest.fixture
def endpoint() -> Iterator[Embeddings]:
    with Embeddings() as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever)
        thread.start()
        yield endpoint
        endpoint.ended.set()
        endpoint.shutdown()
        thread.join()


def crawl(store: HtmStore, folder: Path, **env: object) -> str:
    done = store.run("crawl", HTM_FOLDER=folder, **env)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_embeddings_are_the_models(store: HtmStore, repository: Path, endpoint: Embeddings, tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/token").write_text(f"{TOKEN}\n")
    env = {**endpoint.env, "EMBEDDINGS_CREDENTIALS_DIR": tmp_path / "credentials"}
    said = crawl(store, repository, **env)
    assert "embeddings are made by test-model at http://127.0.0.1:" in said
    assert "simulation" not in said
    assert TOKEN not in said
    assert store.ask("SELECT DISTINCT model FROM chunks") == [("test-model",)]
    asked = endpoint.requests
    assert {(each["path"], each["token"], each["model"]) for each in asked} == (
        {("/v1/embeddings", f"Bearer {TOKEN}", "test-model")}
    )
    assert max(len(each["input"]) for each in asked) == 64
    hit = store.run("query", "of 123", "--limit", "1", **env).stdout
    assert hit.startswith("123.py\t0\t"), "embeddings are put in order by their index"


def test_wrong_dimensions_are_refused_and_nothing_is_stored(
    store: HtmStore, repository: Path, endpoint: Embeddings
) -> None:
    endpoint.dimensions = 384
    done = store.run("crawl", HTM_FOLDER=repository, **endpoint.env)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"htm: error: model 'test-model' at {endpoint.env['EMBEDDINGS_URL']}/v1/embeddings: "
        "embeddings of 384 dimensions, the store holds 768"
    )
    assert store.ask(ROWS) == [(0,)]


def test_a_busy_endpoint_is_asked_again(store: HtmStore, repository: Path, endpoint: Embeddings) -> None:
    endpoint.failures = 2
    crawl(store, repository, **endpoint.env)
    assert len(endpoint.texts) == 300
    assert store.ask(ROWS) == [(300,)]


def test_nobody_there_is_one_line(endpoint: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "ATTEMPTS", 2)
    endpoint.server_close()
    at = Endpoint(url=endpoint.env["EMBEDDINGS_URL"], model="m", token="", ca=None)
    with embeddings.EmbeddingsEndpoint(at) as model, pytest.raises(HtmError, match="does not answer: ") as raised:
        model.embed(["text"])
    assert "\n" not in str(raised.value)


def test_an_answer_that_stays_bad_is_one_line(endpoint: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "ATTEMPTS", 2)
    endpoint.failures = 2
    at = Endpoint(url=endpoint.env["EMBEDDINGS_URL"], model="m", token="", ca=None)
    with embeddings.EmbeddingsEndpoint(at) as model, pytest.raises(HtmError, match="answers 503: ") as raised:
        model.embed(["text"])
    assert "busy" in str(raised.value)
    assert len(endpoint.requests) == 2


def test_another_model_embeds_all_again(store: HtmStore, repository: Path, endpoint: Embeddings) -> None:
    crawl(store, repository)
    assert "holds nothing of model 'test-model'" in store.run("query", "of 1", **endpoint.env).stderr
    endpoint.texts.clear()
    assert "300 chunks embedded" in crawl(store, repository, **endpoint.env)
    assert store.ask("SELECT model, count(*) FROM chunks GROUP BY model") == [("test-model", 300)]
    assert "0 chunks embedded" in crawl(store, repository, **endpoint.env)
    assert len(endpoint.texts) == 300


@contextmanager
def interrupted(store: HtmStore, repository: Path, endpoint: Embeddings) -> Generator[subprocess.Popen[str]]:
    """A crawl that waits in the third of five requests."""
    endpoint.silent_after = 2
    command, env = store.command("crawl"), store.environment({"HTM_FOLDER": repository, **endpoint.env})
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            until("the third request", lambda: len(endpoint.requests) == 3, seconds=60)
            yield process
        finally:
            process.kill()
    endpoint.silent_after = None


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=["told", "killed"])
def test_an_interrupted_crawl_loses_nothing(
    store: HtmStore, repository: Path, endpoint: Embeddings, sent: signal.Signals
) -> None:
    with interrupted(store, repository, endpoint) as process:
        process.send_signal(sent)
        _, said = process.communicate(timeout=20)
        assert process.returncode != 0
        if sent == signal.SIGTERM:
            assert said.splitlines()[-1] == "htm: error: told to end: what is stored stays, the next run goes on"
    assert store.ask(ROWS) == [(128,)]
    until("its lock is free", lambda: not store.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"), seconds=20)
    assert "172 chunks embedded, 0 known from elsewhere, 128 unchanged" in crawl(store, repository, **endpoint.env)
    assert sorted(endpoint.texts) == sorted({path.read_text().strip() for path in repository.glob("*.py")})
    assert store.run("check").returncode == 0


def test_a_crawl_ends_at_its_deadline(store: HtmStore, repository: Path, endpoint: Embeddings) -> None:
    endpoint.silent_after = 2
    done = store.run("crawl", HTM_FOLDER=repository, HTM_DEADLINE_S=10, **endpoint.env)
    assert done.returncode == 1
    assert "error: not done within 10 s (HTM_DEADLINE_S)" in done.stderr.splitlines()[-1]
    assert store.ask(ROWS) == [(128,)]

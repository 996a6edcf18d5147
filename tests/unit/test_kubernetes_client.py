"""The kubernetes stand-in: HTTP to the API server."""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.kubernetes import client as client_module
from sandbox.plugins.kubernetes.client import ApiError, Client, UnreachableError
from sandbox.plugins.kubernetes.diagnosis import pods_of, trouble
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.kubeconfig import Access, Cluster, User
from sandbox.plugins.kubernetes.writing import changed_by_hand, take_over

_FINE: tuple[int, Any] = (200, {})


@dataclass
class Server:
    """An API server that answers what it is told, in turn, and remembers what it was asked."""

    url: str
    answers: list[tuple[int, Any]] = field(default_factory=list[tuple[int, Any]])
    asked: list[tuple[str, str, str, Any]] = field(default_factory=list[tuple[str, str, str, Any]])
    """Method, path, authorization and body."""

    def client(self, user: User | None = None) -> Client:
        return Client(Access(Cluster(self.url), user or User(), ""), threading.Event())


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            authorization = self.headers.get("Authorization") or ""
            told.asked.append((self.command, self.path, authorization, json.loads(body) if body else None))
            status, answer = told.answers.pop(0) if told.answers else _FINE
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Warning", '299 - "a \\"warning\\""')
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = handle_any  # noqa: N815 (http.server's names)

        def log_message(self, format: str, *args: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Server(f"http://127.0.0.1:{http.server_port}")
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield told
    http.shutdown()
    http.server_close()


def test_an_error_is_in_the_servers_words(server: Server) -> None:
    server.answers = [(422, {"message": "spec.x: Required value", "reason": "Invalid", "details": {"causes": [{}]}})]
    with pytest.raises(ApiError, match=r"spec\.x: Required value") as caught:
        server.client().get("/x")
    assert (caught.value.status, caught.value.reason, caught.value.causes) == (422, "Invalid", [{}])


def test_busy_server_is_asked_again(server: Server) -> None:
    server.answers = [(429, {}), (503, {}), (200, {"a": 1})]
    answer = server.client().call("GET", "/x")
    assert answer.body == {"a": 1}
    assert answer.warnings == ['a "warning"']
    assert len(server.asked) == 3


def test_missing_is_none(server: Server) -> None:
    server.answers = [(404, {}), (403, {})]
    assert server.client().find("/x") is None
    with pytest.raises(ApiError):
        server.client().find("/x")


def test_absent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_ANSWER_S", 0.2)
    absent = Client(Access(Cluster("https://127.0.0.1:1"), User(), ""), threading.Event())
    with pytest.raises(UnreachableError, match=r"https://127\.0\.0\.1:1 does not answer"):
        absent.get("/version")


def test_environment_has_no_say(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert server.client().get("/x") == {}


@pytest.mark.parametrize(
    ("user", "authorization"),
    [(User(token="t"), "Bearer t"), (User(basic=("u", "p")), "Basic dTpw"), (User(), "")],
)
def test_who_we_are(server: Server, user: User, authorization: str) -> None:
    server.client(user).get("/x")
    assert server.asked[0][2] == authorization


def test_exec_plugin_is_asked_again_when_refused(server: Server, tmp_path: Path) -> None:
    counter = tmp_path / "n"
    script = (
        f"import json, pathlib; p = pathlib.Path({str(counter)!r}); n = len(p.read_text()) if p.exists() else 0; "
        "p.write_text('x' * (n + 1)); print(json.dumps({'status': {'token': f't{n}'}}))"
    )
    user = User(
        exec={"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", script]}
    )
    server.answers = [(200, {}), (401, {}), (200, {})]
    asking = server.client(user)
    asking.get("/a")
    asking.get("/b")
    assert [asked[2] for asked in server.asked] == ["Bearer t0", "Bearer t0", "Bearer t1"]


def entry(manager: str, operation: str, *fields: str, subresource: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"manager": manager, "operation": operation, "fieldsV1": {key: {} for key in fields}}
    return {**found, "subresource": subresource} if subresource else found


def test_changes_by_hand_become_ours(server: Server) -> None:
    kept = [entry("controller", "Update", "f:c"), entry("kubectl", "Update", "f:s", subresource="scale")]
    entries = [entry("us", "Apply", "f:a"), entry("kubectl-edit", "Update", "f:b"), *kept]
    live = {"metadata": {"name": "x", "resourceVersion": "7", "managedFields": entries}}
    assert changed_by_hand(live)
    take_over(server.client(), Kind("v1", "ConfigMap", "configmaps", namespaced=True), live, "us")
    ((method, _, _, patch),) = server.asked
    assert method == "PATCH"
    assert patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert patch[1]["value"] == [*kept, entry("us", "Apply", "f:a", "f:b")]


def test_nothing_to_take_over(server: Server) -> None:
    live = {"metadata": {"name": "x", "managedFields": [entry("us", "Apply", "f:a"), entry("hpa", "Update", "f:b")]}}
    take_over(server.client(), Kind("v1", "ConfigMap", "configmaps", namespaced=True), live, "us")
    assert server.asked == []


def test_pods_of_a_deployment() -> None:
    def owned(uid: str, by: str) -> dict[str, Any]:
        return {"metadata": {"uid": uid, "ownerReferences": [{"uid": by}]}}

    web = {"kind": "Deployment", "metadata": {"uid": "d"}}
    pods = [owned("p1", "r1"), owned("p2", "r2")]
    assert pods_of(web, pods, [owned("r1", "d"), owned("r2", "other")]) == [pods[0]]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "m"}}}]},
            "[ErrImagePull] m",
        ),
        (
            {"initContainerStatuses": [{"name": "i", "state": {"terminated": {"reason": "Error", "exitCode": 3}}}]},
            "[Error] container i exited with code 3",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"}]},
            "[Unschedulable] m",
        ),
    ],
)
def test_trouble(status: dict[str, Any], words: str) -> None:
    assert trouble({"status": status}) == words

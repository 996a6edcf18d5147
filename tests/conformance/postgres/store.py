"""What Patroni needs of the Kubernetes API: pods and ConfigMaps that are listed, watched, made and patched."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlparse

from sandbox.cluster.pki import Pair

TOKEN = "token-of-a-member"

Object = dict[str, Any]


class Store:
    """The objects of one namespace, and who asked for what."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Object] = {}
        self._events: list[tuple[str, Object]] = []
        self._revision = 0
        self._changed = threading.Condition()
        self.asked: set[tuple[str, str, str]] = set()
        """Verb, resource, name: what a Role must allow. Empty name: all, or a new one."""

    def add(self, resource: str, name: str, labels: dict[str, str]) -> None:
        """Make an object as somebody else does."""
        self._put(resource, name, {"metadata": {"name": name, "labels": labels}})

    def get(self, resource: str, name: str) -> Object:
        """An object as it is now, empty if there is none."""
        with self._changed:
            return self._objects.get((resource, name), {})

    def names(self, resource: str) -> set[str]:
        """Of all objects."""
        with self._changed:
            return {name for kind, name in self._objects if kind == resource}

    def answer(self, method: str, resource: str, name: str, selector: str, body: Object) -> tuple[int, Object]:
        """Status and body of an answer."""
        verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch"}[method]
        self.asked.add((verb, resource, name))
        with self._changed:
            if method == "GET" and not name:
                items = [value for (kind, _), value in self._objects.items() if kind == resource]
                listed = [item for item in items if _matches(item, selector)]
                return 200, {"metadata": {"resourceVersion": str(self._revision)}, "items": listed}
            target = (resource, name or body["metadata"]["name"])
            known = self._objects.get(target)
            if method == "GET":
                return (200, known) if known else (404, {})
            if method == "POST":
                return (409, {}) if known else (201, self._put(*target, body))
            if known is None:
                return 404, {}
            wanted = body["metadata"].pop("resourceVersion", None)
            if wanted not in (None, known["metadata"]["resourceVersion"]):
                return 409, {}
            return 200, self._put(*target, cast(Object, _merged(known, body)))

    def watch(self, resource: str, selector: str, after: int) -> Iterator[Object]:
        """Events after a revision, without end."""
        self.asked.add(("watch", resource, ""))
        while True:
            with self._changed:
                while self._revision == after:
                    self._changed.wait()
                found, after = self._events[after:], self._revision
            for kind, item in found:
                if kind == resource and _matches(item, selector):
                    yield {"type": "MODIFIED", "object": item}

    def _put(self, resource: str, name: str, value: Object) -> Object:
        with self._changed:
            self._revision += 1
            kept = {**value, "metadata": {**value["metadata"], "resourceVersion": str(self._revision)}}
            self._objects[resource, name] = kept
            self._events.append((resource, kept))
            self._changed.notify_all()
            return kept


class Api(ThreadingHTTPServer):
    """Serves a store over TLS."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], store: Store, certificate: Pair) -> None:
        super().__init__(address, _Handler)
        self.store = store
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.cert, certificate.key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """It says nothing."""

    def _serve(self) -> None:
        url = urlparse(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        parts = url.path.removeprefix("/api/v1/namespaces/").split("/")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {})
        resource, name = parts[1], parts[2] if len(parts) > 2 else ""
        selector = query.get("labelSelector", "")
        if query.get("watch"):
            return self._stream(self.server.store.watch(resource, selector, int(query["resourceVersion"])))
        return self._answer(*self.server.store.answer(self.command, resource, name, selector, body))

    def _answer(self, status: int, body: Object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, events: Iterator[Object]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))


def _matches(item: Object, selector: str) -> bool:
    labels: Object = item["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, _, value in (term.partition("=") for term in selector.split(",")))


def _merged(old: object, new: object) -> object:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    before, after = cast(Object, old), cast(Object, new)
    merged = before | {key: _merged(before.get(key, {}), value) for key, value in after.items()}
    return {key: value for key, value in merged.items() if value is not None}

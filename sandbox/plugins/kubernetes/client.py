"""HTTP to the API server: pooled, retried within a bound, errors in the server's own words.

urllib3 rather than the `kubernetes` package (0.05 s against more than 1 s of import in every plugin start) or
`requests` (which takes proxies and CA bundles from the environment, over what the kubeconfig says).
"""

import base64
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from sandbox.plugins.kubernetes.execplugin import ExecPlugin
from sandbox.plugins.kubernetes.kubeconfig import Access, Cluster, User
from sandbox.plugins.kubernetes.objects import Obj, listed, pick
from sandbox.plugins.provider import ProviderError

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"

FIRST_ANSWER_S = 5.0
"""How long the first request may be retried: after it the cluster counts as unreachable."""

RETRY_S = 30.0
"""How long a later request is retried, so that an API server may restart."""

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
POOL_SIZE = 64
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_PASSING = frozenset({429, 502, 503, 504})


class UnreachableError(ProviderError):
    """No answer from the API server."""


class CancelledError(ProviderError):
    """The engine gave up while we waited."""


class ApiError(ProviderError):
    """The API server said no; the message is its own."""

    def __init__(self, status: int, answer: Obj) -> None:
        self.status = status
        self.reason = str(answer.get("reason") or "")
        self.causes: list[Obj] = listed(answer, "details", "causes")
        self.kind = str(pick(answer, "details", "kind") or "")
        """Of what the error is about, in plural: `namespaces`."""
        super().__init__(str(answer.get("message") or f"the API server answered {status}"))


@dataclass(frozen=True)
class Answer:
    """An object, and what the API server warned of."""

    body: Obj
    warnings: list[str]


class Client:
    """Requests from many threads at once."""

    def __init__(self, access: Access, cancelled: threading.Event) -> None:
        self.server = access.cluster.server.rstrip("/")
        self._user = access.user
        self._plugin = ExecPlugin(access.user.exec) if access.user.exec else None
        self._cancelled = cancelled
        self._answered = False
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=POOL_SIZE,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            ssl_context=_tls(access.cluster, _with_plugin_certificate(access.user, self._plugin)),
            server_hostname=access.cluster.server_name or None,
        )

    def call(
        self,
        method: str,
        path: str,
        body: Obj | list[Obj] | None = None,
        query: Mapping[str, str] | None = None,
        content: str = JSON,
    ) -> Answer:
        """One request, retried while the server is away or too busy.

        Errors:
            ApiError: the server refused it.
            UnreachableError: it did not answer within the bound.
            CancelledError: the engine gave up meanwhile.
        """
        response = self._send(method, path, body, query, content)
        return Answer(_object(response.data), _warnings(response))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Obj:
        """Read an object or a list; errors as for `call`."""
        return self.call("GET", path, query=query).body

    def find(self, path: str) -> Obj | None:
        """Read what may not be there; errors as for `call`."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def text(self, path: str, query: Mapping[str, str]) -> str:
        """Read what is no JSON: a container's log; errors as for `call`."""
        return self._send("GET", path, None, query, JSON).data.decode(errors="replace")

    def watch(self, path: str, query: Mapping[str, str], seconds: int) -> Iterator[Obj]:
        """The server's watch events, at most for so many seconds.

        Errors:
            ApiError: the server refused the watch.
            UnreachableError: the connection broke.
        """
        asked = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        try:
            response = self._request("GET", path, None, asked, JSON, stream_for=seconds)
            try:
                if response.status >= 400:
                    raise ApiError(response.status, _object(response.data))
                rest = b""
                for chunk in response.stream(65536):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from (_object(line) for line in lines)
            finally:
                response.close()
        except (HTTPError, OSError) as error:
            raise UnreachableError(f"the watch broke off: {error}") from error

    def _send(
        self, method: str, path: str, body: Obj | list[Obj] | None, query: Mapping[str, str] | None, content: str
    ) -> urllib3.BaseHTTPResponse:
        ends = time.monotonic() + (RETRY_S if self._answered else FIRST_ANSWER_S)
        pause = _FIRST_PAUSE_S
        renewed = False
        while True:
            try:
                response = self._request(method, path, body, query, content)
            except (HTTPError, OSError) as error:
                if time.monotonic() > ends or isinstance(error, ReadTimeoutError):
                    raise UnreachableError(f"{self.server} does not answer: {_cause(error)}") from error
            else:
                self._answered = True
                if response.status == 401 and self._plugin and not renewed:
                    self._plugin.credential(fresh=True)
                    renewed = True
                    continue
                if response.status not in _PASSING or time.monotonic() > ends:
                    if response.status >= 400:
                        raise ApiError(response.status, _object(response.data))
                    return response
            if self._cancelled.wait(pause):
                raise CancelledError("cancelled")
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _request(
        self,
        method: str,
        path: str,
        body: Obj | list[Obj] | None,
        query: Mapping[str, str] | None,
        content: str,
        stream_for: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": JSON, "User-Agent": "pulumi-kubernetes", **self._authorization()}
        if body is not None:
            headers["Content-Type"] = content
        payload = None if body is None else json.dumps(body).encode()
        if stream_for is None:
            return self._pool.request(method, url, body=payload, headers=headers)
        # The server ends the stream itself; bookmarks come every minute, so silence beyond that is a dead peer.
        patient = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=stream_for + READ_TIMEOUT_S)
        return self._pool.request(method, url, headers=headers, preload_content=False, timeout=patient)

    def _authorization(self) -> dict[str, str]:
        user = self._user
        token = user.token or (Path(user.token_file).read_text().strip() if user.token_file else "")
        if not token and self._plugin:
            token = self._plugin.credential().token
        if token:
            return {"Authorization": f"Bearer {token}"}
        if user.basic:
            return {"Authorization": "Basic " + base64.b64encode(":".join(user.basic).encode()).decode()}
        return {}


def _with_plugin_certificate(user: User, plugin: ExecPlugin | None) -> User:
    if plugin is None or not (credential := plugin.credential()).certificate:
        return user
    return User(certificate=credential.certificate, key=credential.key, token=credential.token)


def _tls(cluster: Cluster, user: User) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=cluster.authority or None)
    # An API server's own certificate may be given as its authority, and such lack what strict checking asks for.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if user.certificate:
        # load_cert_chain reads files only; one in memory keeps the key off the disk.
        file = os.memfd_create("client-certificate")
        try:
            os.write(file, f"{user.certificate}\n{user.key}".encode())
            context.load_cert_chain(f"/proc/self/fd/{file}")
        finally:
            os.close(file)
    return context


def _warnings(response: urllib3.BaseHTTPResponse) -> list[str]:
    # RFC 7234: 299 - "text"
    lines = response.headers.getlist("Warning")
    return [line.split(" ", 2)[-1].removeprefix('"').removesuffix('"').replace('\\"', '"') for line in lines]


def _object(data: bytes) -> Obj:
    try:
        decoded = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()}
    return cast(Obj, decoded) if isinstance(decoded, dict) else {"message": str(decoded)}


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).rsplit(": ", 1)[-1] if not isinstance(reason, ssl.SSLError) else str(reason)

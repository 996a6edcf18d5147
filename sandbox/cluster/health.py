"""Waits for the node's programs, which say why one is not ready."""

import http.client
import socket
import ssl
import time
import urllib.error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox import progress
from sandbox.cluster import api, docker, netns, supervisor, worker
from sandbox.cluster.settings import NODE_NAME, POLICY_QUEUE, REGISTRY, Settings
from sandbox.errors import SandboxError

INTERVAL_S = 0.2
LAST_LINES = 15
"""How much of a failing program's log is shown."""


class NotReadyError(Exception):
    """What is still missing, in words."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """When a program counts as ready.

    Attributes:
        program: its name.
        what: what is waited for, as progress shows it.
        probe: raises NotReadyError or OSError as long as it is not.
        timeout_s: how long it may take.
    """

    program: str
    what: str
    probe: Callable[[], None]
    timeout_s: float = 60.0


def wait(check: Check) -> None:
    """Wait until `check` holds.

    Errors:
        SandboxError: it does not within its time, or its program has given up; the last lines of the program's log
            are printed first.
    """
    deadline = time.monotonic() + check.timeout_s
    with progress.step(check.what, supervisor.log_of(check.program)):
        while True:
            try:
                check.probe()
            except (NotReadyError, OSError, http.client.HTTPException) as error:
                _judge(check, error, deadline)
            else:
                return
            time.sleep(INTERVAL_S)


def _judge(check: Check, error: Exception, deadline: float) -> None:
    """Give up if the program has, or if time is up."""
    state = supervisor.process(check.program)
    late = time.monotonic() > deadline
    if not late and state.state != "FATAL":
        return
    log = supervisor.log_of(check.program)
    show_tail(log)
    reason = f"after {check.timeout_s:.0f} s" if late else f"it keeps ending ({state.why})"
    raise SandboxError(
        f"{check.program} is not ready, {reason}: {error} (process {state.state}, log: {log})"
    ) from error


def show_tail(log: Path) -> None:
    """Print the last lines of a log."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    except FileNotFoundError:
        lines = ["(no log yet)"]
    for line in lines:
        progress.say(f"      | {line}")


def checks(wanted: Settings, program: str) -> Sequence[Check]:
    """What must hold before `program` is of use; that it stays up, for one that nothing else is known of."""

    def check(what: str, probe: Callable[[], None], timeout_s: float = 60.0) -> Check:
        return Check(program=program, what=what, probe=probe, timeout_s=timeout_s)

    match program:
        case "uplink":
            return [check("uplink and forwarded ports", lambda: _uplink(wanted), 20)]
        case "etcd":
            return [check("etcd", lambda: _http(2379, "/health"))]
        case "docker-registry":
            return [check("image registry", lambda: _http(_port(REGISTRY), "/v2/"))]
        case "dockerd":
            return [check("Docker engine", _docker)]
        case "containerd":
            return [check("containerd", _containerd)]
        case "kube-apiserver":
            return [check("API server", lambda: _api(wanted, "/readyz"), 120)]
        case "kube-controller-manager":
            return [check("controller manager", lambda: _default_account(wanted), 90)]
        case "kube-scheduler":
            return [check("scheduler", lambda: _https(10259, "/healthz"), 90)]
        case "network-policies":
            return [check("NetworkPolicy agent on its queue", _policy_queue)]
        case "kube-proxy":
            return [check("kube-proxy", lambda: _http(10256, "/healthz"), 90)]
        case "kubelet":
            return [
                check("kubelet", lambda: _http(10248, "/healthz"), 90),
                check(f"node {NODE_NAME} Ready", lambda: _node_ready(wanted), 90),
            ]
        case _:
            return [check(program, lambda: _running(program))]


def _http(port: int, path: str) -> None:
    """A server on the node's loopback address answers 200."""
    _get(netns.NodeConnection("127.0.0.1", port), path)


def _https(port: int, path: str) -> None:
    """The same for one with a certificate that it made for itself at its start: there is nothing to verify it by."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = netns.NodeConnection("127.0.0.1", port)
    connection.connect()
    connection.sock = context.wrap_socket(connection.sock)
    _get(connection, path)


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise NotReadyError(f"{path} answers {status}")


def _uplink(wanted: Settings) -> None:
    for forward in wanted.forwards:
        # slirp4netns accepts on the machine's side as soon as it forwards, whatever listens in the node.
        socket.create_connection(("127.0.0.1", forward.host), 2.0).close()


def _docker() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5.0)
        connection.connect(str(docker.SOCKET))
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        answer = connection.recv(64)
    if b" 200 " not in answer:
        raise NotReadyError(f"_ping answers {answer[:32]!r}")


def _containerd() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(worker.CONTAINERD))


def _api(wanted: Settings, path: str) -> None:
    try:
        api.get(wanted, path)
    except urllib.error.HTTPError as error:
        failed = [line for line in error.read().decode(errors="replace").splitlines() if line.startswith("[-]")]
        raise NotReadyError("; ".join(failed) or f"{path} answers {error.code}") from error


def _policy_queue() -> None:
    """Some process reads the queue in which new connections of pods wait."""
    table = Path(f"/proc/{netns.init_pid()}/net/netfilter/nfnetlink_queue").read_text()
    if str(POLICY_QUEUE) not in (line.split()[0] for line in table.splitlines()):
        raise NotReadyError(f"nothing reads queue {POLICY_QUEUE}")


def _running(program: str) -> None:
    process = supervisor.process(program)
    if process.state != "RUNNING":
        raise NotReadyError(process.why)


def _default_account(wanted: Settings) -> None:
    """The controller manager works if it has made the account that every pod needs."""
    _https(10257, "/healthz")
    _api(wanted, "/api/v1/namespaces/default/serviceaccounts/default")


def _node_ready(wanted: Settings) -> None:
    """The node says Ready, and has said so since kubelet was started: what an earlier kubelet said does not count."""
    node = _object(wanted, f"/api/v1/nodes/{NODE_NAME}", "kubelet has not registered the node")
    conditions: list[dict[str, str]] = node["status"].get("conditions", [])
    (ready,) = [c for c in conditions if c["type"] == "Ready"] or [{"status": "Unknown", "message": "no condition yet"}]
    if ready["status"] != "True":
        raise NotReadyError(ready.get("message", ready["status"]))
    # supervisord counts whole seconds, on both ends.
    started = datetime.now(UTC) - timedelta(seconds=supervisor.process("kubelet").uptime_s + 2)
    if datetime.fromisoformat(ready["lastHeartbeatTime"]) >= started:
        return
    # A known node whose status has not changed is not sent again for 5 minutes; its lease is renewed every 10 s.
    silent = "kubelet has not been heard of since it started"
    lease = _object(wanted, f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE_NAME}", silent)
    if datetime.fromisoformat(lease["spec"]["renewTime"]) < started:
        raise NotReadyError(silent)


def _object(wanted: Settings, path: str, missing: str) -> dict[str, Any]:
    """An object of the API server; `missing` is what it means that there is none."""
    try:
        return api.get_json(wanted, path)
    except urllib.error.HTTPError as error:
        raise NotReadyError(missing if error.code == http.HTTPStatus.NOT_FOUND else str(error)) from error


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])

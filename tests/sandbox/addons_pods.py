"""Pods that the tests of the add-ons ask questions of."""

import json
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from catalog import images as catalogue
from sandbox import images
from tests.sandbox.harness import Cluster

PORTS = {"web": 8080, "other": 9090}
"""Every pod answers on these, by name."""

CONNECT_S = 3.0
"""How long a connection may take before it counts as dropped: time for two SYN packets."""

ECHO = """
import asyncio, json, sys
async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
async def main():
    servers = [await asyncio.start_server(echo, "0.0.0.0", port) for port in json.loads(sys.argv[1])]
    await asyncio.gather(*(server.serve_forever() for server in servers))
asyncio.run(main())
"""
"""Answers every line with itself. Arguments: its ports."""

CONNECT = """
import asyncio, json, sys
async def attempt(host, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), float(sys.argv[1]))
    except TimeoutError:
        return "dropped"
    except OSError as error:
        return f"error: {error}"
    writer.close()
    return "open"
async def main():
    return await asyncio.gather(*(attempt(*target) for target in json.loads(sys.argv[2])))
print(json.dumps(asyncio.run(main())))
"""
"""Connects to all targets at once and prints what became of each. Arguments: seconds, targets."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that answers on PORTS, under the restricted Pod Security profile."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def manifest(self, command: Sequence[str] | None = None) -> dict[str, object]:
        """The pod as Kubernetes takes it. With a `command` it runs that once, instead of answering."""
        answers = {
            "command": ["python3", "-c", ECHO, json.dumps(list(PORTS.values()))],
            "ports": [{"name": name, "containerPort": port} for name, port in PORTS.items()],
            "readinessProbe": {"tcpSocket": {"port": "web"}, "periodSeconds": 1},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels)},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": False,
                "restartPolicy": "Never" if command else "Always",
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 1000,
                    "runAsGroup": 1000,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "main",
                        "image": catalogue.load().reference("python", images.LOCK),
                        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                        **({"command": list(command)} if command else answers),
                    }
                ],
            },
        }

    def address(self, cluster: Cluster) -> str:
        """Its address."""
        return cluster.kubectl(
            "get", "pod", self.name, f"--namespace={self.namespace}", "--output=jsonpath={.status.podIP}"
        )

    def python(self, cluster: Cluster, script: str, *arguments: str) -> str:
        """Run a script in it, which must succeed; return its stdout."""
        return cluster.kubectl(
            "exec", self.name, f"--namespace={self.namespace}", "--", "python3", "-c", script, *arguments
        )

    def connect(self, cluster: Cluster, targets: Sequence[tuple[str, int]]) -> list[str]:
        """Connect from it to hosts and ports; for each 'open', 'dropped' or the error."""
        return json.loads(self.python(cluster, CONNECT, str(CONNECT_S), json.dumps(list(targets))))

    def talk(self, cluster: Cluster, script: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a script in it, with pipes to its stdin and from its stdout."""
        command = ["kubectl", "exec", "--stdin", self.name, f"--namespace={self.namespace}", "--"]
        return subprocess.Popen(
            [*command, "python3", "-uc", script, *arguments],
            env=dict(cluster.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@contextmanager
def namespace(cluster: Cluster, name: str, labels: Mapping[str, str] | None = None) -> Generator[str]:
    """A namespace for a while; what an interrupted test left in it goes first."""
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=60s")
    metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted", **(labels or {})}}
    apply(cluster, [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def apply(cluster: Cluster, objects: Sequence[Mapping[str, object]]) -> None:
    """Apply objects."""
    cluster.kubectl("apply", "-f-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def await_ready(cluster: Cluster, namespace: str) -> None:
    """Wait until every pod of a namespace is ready."""
    cluster.kubectl("wait", "pod", "--all", f"--namespace={namespace}", "--for=condition=Ready", "--timeout=60s")

"""What a cloud cluster's user takes for granted: names resolve, claims get volumes, load balancers get addresses."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cluster import node
from sandbox.cluster.addons.deployment import VOLUMES
from tests.sandbox import addons_pods
from tests.sandbox.addons_pods import PORTS, Pod
from tests.sandbox.harness import Cluster
from tests.waiting import until

NAMESPACE = "addons-services"
POD = Pod(namespace=NAMESPACE, name="server", labels={"app": "server"})
LB_PORT = 18080
"""A port of the node that nothing else of the sandbox uses."""

RESOLVE = """
import json, socket, sys
def resolve(name):
    try:
        return sorted({address[4][0] for address in socket.getaddrinfo(name, None, socket.AF_INET)})
    except socket.gaierror as error:
        return error.errno
print(json.dumps([resolve(name) for name in sys.argv[1:]]))
"""
"""Prints for each argument its addresses, or the resolver's error number."""

CALL = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3) as connection:
    connection.sendall(b"hello\\n")
    print(connection.makefile().readline(), end="")
"""
"""Sends a line to host and port and prints the answer."""


@pytest.fixture(scope="module")
def pod(cluster: Cluster) -> Iterator[Pod]:
    """A running pod that answers, with a Service before it."""
    with addons_pods.namespace(cluster, NAMESPACE):
        addons_pods.apply(cluster, [POD.manifest(), _service("echo", "ClusterIP")])
        addons_pods.await_ready(cluster, NAMESPACE)
        yield POD


def test_services_and_outside_names_resolve(cluster: Cluster, pod: Pod) -> None:
    outside, addresses = _outside_name()
    expected = [_get(cluster, "service", "echo", "{.spec.clusterIP}")]
    full = f"echo.{NAMESPACE}.svc.cluster.local"
    short, long, missing, api, out = json.loads(
        pod.python(cluster, RESOLVE, "echo", full, f"missing-{full}", "kubernetes.default", outside)
    )
    assert [short, long] == [expected, expected]
    assert missing == socket.EAI_NONAME
    assert api == [str(cluster.wanted.network.api_service)]
    assert out == addresses


def test_a_claim_gets_a_volume_which_goes_with_it(cluster: Cluster, pod: Pod) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": pod.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    writer = Pod(namespace=NAMESPACE, name="writer")
    manifest = json.loads(json.dumps(writer.manifest(["sh", "-c", "umask 077 && mkdir /data/own && id >/data/own/id"])))
    manifest["spec"]["securityContext"]["fsGroup"] = 2000
    manifest["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    addons_pods.apply(cluster, [claim, manifest])
    _wait(cluster, "pod", "writer", "{.status.phase}=Succeeded")

    volume = _get(cluster, "pvc", "data", "{.spec.volumeName}")
    (folder,) = VOLUMES.glob(f"{volume}_*")
    assert "groups=1000,2000" in (folder / "own/id").read_text()
    assert (folder.stat().st_uid, folder.stat().st_gid) == (0, 2000), "the claim's pod gets at it by its fsGroup"

    cluster.kubectl("delete", "pod/writer", "pvc/data", f"--namespace={NAMESPACE}", "--timeout=60s")
    cluster.kubectl("wait", "pv", volume, "--for=delete", "--timeout=60s")
    assert not folder.exists()


def test_a_load_balancer_answers_on_the_nodes_addresses(cluster: Cluster, pod: Pod) -> None:
    addresses = [str(cluster.wanted.network.node), "127.0.0.1"]
    addons_pods.apply(cluster, [_service("balanced", "LoadBalancer")])
    _wait(cluster, "service", "balanced", "{.status.loadBalancer.ingress}")
    given = json.loads(_get(cluster, "service", "balanced", "{.status.loadBalancer.ingress}"))
    assert [entry["ip"] for entry in given] == addresses
    for address in addresses:
        # kube-proxy writes its rules a moment after the status.
        until(f"an answer on {address}", lambda host=address: _answers(host), seconds=10)

    addons_pods.apply(cluster, [_service("late", "LoadBalancer")])
    cluster.kubectl(
        *("wait", "event", "--for=create", f"--namespace={NAMESPACE}", "--timeout=30s"),
        "--field-selector=involvedObject.name=late,reason=SyncLoadBalancerFailed",
    )
    assert _get(cluster, "service", "late", "{.status.loadBalancer.ingress}") == ""

    addons_pods.apply(cluster, [_service("balanced", "ClusterIP")])
    _wait(cluster, "service", "late", "{.status.loadBalancer.ingress}")
    assert _get(cluster, "service", "balanced", "{.status.loadBalancer.ingress}") == ""


def _service(name: str, kind: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "type": kind,
            "selector": dict(POD.labels),
            "ports": [{"port": LB_PORT, "targetPort": PORTS["web"]}],
        },
    }


def _answers(host: str) -> bool:
    done = node.run("python3", "-c", CALL, host, str(LB_PORT))
    return done.stdout == b"hello\n"


def _get(cluster: Cluster, kind: str, name: str, path: str) -> str:
    return cluster.kubectl("get", kind, name, f"--namespace={NAMESPACE}", f"--output=jsonpath={path}")


def _wait(cluster: Cluster, kind: str, name: str, condition: str) -> None:
    cluster.kubectl("wait", kind, name, f"--namespace={NAMESPACE}", f"--for=jsonpath={condition}", "--timeout=60s")


def _outside_name() -> tuple[str, list[str]]:
    """A name outside of the cluster that this machine resolves, one of apt's mirrors, and its addresses."""
    texts = [path.read_text() for path in Path("/etc/apt").rglob("*") if path.suffix in {".list", ".sources"}]
    for name in re.findall(r"^[^#\n]*https?://([a-z0-9.-]+)", "\n".join(texts), re.MULTILINE):
        try:
            found = socket.getaddrinfo(name, None, socket.AF_INET)
        except socket.gaierror:
            continue
        return name, sorted({address[4][0] for address in found if isinstance(address[4][0], str)})
    pytest.skip("none of apt's mirrors resolves on this machine")

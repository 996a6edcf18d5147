"""NetworkPolicies are enforced on real pods: what they allow passes, everything else is dropped."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from sandbox.cluster import supervisor
from tests.sandbox import addons_pods
from tests.sandbox.addons_pods import PORTS, Pod
from tests.sandbox.harness import Cluster
from tests.waiting import until

NEAR = "addons-policies-near"
FAR = "addons-policies-far"

PODS = {
    "server": Pod(namespace=NEAR, name="server", labels={"app": "server"}),
    "friend": Pod(namespace=NEAR, name="friend", labels={"app": "friend"}),
    "stranger": Pod(namespace=NEAR, name="stranger", labels={"app": "stranger"}),
    "by-address": Pod(namespace=NEAR, name="by-address", labels={"app": "by-address"}),
    "shut": Pod(namespace=NEAR, name="shut", labels={"app": "shut"}),
    "operator": Pod(namespace=NEAR, name="operator", labels={"app": "operator"}),
    "far-friend": Pod(namespace=FAR, name="far-friend", labels={"app": "friend"}),
    "far-stranger": Pod(namespace=FAR, name="far-stranger", labels={"app": "stranger"}),
}

WEB, OTHER = PORTS["web"], PORTS["other"]

CASES = {
    # Ingress: the default deny of NEAR, opened for the server by two policies.
    ("friend", "server", WEB): "open",  # podSelector and named port
    ("friend", "server", OTHER): "dropped",  # the port is the far friend's
    ("stranger", "server", WEB): "dropped",
    ("far-friend", "server", OTHER): "open",  # namespaceSelector and podSelector
    ("far-friend", "server", WEB): "dropped",  # a podSelector alone means the policy's own namespace
    ("far-stranger", "server", OTHER): "dropped",
    ("far-friend", "friend", WEB): "dropped",  # nothing opens it
    ("friend", "far-friend", WEB): "open",  # FAR has no policies
    # The same by the Service's address.
    ("friend", "service", 80): "open",
    ("stranger", "service", 80): "dropped",
    # ipBlock with an exception.
    ("stranger", "by-address", WEB): "open",
    ("friend", "by-address", WEB): "dropped",
    # Egress: nothing at all, not even to the node or to DNS.
    ("shut", "far-friend", WEB): "dropped",
    ("shut", "api-service", 443): "dropped",
    ("shut", "node", 6443): "dropped",
    ("shut", "dns", 53): "dropped",
    # Egress to API server and DNS only. The API server is on the node: these connections are not forwarded.
    ("operator", "api-service", 443): "open",
    ("operator", "node", 6443): "open",
    ("operator", "node", 10250): "dropped",
    ("operator", "dns", 53): "open",
    ("operator", "far-friend", WEB): "dropped",
    # No egress policy.
    ("friend", "api-service", 443): "open",
    ("friend", "dns", 53): "open",
}
"""(from, to, port) -> what must become of the connection."""

CONVERSE = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as connection:
    lines = connection.makefile("rw")
    for line in sys.stdin:
        lines.write(line)
        lines.flush()
        print(lines.readline(), end="")
"""
"""Sends each line of stdin over one connection and prints the answer."""

RUSH = """
for attempt in 1 2 3 4; do
    if timeout 0.5 bash -c "echo >/dev/tcp/$0/$1"; then exit 1; fi
done
"""
"""Connects from the first moment on (a shell starts sooner than Python), again and again; fails if it ever succeeds."""


ASK_DNS = """
import socket, struct, sys
name = b"".join(bytes([len(part)]) + part for part in sys.argv[2].encode().split(b"."))
query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + name + struct.pack(">B2H", 0, 1, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(3)
    asking.sendto(query, (sys.argv[1], 53))
    try:
        print("answered" if asking.recv(512)[:2] == query[:2] else "nonsense")
    except TimeoutError:
        print("dropped")
"""
"""Asks a name server for the address of a name, in one datagram."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The pods, running, with the policies on them."""

    cluster: Cluster
    hosts: Mapping[str, str]
    """Where each target of CASES is."""


def _policy(name: str, app: str | None, spec: Mapping[str, object]) -> dict[str, object]:
    """A policy of NEAR for the pods of one app, or for all."""
    selector: dict[str, object] = {"matchLabels": {"app": app}} if app else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NEAR},
        "spec": {"podSelector": selector, **spec},
    }


def _policies(cluster: Cluster) -> list[dict[str, object]]:
    friends = {"podSelector": {"matchLabels": {"app": "friend"}}}
    far = {"namespaceSelector": {"matchLabels": {"place": "far"}}}
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    api = {"ipBlock": {"cidr": f"{cluster.wanted.network.node}/32"}}
    return [
        _policy("default-deny", None, {"policyTypes": ["Ingress"]}),
        _policy("server-web", "server", {"ingress": [{"from": [friends], "ports": [{"port": "web"}]}]}),
        _policy("server-other", "server", {"ingress": [{"from": [{**friends, **far}], "ports": [{"port": OTHER}]}]}),
        _policy("shut", "shut", {"policyTypes": ["Egress"], "egress": []}),
        _policy(
            "operator",
            "operator",
            {
                "policyTypes": ["Egress"],
                "egress": [
                    {"to": [api], "ports": [{"port": 6443}]},
                    {"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
                ],
            },
        ),
    ]


def _by_address(cluster: Cluster, excepted: str) -> dict[str, object]:
    block = {"cidr": str(cluster.wanted.network.pods), "except": [f"{excepted}/32"]}
    return _policy("by-address", "by-address", {"ingress": [{"from": [{"ipBlock": block}]}]})


_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "server", "namespace": NEAR},
    "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": "web"}]},
}


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with (
        addons_pods.namespace(cluster, NEAR),
        addons_pods.namespace(cluster, FAR, {"place": "far"}),
    ):
        addons_pods.apply(cluster, [*_policies(cluster), _SERVICE, *(pod.manifest() for pod in PODS.values())])
        for namespace in (NEAR, FAR):
            addons_pods.await_ready(cluster, namespace)
        addresses = {name: pod.address(cluster) for name, pod in PODS.items()}
        addons_pods.apply(cluster, [_by_address(cluster, addresses["friend"])])
        service = cluster.kubectl(
            "get", "service", "server", f"--namespace={NEAR}", "--output=jsonpath={.spec.clusterIP}"
        )
        network = cluster.wanted.network
        others = {
            "service": service,
            "api-service": str(network.api_service),
            "node": str(network.node),
            "dns": str(network.dns_service),
        }
        yield World(cluster=cluster, hosts={**addresses, **others})


@pytest.fixture(scope="module")
def seen(world: World) -> dict[tuple[str, str, int], str]:
    """What became of every connection of CASES, all tried at once."""

    def ask(source: str) -> dict[tuple[str, str, int], str]:
        targets = [(target, port) for origin, target, port in CASES if origin == source]
        outcomes = PODS[source].connect(world.cluster, [(world.hosts[target], port) for target, port in targets])
        return {(source, *target): outcome for target, outcome in zip(targets, outcomes, strict=True)}

    sources = {source for source, _, _ in CASES}
    with ThreadPoolExecutor(len(sources)) as pool:
        return {key: outcome for answers in pool.map(ask, sources) for key, outcome in answers.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "{}->{}:{}".format(*case))
def test_connection(seen: Mapping[tuple[str, str, int], str], case: tuple[str, str, int]) -> None:
    assert seen[case] == CASES[case]


@pytest.mark.parametrize(("source", "outcome"), [("operator", "answered"), ("friend", "answered"), ("shut", "dropped")])
def test_dns_over_udp(world: World, source: str, outcome: str) -> None:
    name = "kubernetes.default.svc.cluster.local"
    assert PODS[source].python(world.cluster, ASK_DNS, world.hosts["dns"], name).strip() == outcome


def test_policies_hold_from_a_pods_first_packet_on(world: World) -> None:
    rush = ["bash", "-c", RUSH, world.hosts["far-friend"], str(WEB)]
    young = [Pod(namespace=NEAR, name=f"young-{number}", labels={"app": "shut"}) for number in range(6)]
    addons_pods.apply(world.cluster, [pod.manifest(rush) for pod in young])
    ended = "{.status.containerStatuses[0].state.terminated.exitCode}"
    codes = [_await(world.cluster, pod, ended) for pod in young]
    assert set(codes) == {"0"}, "a pod connected before its policies held"


def test_without_the_agent_new_connections_are_dropped_and_old_ones_live_on(world: World) -> None:
    cluster, host = world.cluster, world.hosts["server"]
    with PODS["friend"].talk(cluster, CONVERSE, host, str(WEB)) as conversation:
        assert conversation.stdin
        assert conversation.stdout

        def say(line: str) -> str:
            assert conversation.stdin
            assert conversation.stdout
            conversation.stdin.write(f"{line}\n")
            conversation.stdin.flush()
            return conversation.stdout.readline().strip()

        try:
            assert say("before") == "before"
            supervisor.stop("network-policies")
            assert PODS["friend"].connect(cluster, [(host, WEB)]) == ["dropped"]
            assert say("meanwhile") == "meanwhile"
        finally:
            supervisor.start("network-policies")
        until("new connections", lambda: PODS["friend"].connect(cluster, [(host, WEB)]) == ["open"], seconds=20)
        assert say("after") == "after"
        conversation.stdin.close()


def _await(cluster: Cluster, pod: Pod, path: str) -> str:
    """Wait until a field of the pod is set; return it."""
    where = (pod.name, f"--namespace={pod.namespace}")
    cluster.kubectl("wait", "pod", *where, f"--for=jsonpath={path}", "--timeout=60s")
    return cluster.kubectl("get", "pod", *where, f"--output=jsonpath={path}")

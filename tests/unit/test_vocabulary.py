"""The ten examples of docs/vocabulary.md against mocks: what each of them promises."""

import json
from functools import partial
from ipaddress import IPv4Address
from typing import Any

import pytest

from components.base import DeclarationError
from components.cluster import Cluster
from tests import network_policies
from tests.program import DIGEST, Recorder, record, secrets_in
from tests.vocabulary import examples
from tests.vocabulary.examples import Setting
from tests.vocabulary.squid import minimal_squid

API_SERVER = "10.0.2.100"
PORTS = (3128, 4317, 5432, 6379, 7000, 7777, 8080, 8443, 9090)


def setting() -> Setting:
    return Setting(
        cluster=Cluster(api_cidrs=[f"{API_SERVER}/32"], api_port=6443, node_cidrs=[f"{API_SERVER}/32"]),
        image=f"registry.example/probe@{DIGEST}",
        minimal_squid=partial(minimal_squid, image=f"registry.example/squid@{DIGEST}", outside="203.0.113.7"),
    )


@pytest.fixture(scope="module")
def deployed() -> tuple[Recorder, dict[str, list[dict[str, str]]]]:
    given = setting()
    recorder = record(lambda: examples.run(given))
    return recorder, dict(given.cluster.graph.rows())


@pytest.fixture(scope="module")
def recorder(deployed: tuple[Recorder, Any]) -> Recorder:
    return deployed[0]


def container(recorder: Recorder, kind: str, name: str) -> dict[str, Any]:
    spec = next(m for m in recorder.manifests(kind) if m["metadata"]["name"] == name)["spec"]
    template = spec["template"] if "template" in spec else spec["jobTemplate"]["spec"]["template"]
    (found,) = template["spec"]["containers"]
    return found


def env(recorder: Recorder, kind: str, name: str) -> dict[str, Any]:
    entries = container(recorder, kind, name)["env"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}


def policy_cluster(recorder: Recorder) -> network_policies.Cluster:
    """A pod for each workload, of any kind."""
    controllers = [
        m for kind in ("Deployment", "StatefulSet", "DaemonSet", "CronJob") for m in recorder.manifests(kind)
    ]
    pods = [
        network_policies.Pod(
            name=m["metadata"]["name"],
            namespace=m["metadata"]["namespace"],
            labels=m["metadata"]["labels"],
            address=f"10.244.1.{index}",
        )
        for index, m in enumerate(controllers, start=10)
    ]
    namespaces = {m["metadata"]["name"]: m["metadata"]["labels"] for m in recorder.manifests("Namespace")}
    return network_policies.Cluster(namespaces, pods, recorder.manifests("NetworkPolicy"))


def test_the_page_has_its_ten_examples() -> None:
    assert [example.number for example in examples.read()] == list(range(1, 11))


def test_the_policies_of_all_examples_allow_what_the_graph_declares(
    deployed: tuple[Recorder, dict[str, list[dict[str, str]]]],
) -> None:
    recorder, graph = deployed
    declared = {
        (edge["from"], edge["owner"], int(port.split("/")[0]))
        for edge in graph["edges"]
        for port in edge["ports"].split()
        if edge["owner"] and edge["from_tier"] and edge["from"] != edge["owner"]
    }
    assert network_policies.connections(policy_cluster(recorder), PORTS) == declared


def test_1_peers_find_each_other_and_keep_their_volumes(recorder: Recorder) -> None:
    spec = recorder.of("StatefulSet")["store-statefulset"]["spec"]
    assert spec["serviceName"] == "store-peers"
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    service = recorder.of("Service")["store-peers-service"]["spec"]
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    assert "store-peers.from.store" in recorder.of("NetworkPolicy")


def test_2_credentials_are_mounted_files_never_environment(recorder: Recorder) -> None:
    found = env(recorder, "CronJob", "tidy")
    assert found["STORE_HOST"] == "store.example-data.svc.cluster.local"
    assert (found["STORE_PORT"], found["STORE_CREDENTIALS_DIR"]) == ("5432", "/run/secrets/store")
    mounts = {mount["mountPath"]: mount for mount in container(recorder, "CronJob", "tidy")["volumeMounts"]}
    assert mounts["/run/secrets/store"]["readOnly"] is True
    secret = recorder.of("Secret")["tidy.store"]
    assert secret["metadata"]["namespace"] == "example-backend"
    assert "the password of the store" in json.dumps(secrets_in(secret))
    assert [r.name for r in recorder.resources if "the password" in json.dumps(r.inputs)] == [
        "tidy.store",
        "orders.orders-db",
    ]


def test_3_the_host_port_is_alone_in_a_privileged_namespace(recorder: Recorder) -> None:
    namespace = recorder.of("Namespace")["mcp-host-agents-namespace"]["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert namespace["annotations"]["exemption.code/expires"] == "2027-11-01"
    (port,) = container(recorder, "DaemonSet", "agent")["ports"]
    assert (port["hostPort"], port["containerPort"]) == (14317, 4317)
    assert env(recorder, "Deployment", "emitter")["AGENT_HOST"] == {"fieldRef": {"fieldPath": "status.hostIP"}}


def test_4_the_way_to_a_name_is_the_proxy(recorder: Recorder) -> None:
    found = env(recorder, "Deployment", "caller")
    assert found["HTTPS_PROXY"] == found["HTTP_PROXY"] == "http://egress.example-dmz.svc.cluster.local:3128"
    assert found["PARTNER_HOST"] == "partner.example"
    egress = recorder.of("NetworkPolicy")["caller.egress"]["spec"]["egress"]
    assert [rule["ports"] for rule in egress] == [[{"port": 3128, "protocol": "TCP"}]]


def test_5_a_headless_service_is_called_on_the_ports_of_its_pods(recorder: Recorder) -> None:
    assert recorder.of("Service")["shards-service"]["spec"]["clusterIP"] == "None"
    assert env(recorder, "Deployment", "sharder")["SHARDS_PORT"] == "6379"


def test_7_without_its_reason_a_reverse_edge_is_refused() -> None:
    page = next(e for e in examples.read() if e.number == 7).source
    (reverse,) = [line + "\n" for line in page.splitlines() if "Reverse.API_GATEWAY" in line]
    with pytest.raises(
        DeclarationError, match="'worker' may not connect to 'api': backend enters data only; a reverse "
    ):
        record(lambda: examples.run(setting(), without=reverse))


def test_8_the_api_server_and_nobody_else_may_call_a_webhook(recorder: Recorder) -> None:
    cluster = policy_cluster(recorder)
    hook = next(pod for pod in cluster.pods if pod.name == "hook")
    assert network_policies.allowed(cluster, IPv4Address(API_SERVER), hook, 8443)
    assert not network_policies.allowed(cluster, IPv4Address("10.0.2.101"), hook, 8443)


def test_9_only_the_controller_has_a_token_and_exactly_its_verbs(recorder: Recorder) -> None:
    role = recorder.of("Role")["controller-role"]
    assert role["rules"] == [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]
    assert not recorder.of("ClusterRole")
    pods = {n: i["spec"]["template"]["spec"] for n, i in recorder.of("Deployment").items()}
    assert [n for n, pod in pods.items() if pod["automountServiceAccountToken"]] == ["controller-deployment"]
    cut = record(lambda: examples.run(setting(), without=examples.KUBE_API))
    assert not cut.of("Role")
    assert "controller.egress" not in cut.of("NetworkPolicy")


def test_10_the_security_group_lets_the_consumer_in(recorder: Recorder) -> None:
    (rule,) = recorder.of("SecurityGroupIngressRule").values()
    assert rule["description"] == "orders in example-backend"
    assert (rule["securityGroupId"], rule["fromPort"]) == ("sg-0123", 5432)
    (way_out,) = recorder.of("NetworkPolicy")["orders.egress"]["spec"]["egress"]
    assert way_out == {
        "to": [{"ipBlock": {"cidr": "172.22.0.0/24"}}],
        "ports": [{"port": 5432, "protocol": "TCP"}],
    }
    assert recorder.of("Secret")["orders.orders-db"]

"""The dev stack, registered against mocks."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pytest

from stacks import dev
from stacks.settings import Secrets, Settings
from tests.unit.conftest import DIGEST, Recorder, Run

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "the key of the edge"
SNAPSHOT = Path(__file__).with_name("dev_stack.graph")


def settings(**changed: Any) -> Settings:  # noqa: ANN401 (any setting)
    return Settings(registry="registry.example/code", edge_cert=CERTIFICATE, edge_ca=CERTIFICATE, **changed)


@pytest.fixture
def dev_stack(run: Run) -> Recorder:
    return run(lambda: dev.build(settings(), Secrets(edge_key=pulumi.Output.secret(KEY))))


def pods(recorder: Recorder) -> dict[str, Any]:
    return {name: inputs["spec"]["template"]["spec"] for name, inputs in recorder.of("Deployment").items()}


def test_graph_is_the_committed_one(dev_stack: Recorder) -> None:
    # A change of a URN replaces what lies behind it: it shall be seen in review. `make graph` writes it anew.
    graph = "".join(sorted(f"{r.type}\t{r.name}\n" for r in dev_stack.resources))
    if os.environ.get("REFRESH_GRAPH"):
        SNAPSHOT.write_text(graph, encoding="utf-8")
    assert graph == SNAPSHOT.read_text(encoding="utf-8")


def test_every_pod_is_hardened(dev_stack: Recorder) -> None:
    assert pods(dev_stack).keys() == {"edge-deployment", "mcp-everything-deployment", "mcp-time-deployment"}
    for name, pod in pods(dev_stack).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["image"].endswith("@" + DIGEST), name
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), name
        assert container["resources"].keys() == {"requests", "limits"}, name


def test_each_tier_is_closed_in_both_directions(dev_stack: Recorder) -> None:
    policies = dev_stack.of("NetworkPolicy")
    for tier in ("mcp-dmz", "mcp-backend"):
        closed = policies[f"{tier}-closed"]
        assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        labels = dev_stack.of("Namespace")[f"{tier}-namespace"]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_only_the_edge_is_open_to_the_outside(dev_stack: Recorder) -> None:
    def is_open(inputs: Any) -> bool:  # noqa: ANN401 (a manifest)
        return any("from" not in rule for rule in inputs["spec"].get("ingress", []))

    assert [name for name, inputs in dev_stack.of("NetworkPolicy").items() if is_open(inputs)] == ["edge-from-outside"]
    kinds = {name: inputs["spec"].get("type") for name, inputs in dev_stack.of("Service").items()}
    assert kinds == {
        "edge-service": "LoadBalancer",
        "mcp-everything-service": "ClusterIP",
        "mcp-time-service": "ClusterIP",
    }


def test_a_permission_has_both_halves(dev_stack: Recorder) -> None:
    policies = dev_stack.of("NetworkPolicy")
    leaving, entering = policies["edge-to-mcp-time"]["spec"], policies["mcp-time-from-edge"]["spec"]
    assert leaving["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "edge"
    assert entering["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "mcp-time"
    (way_out,), (way_in,) = leaving["egress"], entering["ingress"]
    assert way_out["ports"] == way_in["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert way_out["to"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "mcp-backend"}
    assert way_in["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "edge"


def test_edge_key_is_secret_where_it_is_used(dev_stack: Recorder) -> None:
    (secret,) = dev_stack.of("Secret").values()
    # Over the wire a secret is a wrapped value: here all of stringData.
    assert secret["stringData"] == {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "value": {"tls.crt": CERTIFICATE, "tls.key": KEY},
    }
    assert [r.name for r in dev_stack.resources if KEY in str(r.inputs)] == ["edge-tls"]


def test_bases_are_pinned_by_digest(dev_stack: Recorder) -> None:
    for name, image in dev_stack.of("Image").items():
        assert "@sha256:" in image["build"]["args"]["BASE"], name


def test_outputs_say_how_to_call_each_server(run: Run) -> None:
    outputs: dict[str, Any] = {}
    run(lambda: outputs.update(dev.build(settings(), Secrets(edge_key=pulumi.Output.secret(KEY)))))
    assert outputs["servers"] == {
        "everything": "https://localhost/mcp/everything",
        "time": "https://localhost/mcp/time",
    }
    assert outputs["edge_ca"] == CERTIFICATE

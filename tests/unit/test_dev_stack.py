"""The dev stack, registered against mocks."""

import json
import os
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.graph import Graph
from stacks import dev
from tests.program import CA, DIGEST, Recorder
from tests.stack_settings import settings
from tests.unit.conftest import Run

SNAPSHOT = Path(__file__).with_name("dev_stack.graph")
TIERS = ("dmz", "frontend", "backend", "data", "management")
PODS = {"cert-manager", "edge", "gateway", "mcp-everything", "mcp-time", "metrics-server"}


@pytest.fixture
def dev_stack(run: Run) -> Recorder:
    return run(lambda: dev.build(settings()))


def pods(recorder: Recorder) -> dict[str, Any]:
    return {
        inputs["metadata"]["name"]: inputs["spec"]["template"]["spec"] for inputs in recorder.manifests("Deployment")
    }


def test_graph_is_the_committed_one(dev_stack: Recorder) -> None:
    # A change of a URN replaces what lies behind it: it shall be seen in review. `make snapshot` writes it anew.
    graph = "".join(sorted(f"{r.type}\t{r.name}\t{r.parent}\n" for r in dev_stack.resources))
    if os.environ.get("REFRESH_SNAPSHOT"):
        SNAPSHOT.write_text(graph, encoding="utf-8")
    assert graph == SNAPSHOT.read_text(encoding="utf-8")


def test_every_resource_is_parented_and_named_once(dev_stack: Recorder) -> None:
    urns = [(r.type, r.name) for r in dev_stack.resources]
    assert len(set(urns)) == len(urns)
    assert all(r.type.startswith("code:") for r in dev_stack.resources if not r.parent)


def test_pods_and_ways_are_children_of_the_vocabulary(dev_stack: Recorder) -> None:
    # Whatever a source looks like: what is registered tells where it came from.
    types = {(r.type, r.name): r for r in dev_stack.resources}
    for resource in dev_stack.resources:
        if resource.type.startswith(("kubernetes:apps/", "kubernetes:batch/")):
            assert ("code:base:Workload", resource.parent) in types, resource.name
        if resource.type.endswith(":NetworkPolicy"):
            assert {("code:base:Workload", resource.parent), ("code:foundation:Tier", resource.parent)} & types.keys()


def test_every_object_is_labelled(dev_stack: Recorder) -> None:
    wanted = {f"app.kubernetes.io/{key}" for key in ("name", "component", "part-of", "managed-by")}
    for resource in dev_stack.resources:
        if resource.type.startswith("kubernetes:"):
            assert wanted <= resource.inputs["metadata"]["labels"].keys(), resource.name
    for template in (inputs["spec"]["template"] for inputs in dev_stack.of("Deployment").values()):
        assert wanted <= template["metadata"]["labels"].keys()


def test_what_runs_is_what_the_settings_summed_up(dev_stack: Recorder) -> None:
    found = {
        m["metadata"]["name"]: (
            m["spec"]["replicas"],
            m["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"],
            next(iter(m["spec"]["template"]["spec"]["nodeSelector"])),
        )
        for m in dev_stack.manifests("Deployment")
    }
    summed = {d.name: (d.replicas, d.requests.model_dump(), f"zone.code/{d.zone}") for d in settings().demand()}
    assert found == summed


def test_every_pod_is_hardened(dev_stack: Recorder) -> None:
    assert pods(dev_stack).keys() == PODS
    with_token = {name for name, pod in pods(dev_stack).items() if pod["automountServiceAccountToken"]}
    assert with_token == {"cert-manager", "metrics-server"}
    for name, pod in pods(dev_stack).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert {c["whenUnsatisfiable"] for c in pod["topologySpreadConstraints"]} == {"ScheduleAnyway"}, name
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert "@sha256:" in container["image"], name
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), name
        assert container["resources"].keys() == {"requests", "limits"}, name


def test_images_of_our_own_are_those_just_built(dev_stack: Recorder) -> None:
    for name in ("edge", "gateway", "mcp-everything", "mcp-time"):
        (container,) = pods(dev_stack)[name]["containers"]
        assert container["image"].endswith("@" + DIGEST), name


def test_each_tier_is_closed_in_both_directions(dev_stack: Recorder) -> None:
    policies = dev_stack.of("NetworkPolicy")
    for tier in TIERS:
        closed = policies[f"mcp-{tier}-closed"]
        assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        labels = dev_stack.of("Namespace")[f"mcp-{tier}-namespace"]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_only_the_edge_is_open_to_the_outside(dev_stack: Recorder) -> None:
    def is_open(inputs: Any) -> bool:  # noqa: ANN401 (a manifest)
        return any("from" not in rule for rule in inputs["spec"].get("ingress", []))

    assert [name for name, inputs in dev_stack.of("NetworkPolicy").items() if is_open(inputs)] == ["edge.from.internet"]
    services = {name: inputs["spec"].get("type") for name, inputs in dev_stack.of("Service").items()}
    assert [name for name, kind in services.items() if kind != "ClusterIP"] == ["edge-service"]


def test_the_way_in_is_edge_gateway_server(run: Run) -> None:
    graphs: list[Graph] = []
    run(lambda: graphs.append(dev.build(settings())[1]))
    edges = {(edge["from"], edge["to"]) for edge in graphs[0].rows()["edges"]}
    assert edges == {
        ("internet", "edge"),
        ("edge", "gateway"),
        ("gateway", "mcp-everything"),
        ("gateway", "mcp-time"),
        ("api-server", "metrics-server"),
        ("cert-manager", "kubernetes-api"),
        ("metrics-server", "kubernetes-api"),
        ("metrics-server", "kubelets"),
    }


def test_no_private_key_passes_through_the_program(dev_stack: Recorder) -> None:
    assert "PRIVATE KEY" not in json.dumps([r.inputs for r in dev_stack.resources])
    assert dev_stack.of("Secret") == {}


def test_an_addon_that_is_present_is_not_installed(run: Run) -> None:
    recorder = run(lambda: dev.build(settings(addons={"cert_manager": "present", "metrics_server": "present"})))
    assert pods(recorder).keys() == PODS - {"cert-manager", "metrics-server"}
    assert not recorder.of("CustomResourceDefinition")
    certificates = {n: i["metadata"]["namespace"] for n, i in recorder.of("Certificate").items()}
    assert certificates == {"code-ca": "cert-manager", "code-shown": "cert-manager", "edge-tls": "mcp-dmz"}


def test_requests_are_scaled_and_limits_are_not(run: Run) -> None:
    recorder = run(lambda: dev.build(settings(requests_scale=0.25)))
    (container,) = pods(recorder)["edge"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "13m", "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi"},
    }


def test_bases_are_pinned_by_digest(dev_stack: Recorder) -> None:
    for name, image in dev_stack.of("Image").items():
        assert "@sha256:" in image["build"]["args"]["BASE"], name


def test_outputs_say_how_to_call_each_server(run: Run) -> None:
    outputs: dict[str, Any] = {}

    def program() -> None:
        outputs.update(dev.build(settings(domains={"edge": ["mcp.example.org", "localhost"]}))[0])
        ca: pulumi.Output[str] = outputs["edge_ca"]
        outputs["ca"] = ca.apply(lambda pem: outputs.update(ca=pem))

    run(program)
    assert outputs["servers"] == {
        "everything": "https://mcp.example.org/mcp/everything",
        "time": "https://mcp.example.org/mcp/time",
    }
    assert outputs["ca"] == CA

"""The dev stack, registered against mocks."""

import json
import os
from pathlib import Path
from typing import Any

import pulumi
import pytest

from catalog.model import Amounts
from components.graph import Graph
from tests.program import CA, DIGEST, Recorder, record, secrets_in
from tests.stack_settings import build, settings

SNAPSHOT = Path(__file__).with_name("dev_stack.graph")
TIERS = ("dmz", "frontend", "backend", "data", "management")
ADDONS = {"cert-manager", "metrics-server"}
SQL = {
    "members",
    "members-rollout",
    "primary",
    "clients",
    "retired",
    "backup-first",
    "backup-full",
    "backup-incr",
    "restore",
}
REDIS = {"members", "members-rollout", "sentinels", "clients", "retired"}
DATA = {
    *("objects", "objects-clients", "objects-retired", "backup-metrics", "htm-crawler", "postgres-transactions"),
    *(f"{store}-{part}" for store in ("postgres", "htm") for part in SQL),
    *(f"redis-{part}" for part in REDIS),
    *(f"redis-members-{ordinal}-backup" for ordinal in range(3)),
    *("postgres", "htm", "redis"),
}
PODS = {*ADDONS, *DATA, "edge", "gateway", "mcp-everything", "mcp-time"}
TO_AN_END = ("Job", "CronJob")


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def dev_stack(request: pytest.FixtureRequest) -> Recorder:
    # Once for all tests that only look: some hundred resources take seconds.
    return record(lambda: build(settings()), preview=request.param)


def pods(recorder: Recorder, *kinds: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in kinds or ("Deployment", "StatefulSet", *TO_AN_END):
        for manifest in recorder.manifests(kind):
            spec = manifest["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else manifest["spec"]
            found[manifest["metadata"]["name"]] = spec["template"]["spec"]
    return found


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
    def requested(pod: Any) -> tuple[int, int]:  # noqa: ANN401 (a manifest)
        every = [Amounts(**container["resources"]["requests"]) for container in pod["containers"]]
        return sum(own.cpu_m for own in every), sum(own.memory_mib for own in every)

    found = {
        m["metadata"]["name"]: (
            m["spec"]["replicas"],
            *requested(m["spec"]["template"]["spec"]),
            next(iter(m["spec"]["template"]["spec"]["nodeSelector"])),
        )
        for kind in ("Deployment", "StatefulSet")
        for m in dev_stack.manifests(kind)
    }
    summed = {
        d.name: (d.replicas, d.requests.cpu_m, d.requests.memory_mib, f"zone.code/{d.zone}")
        for d in settings().demand()
        if d.name not in ("data-jobs", "htm-crawler")  # what ends has a share of its own
    }
    assert found == summed


def test_every_pod_is_hardened(dev_stack: Recorder) -> None:
    assert pods(dev_stack).keys() == PODS
    with_token = {name for name, pod in pods(dev_stack).items() if pod["automountServiceAccountToken"]}
    assert with_token == {
        *ADDONS,
        *(f"{store}-members" for store in ("postgres", "htm")),
        *(f"{store}-members-rollout" for store in ("postgres", "htm", "redis")),
        "backup-metrics",
    }
    endless = pods(dev_stack, "Deployment", "StatefulSet")
    for name, pod in pods(dev_stack).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert {c["whenUnsatisfiable"] for c in pod["topologySpreadConstraints"]} == {"ScheduleAnyway"}, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert "@sha256:" in container["image"], name
            probes = {"startupProbe", "readinessProbe", "livenessProbe"} & container.keys()
            assert len(probes) == (3 if name in endless else 0), name
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


def test_the_way_in_is_edge_gateway_server() -> None:
    graph = Graph()
    record(lambda: build(settings(), graph))
    rows = graph.rows()["edges"]
    edges = {(edge["from"], edge["to"]) for edge in rows if edge["from"] not in DATA}
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


def test_secrets_are_those_of_the_data_layer_and_hold_nothing_in_plain(dev_stack: Recorder) -> None:
    for name, inputs in dev_stack.of("Secret").items():
        assert inputs["metadata"]["namespace"] in ("mcp-data", "mcp-data-restore", "mcp-backend"), name
        assert set(map(type, secrets_in(inputs).values())), name
    # Whatever is random is a secret wherever it goes.
    for resource in dev_stack.resources:
        hidden = json.dumps(list(secrets_in(resource.inputs).values())).count("sesame")
        assert json.dumps(resource.inputs).count("sesame") == hidden, resource.name


def test_what_holds_data_stays_unless_the_settings_say_otherwise() -> None:
    def policies(keep: bool) -> set[str]:
        recorder = record(lambda: build(settings(data={"keep_volumes": keep})))
        return {
            inputs["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"]
            for inputs in recorder.of("StatefulSet").values()
        }

    assert policies(True) == {"Retain"}
    assert policies(False) == {"Delete"}


def test_an_addon_that_is_present_is_not_installed() -> None:
    recorder = record(lambda: build(settings(addons={"cert_manager": "present", "metrics_server": "present"})))
    assert pods(recorder).keys() == PODS - ADDONS
    assert not recorder.of("CustomResourceDefinition")
    certificates = {n: i["metadata"]["namespace"] for n, i in recorder.of("Certificate").items()}
    of_data = {name for name, namespace in certificates.items() if namespace.startswith("mcp-data")}
    assert {name: namespace for name, namespace in certificates.items() if name not in of_data} == {
        "code-ca": "cert-manager",
        "code-shown": "cert-manager",
        "edge-tls": "mcp-dmz",
    }


def test_requests_are_scaled_and_limits_are_not() -> None:
    recorder = record(lambda: build(settings(requests_scale=0.25)))
    (container,) = pods(recorder)["edge"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "13m", "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi"},
    }


def test_bases_are_pinned_by_digest(dev_stack: Recorder) -> None:
    for name, image in dev_stack.of("Image").items():
        assert "@sha256:" in image["build"]["args"]["BASE"], name


def test_outputs_say_how_to_call_each_server() -> None:
    outputs: dict[str, Any] = {}

    def program() -> None:
        outputs.update(build(settings(domains={"edge": ["mcp.example.org", "localhost"]})))
        ca: pulumi.Output[str] = outputs["edge_ca"]
        outputs["ca"] = ca.apply(lambda pem: outputs.update(ca=pem))

    record(program)
    assert outputs["servers"] == {
        "everything": "https://mcp.example.org/mcp/everything",
        "time": "https://mcp.example.org/mcp/time",
    }
    assert outputs["ca"] == CA


@pytest.mark.parametrize("store", ["postgres", "htm", "redis"])
def test_members_with_roles_are_replaced_by_a_job_that_all_others_wait_for(dev_stack: Recorder, store: str) -> None:
    members = dev_stack.of("StatefulSet")[f"{store}-members-statefulset"]
    assert members["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert members["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    waits = {r.name: r.depends_on for r in dev_stack.resources}
    assert f"{store}-members-statefulset" in waits[f"{store}-members-rollout-job"]
    front = "redis" if store == "redis" else f"{store}-primary"
    for after in (f"{front}-deployment", f"{store}-clients-job"):
        assert {f"{store}-members-rollout-job", f"{front}-deployment"} & waits[after], after


def test_another_template_of_members_is_another_rollout_and_the_same_is_the_same() -> None:
    def revision(**data: Any) -> str:  # noqa: ANN401 (any setting)
        recorder = record(lambda: build(settings(data=data)))
        job = recorder.of("Job")["redis-members-rollout-job"]
        return job["spec"]["template"]["metadata"]["annotations"]["revision.code/members"]

    assert revision() == revision() != revision(redis={"memory": {"request": "2Gi"}, "storage": "8Gi"})

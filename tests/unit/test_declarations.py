"""What cannot be is refused where it is declared, with one line."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pulumi
import pytest

from catalog.model import Zone
from components.base import DeclarationError
from components.cluster import Cluster
from components.endpoint import Addresses, ApiRule, Endpoint, Pods, Port, PublicName, Reverse, Via, kube_api
from components.kinds import CronJob, DaemonSet, Deployment, Scaled, StatefulSet
from components.mounts import config_mount
from components.pod import Health, Tcp
from components.tiers import Exemption, Purpose, Tier, TierArgs, TierName, Tiers, close_tiers
from components.workload import Workload, WorkloadArgs
from tests.program import DIGEST, Recorder, record
from tests.vocabulary.examples import SMALL

NODE = "10.0.2.100/32"
DAILY = CronJob(schedule="@daily", deadline_s=9)
HTTP = (Port(name="http", port=80, target=8080),)


def workload(name: str, tier: Tier, **changed: Any) -> Workload:  # noqa: ANN401 (any argument)
    given: dict[str, Any] = {
        "tier": tier,
        "component": "test",
        "image": f"registry.example/any@{DIGEST}",
        "health": Health(live=Tcp(port=8080)),
        "resources": SMALL,
        "zone": Zone.GENERAL,
        **changed,
    }
    return Workload(name, WorkloadArgs(**given))


def of(name: str, tier: Tier, **changed: Any) -> Endpoint:  # noqa: ANN401 (any field)
    at = Pods(workload=changed.pop("workload", name), tier=tier, via=changed.pop("via", Via.SERVICE))
    given: dict[str, Any] = {"name": name, "at": at, "ports": HTTP, **changed}
    return Endpoint(**given)


def outside(*cidrs: str, tier: TierName | None = None, **changed: Any) -> Endpoint:  # noqa: ANN401 (any field)
    return Endpoint(name="outside", at=Addresses(host="x.example", cidrs=cidrs, tier=tier), ports=HTTP, **changed)


def deploy(body: Callable[[Tiers], object]) -> Recorder:
    cluster = Cluster(api_cidrs=[NODE], api_port=6443, node_cidrs=[NODE])

    def program() -> None:
        body(close_tiers(cluster))
        cluster.graph.check()

    return record(program)


def two_proxies(t: Tiers) -> None:
    proxies = [of(name, t.dmz, reverse=(Reverse.EGRESS_PROXY, "out")) for name in ("one", "two")]
    for proxy in proxies:
        workload(proxy.name, t.dmz, offers=[proxy])
    names = [Endpoint(name=f"n-{p.name}", at=PublicName(host=p.name, proxy=p), ports=HTTP) for p in proxies]
    workload("w", t.backend, connects=names)


def forged(t: Tiers) -> None:
    store = of("store", t.data)
    workload("store", t.data, offers=[store])
    workload("spy", t.backend, connects=[replace(store, ports=[Port(name="ssh", port=22, target=22)])])


REFUSED: dict[str, tuple[Callable[[Tiers], object], str]] = {
    "a tier is skipped": (lambda t: workload("w", t.dmz, connects=[of("x", t.backend)]), "dmz enters frontend only"),
    "the internet from backend": (
        lambda t: workload("w", t.backend, connects=[outside("0.0.0.0/0", tier=TierName.DATA)]),
        "0.0.0.0/0 is not a private range of at most /16: only dmz leaves for the internet",
    ),
    "a public address as metrics": (
        lambda t: workload("w", t.management, connects=[outside("203.0.113.0/24", purpose=Purpose.METRICS)]),
        "metrics are read of the cluster's nodes only",
    ),
    "anything as the Kubernetes API": (
        lambda t: workload("w", t.frontend, connects=[outside("10.1.0.0/24", reverse=(Reverse.KUBERNETES_API, "x"))]),
        "not the addresses of the Kubernetes API",
    ),
    "no addresses": (lambda t: workload("w", t.dmz, connects=[outside()]), "it has no addresses"),
    "a forged endpoint": (forged, "'spy' declares the endpoint 'store' otherwise"),
    "what nobody offers": (
        lambda t: workload("w", t.backend, connects=[of("x", t.data)]),
        "'w' connects to 'x', which nobody offers",
    ),
    "a webhook handed over": (
        lambda t: workload("w", t.management, connects=[of("x", t.management, via=Via.API_SERVER)]),
        "only the cluster's API server calls it",
    ),
    "the same twice": (lambda t: workload("w", t.backend, connects=[of("x", t.data)] * 2), "connects to 'x' twice"),
    "two endpoints of one name": (
        lambda t: [workload(n, t.data, offers=[of("x", t.data, workload=n)]) for n in ("a", "b")],
        "names are unique",
    ),
    "two workloads of one name": (lambda t: [workload("w", tier) for tier in (t.dmz, t.data)], "exists already"),
    "another's endpoint offered": (
        lambda t: workload("w", t.data, offers=[of("x", t.data)]),
        "which is declared for another",
    ),
    "the internet in backend": (
        lambda t: of("x", t.backend, via=Via.LOAD_BALANCER),
        "the internet enters dmz only, not backend",
    ),
    "a host port of a Deployment": (
        lambda t: workload("x", t.data, offers=[of("x", t.data, via=Via.HOST_PORT)]),
        "only a DaemonSet",
    ),
    "a host port in a restricted namespace": (
        lambda t: workload("x", t.data, kind=DaemonSet(), zone=None, offers=[of("x", t.data, via=Via.HOST_PORT)]),
        "'mcp-data' forbids host ports",
    ),
    "a DaemonSet in a zone": (lambda t: workload("w", t.data, kind=DaemonSet()), "a DaemonSet is on every node"),
    "a StatefulSet without peers' names": (
        lambda t: workload("w", t.data, kind=StatefulSet()),
        "offers no headless endpoint",
    ),
    "a job that is called": (
        lambda t: workload("x", t.data, kind=DAILY, health=None, offers=[of("x", t.data)]),
        "it ends: it offers nothing",
    ),
    "a job with health": (
        lambda t: workload("w", t.data, kind=DAILY),
        "it ends: it has no health",
    ),
    "a service without health": (lambda t: workload("w", t.data, health=None), "health is missing"),
    "no time to end": (lambda t: workload("w", t.data, stop_s=3), "stop_s 3 leaves no time after 3 s of draining"),
    "an image by tag": (lambda t: workload("w", t.data, image="nginx:1.29"), "image 'nginx:1.29': name it by digest"),
    "an image by tag, known late": (
        lambda t: workload("w", t.data, image=pulumi.Output.from_input("nginx:1.29")),
        "image 'nginx:1.29': name it by digest",
    ),
    "a name of 64": (lambda t: workload("w" * 64, t.data), "a name has at most 63"),
    "a CronJob's name of 53": (
        lambda t: workload("w" * 53, t.data, kind=DAILY, health=None),
        "a name has at most 52",
    ),
    "a caller's name": (lambda t: workload("internet", t.dmz), "stands for a caller from outside"),
    "no port": (lambda t: of("x", t.data, ports=()), "it needs a port"),
    "two ports of one name": (lambda t: of("x", t.data, ports=HTTP * 2), "each a name of its own"),
    "late without a reason": (lambda t: of("x", t.data).late(" "), "starting without 'x' has no reason"),
    "reverse without a reason": (lambda t: of("x", t.dmz, reverse=(Reverse.EGRESS_PROXY, "")), "has no reason"),
    "an exemption without an owner": (
        lambda _: Exemption(owner="", reason="because", expires=date(2027, 1, 1)),
        "an exemption has no reason",
    ),
    "privileged without exemption": (
        lambda t: Tier("x", TierArgs(cluster=t.dmz.cluster, tier=TierName.DMZ, level="privileged")),
        "needs an exemption (owner, reason, expires)",
    ),
    "all verbs": (lambda _: ApiRule(verbs=["*"], resources=["pods"]), "`*` is not allowed"),
    "a text for a list": (lambda _: ApiRule(verbs=("get",), resources="pods"), "list each one by name"),
    "a token for nothing": (lambda t: kube_api(t.dmz.cluster, []), "kube_api without rules"),
    "two proxies": (two_proxies, "'w' goes out by one and two: a program has one proxy"),
    "a variable of one's own over an address": (
        lambda t: [
            workload("x", t.data, offers=[x := of("x", t.data)]),
            workload("w", t.backend, connects=[x], env={"X_HOST": "localhost"}),
        ],
        "'w': two say what X_HOST is",
    ),
    "two volumes of one name": (
        lambda t: workload("w", t.data, mounts=[config_mount("/a", "a"), config_mount("/b", "b")]),
        "volume of 'w' 'config': there are two",
    ),
    "two mounts at one place": (
        lambda t: workload("w", t.data, mounts=[config_mount("/a", "a"), config_mount("/a", "b", "other")]),
        "mount of 'w' at '/a': there are two",
    ),
}


@pytest.mark.parametrize(("body", "said"), REFUSED.values(), ids=REFUSED)
def test_refused_with_one_line(body: Callable[[Tiers], object], said: str) -> None:
    with pytest.raises(DeclarationError) as error:
        deploy(body)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_scaled_workload_leaves_its_replicas_to_the_scaler_and_keeps_its_budget() -> None:
    recorder = deploy(lambda t: workload("w", t.data, kind=Deployment(replicas=Scaled(min=1, max=4))))
    assert "replicas" not in recorder.of("Deployment")["w-deployment"]["spec"]
    assert recorder.of("PodDisruptionBudget")["w-budget"]["spec"]["maxUnavailable"] == 1


def test_only_the_port_of_the_host_is_on_the_host() -> None:
    def body(t: Tiers) -> None:
        exemption = Exemption(owner="me", reason="test", expires=date(2027, 1, 1))
        tier = Tier(
            "x", TierArgs(cluster=t.dmz.cluster, tier=TierName.MANAGEMENT, level="privileged", exemption=exemption)
        )
        host = of("host", tier, workload="w", via=Via.HOST_PORT, ports=[Port(name="a", port=14317, target=4317)])
        plain = of(
            "plain", tier, workload="w", ports=[Port(name="a", port=80, target=4317), Port(name="b", port=9, target=9)]
        )
        workload("w", tier, kind=DaemonSet(), zone=None, offers=[host, plain])

    (container,) = deploy(body).manifests("DaemonSet")[0]["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [
        {"containerPort": 4317, "protocol": "TCP", "hostPort": 14317},
        {"containerPort": 9, "protocol": "TCP"},
    ]


def test_a_proxy_is_late_only_if_all_its_names_are() -> None:
    def body(t: Tiers) -> None:
        proxy = of("proxy", t.dmz, reverse=(Reverse.EGRESS_PROXY, "out"))
        workload("proxy", t.dmz, offers=[proxy])
        a, b = (Endpoint(name=n, at=PublicName(host=f"{n}.example", proxy=proxy), ports=HTTP) for n in ("a", "b"))
        workload("w", t.backend, connects=[a.late("later"), b])

    waiting = next(r for r in deploy(body).resources if r.name == "w-deployment")
    assert "proxy-deployment" in waiting.depends_on


def test_what_is_direct_goes_around_the_proxy() -> None:
    def body(t: Tiers) -> None:
        proxy = of("proxy", t.dmz, reverse=(Reverse.EGRESS_PROXY, "out"))
        workload("proxy", t.dmz, offers=[proxy])
        name = Endpoint(name="a", at=PublicName(host="a.example", proxy=proxy), ports=HTTP)
        workload("w", t.backend, connects=[name, outside("172.22.0.0/24", tier=TierName.DATA)])

    found = next(m for m in deploy(body).manifests("Deployment") if m["metadata"]["name"] == "w")
    entries = found["spec"]["template"]["spec"]["containers"][0]["env"]
    env = {entry["name"]: entry.get("value") for entry in entries}
    around = "localhost,127.0.0.1,.svc.cluster.local,$(KUBERNETES_SERVICE_HOST),x.example"
    assert env["NO_PROXY"] == env["no_proxy"] == around
    assert env["https_proxy"] == "http://proxy.mcp-dmz.svc.cluster.local:80"

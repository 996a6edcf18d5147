"""For any graph of workloads: what the NetworkPolicies allow is what was declared, and the rest of the house rules."""

import json
from dataclasses import dataclass
from itertools import product
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.model import Amounts, Resources, Zone
from components.base import DeclarationError
from components.cluster import Cluster
from components.endpoint import Endpoint, Late, Pods, Port, Reverse, SecretRef, Via
from components.kinds import CronJob, DaemonSet, Deployment, Job, Kind, StatefulSet
from components.pod import Health, Tcp
from components.tiers import Purpose, TierName, Tiers, close_tiers, refusal
from components.workload import Workload, WorkloadArgs
from tests import network_policies
from tests.program import DIGEST, Recorder, record, secrets_in

IMAGE = f"registry.example/any@{DIGEST}"
SMALL = Resources(requests=Amounts(cpu="10m", memory="16Mi"), limits=Amounts(cpu="100m", memory="32Mi"))
SECRET = "a very secret value"
PORTS = (8080, 9090)
PODS = 2
"""Of each workload: those of one are not let in to each other by that alone."""
KINDS: dict[str, Kind] = {
    "Deployment": Deployment(replicas=2),
    "StatefulSet": StatefulSet(replicas=3),
    "DaemonSet": DaemonSet(),
    "CronJob": CronJob(schedule="@hourly", deadline_s=60),
    "Job": Job(deadline_s=60),
}


@dataclass(frozen=True)
class Declared:
    """A workload: it offers an endpoint on each port of `ports`, and connects to (workload, port) pairs."""

    index: int
    tier: TierName
    kind: str
    ports: tuple[int, ...]
    connects: tuple[tuple[int, int], ...]
    late: frozenset[int]
    credentials: bool

    @property
    def name(self) -> str:
        return f"w-{self.index}"


@st.composite
def graphs(draw: st.DrawFn, *, in_order: bool) -> list[Declared]:
    """Workloads whose connections are all legal; in order, each waits for earlier ones only."""
    size = draw(st.integers(2, 5))
    shapes = [
        (
            draw(st.sampled_from(list(TierName))),
            draw(st.sampled_from(["Deployment", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"])),
            draw(st.sampled_from([(8080,), (8080, 9090)])),
        )
        for _ in range(size)
    ]

    def legal(consumer: int) -> list[tuple[int, int]]:
        return [
            (owner, port)
            for owner, (tier, kind, ports) in enumerate(shapes)
            for port in ports
            if kind not in ("CronJob", "Job")
            and not refusal(shapes[consumer][0], tier, purpose(port), reverse_of(tier))
        ]

    return [
        Declared(
            index,
            tier,
            kind,
            () if kind in ("CronJob", "Job") else ports,
            tuple(draw(st.sets(st.sampled_from(choices), min_size=1, max_size=4))) if (choices := legal(index)) else (),
            frozenset(draw(st.sets(st.integers(0, size - 1)))) | frozenset(range(index, size) if in_order else ()),
            draw(st.booleans()),
        )
        for index, (tier, kind, ports) in enumerate(shapes)
    ]


def purpose(port: int) -> Purpose:
    return Purpose.METRICS if port == 9090 else Purpose.REQUESTS


def reverse_of(tier: TierName) -> Reverse | None:
    return {TierName.DMZ: Reverse.EGRESS_PROXY, TierName.FRONTEND: Reverse.API_GATEWAY}.get(tier)


def endpoint(declared: Declared, port: int, tiers: Tiers) -> Endpoint:
    """Made anew for each use: an endpoint is its data, whoever holds it."""
    reverse = reverse_of(declared.tier)
    via = Via.HEADLESS if declared.kind == "StatefulSet" and port == 8080 else Via.SERVICE
    return Endpoint(
        name=f"{declared.name}-{port}",
        at=Pods(workload=declared.name, tier=getattr(tiers, declared.tier), via=via),
        ports=[Port(name=f"p{port}", port=port - 8000, target=port)],
        purpose=purpose(port),
        reverse=(reverse, "listed") if reverse else None,
        credentials={"password": SecretRef(value=pulumi.Output.secret(SECRET))} if declared.credentials else {},
    )


def build(graph: list[Declared]) -> Cluster:
    cluster = Cluster(api_cidrs=["10.0.2.100/32"], api_port=6443, node_cidrs=["10.0.2.100/32"])
    tiers = close_tiers(cluster)
    for own in graph:
        wanted: list[Endpoint | Late] = []
        for owner, port in own.connects:
            offered = endpoint(graph[owner], port, tiers)
            wanted.append(offered.late("degraded without") if owner in own.late else offered)
        Workload(
            own.name,
            WorkloadArgs(
                tier=getattr(tiers, own.tier),
                component="test",
                kind=KINDS[own.kind],
                image=IMAGE,
                offers=[endpoint(own, port, tiers) for port in own.ports],
                connects=wanted,
                health=None if own.kind in ("CronJob", "Job") else Health(live=Tcp(port=8080)),
                resources=SMALL,
                zone=None if own.kind == "DaemonSet" else Zone.GENERAL,
            ),
        )
    cluster.graph.check()
    return cluster


def waits(graph: list[Declared]) -> set[tuple[int, int]]:
    """(consumer, owner) of all that start one after the other."""
    return {(own.index, o) for own in graph for o, _ in own.connects if o not in own.late and o != own.index}


def has_cycle(graph: list[Declared]) -> bool:
    left = waits(graph)
    alive = {own.index for own in graph}
    while free := {index for index in alive if not any(c == index and o in alive for c, o in left)}:
        alive -= free
    return bool(alive)


some = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@some
@given(graph=graphs(in_order=True))
def test_what_is_made_is_what_was_declared(graph: list[Declared]) -> None:
    recorder = record(lambda: build(graph))
    assert allowed(recorder, graph) == {
        (f"{own.name}-{i}", f"{graph[owner].name}-{j}", port)
        for own in graph
        for owner, port in own.connects
        for i, j in product(range(PODS), repeat=2)
        if (own.index, i) != (owner, j)
    }
    each_has_a_parent_and_a_name_of_its_own(recorder)
    labels_are_complete(recorder)
    secrets_are_in_secrets_only(recorder)
    start_order_is_the_declared(recorder, graph)


@some
@given(graph=graphs(in_order=False))
def test_start_order_is_the_programs_or_refused_with_its_cycle(graph: list[Declared]) -> None:
    if all(owner < consumer for consumer, owner in waits(graph)):
        record(lambda: build(graph))
        return
    with pytest.raises(DeclarationError) as error:
        record(lambda: build(graph))
    assert ("cycle" in str(error.value)) == has_cycle(graph)


def allowed(recorder: Recorder, graph: list[Declared]) -> set[tuple[str, str, int]]:
    pods = [
        network_policies.Pod(
            name=f"{own.name}-{index}",
            namespace=f"mcp-{own.tier}",
            labels={"app.kubernetes.io/name": own.name, "app.kubernetes.io/part-of": "code"},
            address=f"10.244.{own.index}.{10 + index}",
        )
        for own, index in product(graph, range(PODS))
    ]
    namespaces = {m["metadata"]["name"]: m["metadata"]["labels"] for m in recorder.manifests("Namespace")}
    cluster = network_policies.Cluster(namespaces, pods, recorder.manifests("NetworkPolicy"))
    return network_policies.connections(cluster, [*PORTS, 443, 7777])


def each_has_a_parent_and_a_name_of_its_own(recorder: Recorder) -> None:
    urns = [(r.type, r.name) for r in recorder.resources]
    assert len(set(urns)) == len(urns)
    tops = {r.type for r in recorder.resources if not r.parent}
    assert tops <= {"code:foundation:Tier", "code:base:Workload"}


def labels_are_complete(recorder: Recorder) -> None:
    for resource in recorder.resources:
        if resource.type.startswith("kubernetes:"):
            labels: dict[str, Any] = resource.inputs["metadata"]["labels"]
            wanted = {f"app.kubernetes.io/{key}" for key in ("name", "component", "part-of", "managed-by")}
            assert wanted <= labels.keys(), resource.name


def secrets_are_in_secrets_only(recorder: Recorder) -> None:
    for resource in recorder.resources:
        hidden = [path for path, value in secrets_in(resource.inputs).items() if SECRET in json.dumps(value)]
        if resource.type == "kubernetes:core/v1:Secret":
            assert hidden, resource.name
        else:
            assert SECRET not in json.dumps(resource.inputs), resource.name


def start_order_is_the_declared(recorder: Recorder, graph: list[Declared]) -> None:
    suffix = {"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}
    by_name = {r.name: r for r in recorder.resources if r.type.split(":")[-1] in KINDS}
    for consumer, owner in waits(graph):
        own, other = graph[consumer], graph[owner]
        (mine,) = (r for name, r in by_name.items() if name.startswith(f"{own.name}-"))
        assert f"{other.name}-{suffix[other.kind]}" in mine.depends_on


def chain(*connects: int) -> list[Declared]:
    """Workloads in backend; the n-th waits for the one that stands at the n-th place."""
    return [
        Declared(index, TierName.BACKEND, "Deployment", (8080,), ((owner, 8080),), frozenset(), credentials=False)
        for index, owner in enumerate(connects)
    ]


@pytest.mark.parametrize(
    ("connects", "cycle"), [((1, 2, 0), "w-1 -> w-2 -> w-0 -> w-1"), ((2, 0, 1), "w-2 -> w-1 -> w-0 -> w-2")]
)
def test_a_cycle_is_named_whichever_of_it_comes_first(connects: tuple[int, ...], cycle: str) -> None:
    with pytest.raises(DeclarationError, match=f"start order has a cycle: {cycle}"):
        record(lambda: build(chain(*connects)))


def test_who_comes_too_early_is_told_what_to_make_first() -> None:
    graph = [chain(1)[0], Declared(1, TierName.BACKEND, "Deployment", (8080,), (), frozenset(), credentials=False)]
    with pytest.raises(DeclarationError, match="'w-0' connects to 'w-1-8080' of 'w-1', which is made after it"):
        record(lambda: build(graph))

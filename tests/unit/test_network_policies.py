"""The solver of NetworkPolicy that other tests judge by: the documented recipes, the corners, and what it refuses."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any, cast

import pytest

from tests.network_policies import Cluster, Pod, allowed, connections

Manifest = dict[str, Any]

NAMESPACES = {"shop": {"team": "sales"}, "ops": {"team": "ops"}, "lab": {}}
WEB = Pod("web", "shop", {"app": "web", "tier": "front"}, "10.0.0.1", {"http": 8080})
API = Pod("api", "shop", {"app": "api"}, "10.0.0.2", {"http": 9090, "dns": (53, "UDP")})
DB = Pod("db", "shop", {"app": "db"}, "10.0.1.3", {"sql": 5432})
MONITOR = Pod("monitor", "ops", {"app": "monitor"}, "10.0.2.4")
STRAY = Pod("stray", "lab", {"app": "web"})  # labelled as another namespace's pod is, its address not known
PODS = (WEB, API, DB, MONITOR, STRAY)
OUTSIDE = IPv4Address("203.0.113.9")
ALL: Manifest = {}


def policy(spec: Manifest, namespace: str = "shop", **metadata: Any) -> Manifest:  # noqa: ANN401 (any metadata)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, **metadata},
        "spec": {"podSelector": ALL, **spec},
    }


def cluster(*policies: Manifest, pods: Sequence[Pod] = PODS) -> Cluster:
    return Cluster(NAMESPACES, pods, policies)


def labels(**wanted: str) -> Manifest:
    return {"matchLabels": wanted}


def expression(key: str, operator: str, *values: str) -> Manifest:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def callers(*policies: Manifest, target: Pod = DB, port: int = 5432) -> set[str]:
    return {pod.name for pod in PODS if pod is not target and allowed(cluster(*policies), pod, target, port)}


def callers_admitted(*peers: Manifest) -> set[str]:
    return callers(policy({"podSelector": labels(app="db"), "ingress": [{"from": list(peers)}]}))


def ports_admitted(*ports: Manifest, target: Pod = API, protocol: Any = "TCP") -> set[int]:  # noqa: ANN401 (a literal)
    there = cluster(policy({"ingress": [{"ports": list(ports)}]}))
    asked = (53, 80, 81, 90, 91, 8080, 9090, 65535)
    return {port for port in asked if allowed(there, WEB if target is API else API, target, port, protocol)}


EVERY_CALLER = {"web", "api", "monitor", "stray"}


# The documented recipes.


def test_without_policies_everything_passes() -> None:
    assert len(connections(cluster(), [80, 443])) == 5 * 4 * 2


@pytest.mark.parametrize("types", [{}, {"policyTypes": ["Ingress"]}, {"policyTypes": []}, {"egress": []}])
def test_default_deny_of_ingress_leaves_egress_open(types: Manifest) -> None:
    there = cluster(policy(types))
    passing = connections(there, [80])
    assert {(a, b) for a, b, _ in passing if b in ("web", "api", "db")} == set()
    assert {("web", "monitor"), ("db", "stray"), ("monitor", "stray")} <= {(a, b) for a, b, _ in passing}
    assert not allowed(there, OUTSIDE, WEB, 80)
    assert allowed(there, WEB, OUTSIDE, 80)


def test_default_deny_of_egress_leaves_ingress_open() -> None:
    there = cluster(policy({"policyTypes": ["Egress"]}))
    assert {a for a, _, _ in connections(there, [80])} == {"monitor", "stray"}
    assert allowed(there, MONITOR, WEB, 80)
    assert not allowed(there, WEB, OUTSIDE, 80)


def test_default_deny_of_both() -> None:
    passing = connections(cluster(policy({"policyTypes": ["Ingress", "Egress"]})), [80])
    assert passing == {("monitor", "stray", 80), ("stray", "monitor", 80)}


def test_allow_all_overrides_default_deny() -> None:
    deny = policy({"policyTypes": ["Ingress", "Egress"]})
    assert len(connections(cluster(deny, policy({"ingress": [{}], "egress": [{}]})), [80])) == 5 * 4


def test_policy_selects_pods_of_its_own_namespace_alone() -> None:
    there = cluster(policy({"podSelector": labels(app="web")}))
    assert not allowed(there, API, WEB, 80)
    assert allowed(there, API, DB, 80)
    assert allowed(there, API, STRAY, 80)


def test_policies_of_a_pod_add_up() -> None:
    def from_app(app: str) -> Manifest:
        return policy({"ingress": [{"from": [{"podSelector": labels(app=app)}]}]})

    assert callers(from_app("web"), from_app("api")) == {"web", "api"}


# Directions.


def test_egress_rules_isolate_both_directions_by_default() -> None:
    there = cluster(policy({"podSelector": labels(app="web"), "egress": [{}]}))
    assert allowed(there, WEB, API, 80)
    assert not allowed(there, API, WEB, 80)


def test_rules_of_a_direction_that_is_not_a_policy_type_are_ignored() -> None:
    ignored = policy({"policyTypes": ["Egress"], "ingress": [{"from": [{"podSelector": labels(app="none")}]}]})
    assert callers(ignored) == {"monitor", "stray"}
    only_ingress = policy({"policyTypes": ["Ingress"], "ingress": [{}], "egress": []})
    assert callers(only_ingress) == EVERY_CALLER


def test_one_half_of_a_permission_is_not_enough() -> None:
    deny = policy({"policyTypes": ["Ingress", "Egress"]})
    leave = policy(
        {
            "podSelector": labels(app="web"),
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": labels(app="api")}], "ports": [{"port": 80}]}],
        }
    )
    enter = policy(
        {
            "podSelector": labels(app="api"),
            "ingress": [{"from": [{"podSelector": labels(app="web")}], "ports": [{"port": 80}]}],
        }
    )
    background = {("monitor", "stray", 80), ("stray", "monitor", 80)}
    assert connections(cluster(deny, leave), [80]) == background
    assert connections(cluster(deny, enter), [80]) == background
    assert connections(cluster(deny, leave, enter), [80]) == background | {("web", "api", 80)}
    assert not allowed(cluster(deny, leave, enter), WEB, API, 81)
    assert not allowed(cluster(deny, leave, enter), API, WEB, 80)


def test_a_pod_always_reaches_itself() -> None:
    there = cluster(policy({"policyTypes": ["Ingress", "Egress"]}))
    assert allowed(there, WEB, WEB, 80)
    assert allowed(there, IPv4Address("10.0.0.1"), WEB, 80)
    assert ("web", "web", 80) not in connections(there, [80])


def test_two_pods_of_one_name_are_not_one_pod() -> None:
    twin = Pod("web", "lab")
    there = cluster(policy({}), pods=(WEB, twin))
    assert not allowed(there, twin, WEB, 80)
    with pytest.raises(ValueError, match="share a name"):
        connections(there, [80])


def test_a_pod_may_be_asked_about_before_it_exists() -> None:
    there = cluster(policy({"ingress": [{"from": [{"podSelector": labels(app="api")}]}]}))
    assert allowed(there, Pod("api-2", "shop", {"app": "api"}), DB, 80)
    assert not allowed(there, Pod("api-2", "lab", {"app": "api"}), DB, 80)


# Peers.


@pytest.mark.parametrize("rule", [{}, {"from": []}, {"from": None}, {"ports": []}])
def test_a_rule_without_peers_admits_all(rule: Manifest) -> None:
    there = cluster(policy({"ingress": [rule]}))
    assert all(allowed(there, source, DB, 1) for source in (WEB, STRAY, OUTSIDE))


def test_no_rules_admit_none() -> None:
    assert callers(policy({"ingress": []})) == set()


PEERS: list[tuple[list[Manifest], set[str]]] = [
    ([{"podSelector": {}}], {"web", "api"}),
    ([{"podSelector": labels(app="web")}], {"web"}),
    ([{"podSelector": labels(app="web", tier="back")}], set[str]()),
    ([{"namespaceSelector": {}}], EVERY_CALLER),
    ([{"namespaceSelector": {}, "podSelector": {}}], EVERY_CALLER),
    ([{"namespaceSelector": labels(team="ops")}], {"monitor"}),
    ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "lab"}}}], {"stray"}),
    ([{"namespaceSelector": {}, "podSelector": labels(app="web")}], {"web", "stray"}),
    # Two peers are either, two selectors of one peer are both.
    ([{"namespaceSelector": labels(team="ops")}, {"podSelector": labels(app="web")}], {"web", "monitor"}),
    ([{"namespaceSelector": labels(team="ops"), "podSelector": labels(app="web")}], set[str]()),
    ([{"namespaceSelector": labels(team="ops"), "podSelector": labels(app="monitor")}], {"monitor"}),
    ([{"namespaceSelector": None, "podSelector": labels(app="web")}], {"web"}),
]


@pytest.mark.parametrize(("peers", "admitted"), PEERS)
def test_selectors_of_peers(peers: list[Manifest], admitted: set[str]) -> None:
    assert callers_admitted(*peers) == admitted


@pytest.mark.parametrize(
    ("selector", "admitted"),
    [
        (expression("app", "In", "web", "monitor"), {"web", "monitor", "stray"}),
        (expression("app", "NotIn", "web"), {"api", "monitor"}),
        (expression("tier", "NotIn", "front"), {"api", "monitor", "stray"}),  # also those without the label
        (expression("tier", "In", "front"), {"web"}),
        (expression("tier", "Exists"), {"web"}),
        (expression("tier", "DoesNotExist"), {"api", "monitor", "stray"}),
        (labels(app="web") | expression("tier", "DoesNotExist"), {"stray"}),
    ],
)
def test_match_expressions(selector: Manifest, admitted: set[str]) -> None:
    assert callers_admitted({"namespaceSelector": {}, "podSelector": selector}) == admitted


def test_match_expressions_of_namespaces_and_of_the_policy() -> None:
    assert callers_admitted({"namespaceSelector": expression("team", "DoesNotExist")}) == {"stray"}
    closed = cluster(policy({"podSelector": expression("app", "In", "db", "api")}))
    assert {b for _, b, _ in connections(closed, [80])} == {"web", "monitor", "stray"}


def test_peers_of_egress_are_targets() -> None:
    there = cluster(
        policy({"policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": labels(team="ops")}]}]})
    )
    assert allowed(there, WEB, MONITOR, 80)
    assert not allowed(there, WEB, API, 80)
    assert not allowed(there, WEB, OUTSIDE, 80)


# Address blocks.


@pytest.mark.parametrize(
    ("block", "admitted"),
    [
        ({"cidr": "10.0.0.0/24"}, {"web", "api"}),
        ({"cidr": "10.0.0.0/16", "except": ["10.0.0.0/24", "10.0.2.4/32"]}, set[str]()),
        ({"cidr": "10.0.0.0/8", "except": ["10.0.0.0/24"]}, {"monitor"}),
        ({"cidr": "0.0.0.0/0"}, EVERY_CALLER),  # also the pod whose address is not known
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, set[str]()),
        ({"cidr": "::/0", "except": ["fd00::/8"]}, set[str]()),
    ],
)
def test_blocks_match_pods(block: Manifest, admitted: set[str]) -> None:
    assert callers_admitted({"ipBlock": block}) == admitted


def test_blocks_match_addresses() -> None:
    there = cluster(
        policy({"ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/31"]}}]}]})
    )
    assert not allowed(there, OUTSIDE, WEB, 80)
    assert allowed(there, IPv4Address("203.0.113.10"), WEB, 80)
    assert not allowed(there, IPv4Address("203.0.114.0"), WEB, 80)


def test_selectors_never_match_outside_addresses() -> None:
    there = cluster(policy({"ingress": [{"from": [{"namespaceSelector": {}}, {"podSelector": {}}]}]}))
    assert not allowed(there, OUTSIDE, WEB, 80)


def test_the_address_of_a_pod_stands_for_it() -> None:
    there = cluster(policy({"ingress": [{"from": [{"podSelector": labels(app="web")}]}]}))
    assert allowed(there, IPv4Address("10.0.0.1"), DB, 80)
    assert not allowed(there, OUTSIDE, IPv4Address("10.0.1.3"), 80)


# Ports.


PORTS: list[tuple[list[Manifest], set[int]]] = [
    ([{"port": 80}], {80}),
    ([{"port": 80.0, "endPort": 81.0}], {80, 81}),  # as Pulumi's mocks hand over numbers
    ([{"port": 81, "endPort": 90}], {81, 90}),
    ([{"port": 90, "endPort": 90}], {90}),
    ([{"port": 91, "endPort": 65535}], {91, 8080, 9090, 65535}),
    ([{"port": 80}, {"port": 91}], {80, 91}),
    ([{}], {53, 80, 81, 90, 91, 8080, 9090, 65535}),
    ([{"port": 80, "protocol": "UDP"}], set[int]()),
    ([{"protocol": "UDP"}], set[int]()),
    ([{"port": "http"}], {9090}),  # the target's, where WEB's is another
    ([{"port": "http", "protocol": "UDP"}], set[int]()),
    ([{"port": "dns"}], set[int]()),
    ([{"port": "sql"}], set[int]()),  # another pod's
]


@pytest.mark.parametrize(("ports", "admitted"), PORTS)
def test_ports(ports: list[Manifest], admitted: set[int]) -> None:
    assert ports_admitted(*ports) == admitted


def test_named_port_is_the_targets_in_both_directions() -> None:
    assert ports_admitted({"port": "http"}, target=WEB) == {8080}
    there = cluster(policy({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": "http"}]}]}))
    assert allowed(there, WEB, API, 9090)
    assert not allowed(there, WEB, API, 8080)
    assert not allowed(there, WEB, OUTSIDE, 8080)


def test_protocols() -> None:
    assert ports_admitted({"port": "dns", "protocol": "UDP"}, protocol="UDP") == {53}
    assert ports_admitted({"port": "dns", "protocol": "TCP"}, protocol="UDP") == set()
    assert ports_admitted({"port": 80, "protocol": "UDP"}, protocol="UDP") == {80}
    assert ports_admitted({"port": 80}, protocol="UDP") == set()
    assert ports_admitted({}, protocol="SCTP") == set()
    assert len(ports_admitted(protocol="SCTP")) == 8


def test_a_rule_admits_its_peers_to_its_ports_alone() -> None:
    rules: list[Manifest] = [
        {"from": [{"podSelector": labels(app="web")}], "ports": [{"port": 80}]},
        {"from": [{"podSelector": labels(app="api")}], "ports": [{"port": 81}]},
    ]
    assert callers(policy({"ingress": rules}), port=80) == {"web"}
    assert callers(policy({"ingress": rules}), port=81) == {"api"}


# What is refused.


def ingress(rule: Manifest) -> Manifest:
    return {"ingress": [rule]}


def peer(entry: object) -> Manifest:
    return ingress({"from": [entry]})


def port(entry: object) -> Manifest:
    return ingress({"ports": [entry]})


REFUSED: list[tuple[Manifest, str]] = [
    ({"policytypes": ["Egress"]}, "policytypes"),
    ({"pod_selector": {}}, "pod_selector"),
    ({"policyTypes": ["ingress"]}, "policyTypes"),
    ({"policyTypes": ["Ingress", "Egress", "Egress"]}, "policyTypes"),
    ({"podSelector": None}, "podSelector"),
    ({"podSelector": {"app": "web"}}, r"podSelector\.app"),
    ({"podSelector": labels(app="-")}, "matchLabels"),
    ({"podSelector": labels(app="a" * 64)}, "matchLabels"),
    ({"podSelector": {"matchLabels": {"app": 1}}}, "matchLabels"),
    ({"podSelector": {"matchLabels": {"a/b/c": "d"}}}, "matchLabels"),
    ({"podSelector": expression("app", "in", "web")}, "operator"),
    ({"podSelector": expression("app", "In")}, "need values"),
    ({"podSelector": expression("app", "NotIn")}, "need values"),
    ({"podSelector": expression("app", "Exists", "web")}, "take none"),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "value": "b"}]}}, r"\.value\b"),
    (ingress({"to": []}), r"ingress\.0\.to"),
    ({"egress": [{"from": []}]}, r"egress\.0\.from"),
    (ingress({"form": None}), r"ingress\.0\.form"),
    (ingress({"peers": []}), r"ingress\.0\.peers"),
    ({"ingress": {}}, "ingress"),
    (peer({}), "a peer is"),
    (peer({"podSelector": None}), "a peer is"),
    (peer(None), r"from\.0"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}), "a peer is"),
    (peer({"podselector": {}}), "podselector"),
    (peer({"ipBlock": {}}), "cidr"),
    (peer({"ipBlock": {"cidr": "10.0.0.0"}}), "cidr"),
    (peer({"ipBlock": {"cidr": "10.0.0.1/8"}}), "host bits"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/33"}}), "cidr"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/8", "excluded": []}}), "excluded"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}), "strict subset"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}), "strict subset"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["::/16"]}}), "strict subset"),
    (port({"port": 0}), "port"),
    (port({"port": 65536}), "port"),
    (port({"port": 80.5}), "port"),
    (port({"port": True}), "port"),
    (port({"port": "80"}), "name of a port"),
    (port({"port": "Http"}), "name of a port"),
    (port({"port": "a" * 16}), "name of a port"),
    (port({"port": 80, "protocol": "tcp"}), "protocol"),
    (port({"port": 80, "endPort": 79}), "endPort needs"),
    (port({"port": "http", "endPort": 90}), "endPort needs"),
    (port({"endPort": 90}), "endPort needs"),
    (port({"port": 80, "endport": 90}), "endport"),
    (port({"number": 80}), "number"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED)
def test_what_the_api_refuses_is_refused(spec: Manifest, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cluster(policy(spec))


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "NetworkPolicies"},
        {"apiVersion": "networking.k8s.io/v1beta1"},
        {"status": {}},
        {"spec": None},
        {"metadata": {"name": "closed"}},
        {"metadata": {"namespace": "elsewhere"}},
        {"metadata": {"namespace": "shop", "label": {}}},
    ],
)
def test_an_object_that_is_none_is_refused(changed: Manifest) -> None:
    with pytest.raises(ValueError, match="|".join(changed) + "|elsewhere"):
        cluster(policy({}) | changed)


def test_one_name_is_one_object() -> None:
    cluster(policy({}), policy({}), policy({}, name="a"), policy({}, name="b"), policy({}, "lab", name="a"))
    for twice in (
        {"policies": [policy({}, name="a"), policy({}, name="a")]},
        {"pods": [WEB, Pod("web", "shop")]},
        {"pods": [WEB, Pod("other", "lab", address="10.0.0.1")]},
    ):
        with pytest.raises(ValueError, match="share"):
            Cluster(**cast("Mapping[str, Any]", {"namespaces": NAMESPACES, "pods": [], "policies": []} | twice))


def test_questions_that_make_no_sense_are_refused() -> None:
    for number, protocol in ((0, "TCP"), (65536, "TCP"), (80, "tcp")):
        with pytest.raises(ValueError, match="no such port"):
            allowed(cluster(), WEB, API, number, cast("Any", protocol))
    with pytest.raises(ValueError, match="no namespace"):
        allowed(cluster(), Pod("ghost", "elsewhere"), API, 80)
    with pytest.raises(ValueError, match="no namespace"):
        cluster(pods=[Pod("ghost", "elsewhere")])
    with pytest.raises(ValueError, match="10"):
        cluster(pods=[Pod("ghost", "lab", address="10.0.0")])

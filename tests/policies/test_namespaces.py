"""k8s-namespace-default-deny."""

from dataclasses import replace
from typing import Any

import pytest

from policies.plain import UNKNOWN
from policies.rule import Resource, Source
from policies.security.rules import namespaces
from policies.security.rules.namespaces import LEVEL, NAMESPACE, NETWORK_POLICY
from tests.policies import samples
from tests.policies.samples import ABSENT, EMPTY, NOTHING, Path, each

CONFIG = namespaces.RULE.config({})
SPACE: dict[str, Any] = {"metadata": {"name": "data", "labels": {LEVEL: "restricted"}}}
CLOSED: dict[str, Any] = {
    "metadata": {"name": "closed", "namespace": "data"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}
DNS: dict[str, Any] = {
    "metadata": {"namespace": "data"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
}
OPEN = [""]
"""The violation of a namespace that nothing closes."""


def judged(space: dict[str, Any], *closing: dict[str, Any], **sources: list[str]) -> list[str]:
    namespace = samples.resource(NAMESPACE, space, "source")
    others = [samples.resource(NETWORK_POLICY, props, f"p{i}", **sources) for i, props in enumerate(closing)]
    return samples.paths(namespaces.check(namespace, [namespace, *others], CONFIG))


def test_a_closed_namespace() -> None:
    assert judged(SPACE, CLOSED) == []
    assert judged(SPACE, DNS, CLOSED) == []


def test_an_open_namespace() -> None:
    assert judged(SPACE) == OPEN
    assert judged(SPACE, DNS) == OPEN


@pytest.mark.parametrize("level", [*EMPTY, "baseline", "privileged", "Restricted", True])
def test_level(level: object) -> None:
    assert judged(samples.changed(SPACE, ["metadata", "labels", LEVEL], level), CLOSED) == [f"metadata.labels.{LEVEL}"]


@pytest.mark.parametrize("labels", [*EMPTY, {"app": "x"}])
def test_labels(labels: object) -> None:
    assert f"metadata.labels.{LEVEL}" in judged(samples.changed(SPACE, ["metadata", "labels"], labels), CLOSED)


@pytest.mark.parametrize("metadata", EMPTY)
def test_metadata(metadata: object) -> None:
    found = judged(samples.changed(SPACE, ["metadata"], metadata), CLOSED)
    assert f"metadata.labels.{LEVEL}" in found
    assert "" in found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *((["spec"], value) for value in EMPTY),
        *((["spec", "podSelector"], value) for value in each(ABSENT, None, UNKNOWN, "", 0, [])),
        (["spec", "podSelector"], {"matchLabels": {"app": "x"}}),
        (["spec", "podSelector"], {"matchLabels": UNKNOWN}),
        (["spec", "podSelector"], {"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
        *((["spec", "policyTypes"], value) for value in EMPTY),
        *((["spec", "policyTypes"], value) for value in each(["Ingress"], ["Egress"], ["Ingress", UNKNOWN])),
        *((["spec", "policyTypes"], value) for value in each(["Ingress", "Ingress"], ["Ingress", "egress"])),
        *(
            (["spec", rules], value)
            for rules in ("ingress", "egress")
            for value in each([NOTHING], UNKNOWN, "", 0, {}, [None])
        ),
        *((["metadata", "namespace"], value) for value in each(*EMPTY, "backend")),
        *((["metadata"], value) for value in EMPTY),
    ],
)
def test_what_does_not_close_it(path: Path, value: object) -> None:
    assert judged(SPACE, samples.changed(CLOSED, path, value)) == OPEN


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["spec", "podSelector"], {"matchLabels": {}}),
        (["spec", "podSelector"], {"matchLabels": None, "matchExpressions": []}),
        (["spec", "policyTypes"], ["Egress", "Ingress"]),
        *((["spec", rules], value) for rules in ("ingress", "egress") for value in each(None, [])),
    ],
)
def test_what_closes_it_too(path: Path, value: object) -> None:
    assert judged(SPACE, samples.changed(CLOSED, path, value)) == []


@pytest.mark.parametrize("name", EMPTY)
def test_no_name_is_no_match(name: object) -> None:
    space = samples.changed(SPACE, ["metadata", "name"], name)
    assert judged(space, samples.changed(CLOSED, ["metadata", "namespace"], name)) == OPEN


def test_an_unknown_namespace_counts_if_it_comes_from_this_one() -> None:
    closed = samples.changed(CLOSED, ["metadata", "namespace"], UNKNOWN)
    assert judged(SPACE, closed, metadata=[NAMESPACE]) == []
    assert judged(SPACE, closed, spec=[NAMESPACE]) == OPEN
    assert judged(SPACE, closed, metadata=["kubernetes:core/v1:ConfigMap"]) == OPEN


def test_an_unknown_namespace_of_several_counts_for_none() -> None:
    namespace = samples.resource(NAMESPACE, SPACE, "source")
    other = Source(type=NAMESPACE, urn=samples.urn(NAMESPACE, "other"))
    closed = samples.changed(CLOSED, ["metadata", "namespace"], UNKNOWN)
    policy = samples.resource(NETWORK_POLICY, closed, metadata=[NAMESPACE])
    both = replace(policy, sources={"metadata": [*policy.sources["metadata"], other]})
    assert samples.paths(namespaces.check(namespace, [namespace, both], CONFIG)) == OPEN


def test_each_namespace_is_closed_by_its_own() -> None:
    spaces = [samples.changed(SPACE, ["metadata", "name"], name) for name in ("data", "backend")]
    stack: list[Resource] = [
        *(samples.resource(NAMESPACE, space, space["metadata"]["name"]) for space in spaces),
        samples.resource(NETWORK_POLICY, CLOSED),
    ]
    found = {r.name: samples.paths(namespaces.check(r, stack, CONFIG)) for r in stack if r.type == NAMESPACE}
    assert found == {"data": [], "backend": OPEN}


@pytest.mark.parametrize("type", [f"{NAMESPACE}Patch", f"{NETWORK_POLICY}Patch", f"{NETWORK_POLICY}List"])
def test_what_changes_one_unseen_is_refused(type: str) -> None:
    assert samples.paths(namespaces.RULE.checks[type](samples.resource(type, {}), [], CONFIG)) == [""]


def test_levels_can_be_configured() -> None:
    config = namespaces.RULE.config({"levels": ["restricted", "baseline"]})
    space = samples.resource(NAMESPACE, samples.changed(SPACE, ["metadata", "labels", LEVEL], "baseline"))
    assert samples.paths(namespaces.check(space, [samples.resource(NETWORK_POLICY, CLOSED)], config)) == []

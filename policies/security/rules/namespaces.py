"""A namespace is closed before anything is in it."""

from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyComplianceFramework, Severity

from policies import partial
from policies.plain import UNKNOWN
from policies.reading import Object, Violation, an_object, not_as, texts
from policies.rule import Config, Resource, StackRule
from policies.security import config as settings

NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
LEVEL = "pod-security.kubernetes.io/enforce"


def check(namespace: Resource, stack: Sequence[Resource], config: Config) -> Iterator[Violation]:
    """A NetworkPolicy denies all in both directions, and Pod Security is enforced."""
    metadata = an_object(namespace.props.get("metadata"), "metadata", required=True)
    labels = an_object(metadata.value.get("labels"), "metadata.labels")
    yield from (*metadata.wrong, *labels.wrong)
    level = labels.value.get(LEVEL)
    if level not in config["levels"]:
        yield not_as(f"metadata.labels.{LEVEL}", level, " or ".join(config["levels"]))
    if not any(_is_in(resource, namespace) and _denies_all(resource.props.get("spec")) for resource in stack):
        yield Violation(
            "",
            "has no NetworkPolicy that denies all: with an empty podSelector, both policyTypes, and no rule",
        )


def _is_in(resource: Resource, namespace: Resource) -> bool:
    if resource.type != NETWORK_POLICY:
        return False
    place = _metadata(resource).get("namespace")
    if place is UNKNOWN:
        # The engine knows what it comes from: it must be this namespace and no other.
        return [s.urn for s in resource.sources_of("metadata") if s.type == NAMESPACE] == [namespace.urn]
    name = _metadata(namespace).get("name")
    return isinstance(name, str) and name != "" and place == name


def _metadata(resource: Resource) -> Object:
    return an_object(resource.props.get("metadata"), "metadata").value


def _denies_all(spec: object) -> bool:
    read = an_object(spec, "spec").value
    selector = an_object(read.get("podSelector"), "spec.podSelector", required=True)
    types = texts(read.get("policyTypes"), "spec.policyTypes")
    return (
        not (selector.wrong or types.wrong)
        and all(part in (None, {}, []) for part in selector.value.values())
        and sorted(name for _, name in types.value) == ["Egress", "Ingress"]
        and all(read.get(rules) in (None, []) for rules in ("ingress", "egress"))
    )


RULE = StackRule(
    name="k8s-namespace-default-deny",
    description="Every namespace denies all traffic by default and enforces restricted Pod Security.",
    severity=Severity.HIGH,
    framework=PolicyComplianceFramework(
        name="CIS Kubernetes Benchmark", version="1.10", reference="5.3.2", specification="network policies"
    ),
    tags=["kubernetes", "network", "N1", "N2", "N3", "N4", "N5"],
    remediation="Make namespaces by the Tier component, which closes what it makes.",
    settings=settings.NAMESPACE_DEFAULT_DENY,
    checks=partial.stack_checks({NAMESPACE: check}, reads=[NETWORK_POLICY]),
    reads=frozenset({NETWORK_POLICY}),
)

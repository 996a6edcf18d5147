"""Which connections Kubernetes NetworkPolicy objects allow: a second opinion on what `components` writes.

Worked out from the reference of networking.k8s.io/v1, its validation and defaults; it imports nothing of the project.
What the API server would refuse is a ValueError here, and so is every field this module does not know.

Not modelled: nodes (a pod's own node always reaches it and is reached by it), host-network pods (undefined by the API),
Services (policies see the pod behind one) and whether anything listens.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from itertools import permutations
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

Protocol = Literal["TCP", "UDP", "SCTP"]
Direction = Literal["Ingress", "Egress"]


@dataclass(frozen=True)
class Pod:
    """One pod. `ports` are its named container ports: a number means TCP, other protocols are (number, protocol)."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    address: str | None = None
    ports: Mapping[str, int | tuple[int, Protocol]] = field(default_factory=dict[str, int | tuple[int, Protocol]])

    @property
    def id(self) -> tuple[str, str]:
        return self.namespace, self.name

    @cached_property
    def ip(self) -> IPv4Address | None:
        return None if self.address is None else IPv4Address(self.address)


End = Pod | IPv4Address
"""An end of a connection. The address of a pod of the cluster stands for that pod."""


@dataclass(frozen=True)
class Cluster:
    """Namespaces with their labels (`kubernetes.io/metadata.name` is added), pods, and NetworkPolicy manifests."""

    namespaces: Mapping[str, Mapping[str, str]]
    pods: Sequence[Pod]
    policies: Sequence[Mapping[str, Any]]

    def __post_init__(self) -> None:
        named = [(policy.metadata.namespace, policy.metadata.name) for policy in self.parsed if policy.metadata.name]
        for unique in (named, [pod.id for pod in self.pods], [pod.ip for pod in self.pods if pod.ip]):
            if len(unique) != len(set(unique)):
                raise ValueError("two pods or policies of one namespace share a name, or two pods share an address")
        for namespace in (*(pod.namespace for pod in self.pods), *(p.metadata.namespace for p in self.parsed)):
            self.labels_of(namespace)

    @cached_property
    def parsed(self) -> "tuple[_Policy, ...]":
        return tuple(_Policy.model_validate(dict(policy)) for policy in self.policies)

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        if namespace not in self.namespaces:
            raise ValueError(f"no namespace {namespace!r} in the cluster")
        return {**self.namespaces[namespace], "kubernetes.io/metadata.name": namespace}


def allowed(cluster: Cluster, source: End, target: End, port: int, protocol: Protocol = "TCP") -> bool:
    """Whether a connection passes: the source's egress and the target's ingress must both admit it.

    A pod always reaches itself: "a pod cannot block access to itself", says the reference. No policy applies to an
    address outside the cluster; a pod that is not listed in the cluster is judged as if it were.
    """
    if not 1 <= port <= 65535 or protocol not in get_args(Protocol):
        raise ValueError(f"no such port: {port}/{protocol}")
    source, target = (next((pod for pod in cluster.pods if pod.ip == end), end) for end in (source, target))
    if isinstance(source, Pod) and isinstance(target, Pod) and source.id == target.id:
        return True

    def admits(pod: End, direction: Direction, other: End) -> bool:
        if not isinstance(pod, Pod):
            return True
        cluster.labels_of(pod.namespace)
        policies = [policy for policy in cluster.parsed if policy.isolates(pod, direction)]
        return not policies or any(
            (not rule.peers or any(peer.admits(cluster, policy.metadata.namespace, other) for peer in rule.peers))
            and (not rule.ports or any(entry.admits(target, port, protocol) for entry in rule.ports))
            for policy in policies
            for rule in (policy.spec.ingress if direction == "Ingress" else policy.spec.egress)
        )

    return admits(source, "Egress", target) and admits(target, "Ingress", source)


def connections(cluster: Cluster, ports: Iterable[int], protocol: Protocol = "TCP") -> set[tuple[str, str, int]]:
    """Every (source, target, port) that passes between two different pods, named without their namespaces."""
    if len({pod.name for pod in cluster.pods}) != len(cluster.pods):
        raise ValueError("pods of different namespaces share a name")
    asked = [(a, b, port) for port in ports for a, b in permutations(cluster.pods, 2)]
    return {(a.name, b.name, port) for a, b, port in asked if allowed(cluster, a, b, port, protocol)}


def _integral(value: object) -> object:
    # Pulumi's wire has only floats, and its provider writes 80.0 as 80.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _network(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f.:]+/(0|[1-9]\d*)", value):
        raise ValueError("a CIDR is an address, a slash and a length")
    return ip_network(value)  # refuses host bits, which the API server lets pass: readers of such a block disagree


_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LabelKey = Annotated[str, Field(pattern=rf"^({_DNS}(\.{_DNS})*/)?{_NAME}$", max_length=317)]
_LabelValue = Annotated[str, Field(pattern=rf"^({_NAME})?$")]
_Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
_PortNumber = Annotated[int, Field(ge=1, le=65535)]
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_absent(cls, value: object, info: ValidationInfo) -> object:
        known = cls.model_fields[info.field_name or ""]
        return known.get_default() if value is None and not known.is_required() else value


class _Expression(_Manifest):
    key: _LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[_LabelValue] = []

    @model_validator(mode="after")
    def _values_suit_the_operator(self) -> Self:
        if bool(self.values) != (self.operator in ("In", "NotIn")):
            raise ValueError("In and NotIn need values, Exists and DoesNotExist take none")
        return self

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.operator in ("Exists", "DoesNotExist"):
            return (self.key in labels) == (self.operator == "Exists")
        return (labels.get(self.key) in self.values) == (self.operator == "In")  # NotIn holds where the key is absent


class _Selector(_Manifest):
    match_labels: dict[_LabelKey, _LabelValue] = {}
    match_expressions: list[_Expression] = []

    def matches(self, labels: Mapping[str, str]) -> bool:
        return self.match_labels.items() <= labels.items() and all(e.matches(labels) for e in self.match_expressions)


class _Block(_Manifest):
    cidr: _Network
    excluded: list[_Network] = Field([], alias="except")

    @model_validator(mode="after")
    def _excludes_parts_of_itself(self) -> Self:
        for part in self.excluded:
            if part.network_address not in self.cidr or part.prefixlen <= self.cidr.prefixlen:
                raise ValueError(f"except {part} is not a strict subset of {self.cidr}")
        return self

    def matches(self, end: End) -> bool:
        address = end.ip if isinstance(end, Pod) else end
        if address is None:  # all that is sure of a pod whose address is not known
            return self.cidr == IPv4Network("0.0.0.0/0") and not self.excluded
        return address in self.cidr and not any(address in part for part in self.excluded)


class _Peer(_Manifest):
    pod_selector: _Selector | None = None
    namespace_selector: _Selector | None = None
    ip_block: _Block | None = None

    @model_validator(mode="after")
    def _is_a_block_or_selectors(self) -> Self:
        if (self.ip_block is None) == (self.pod_selector is None and self.namespace_selector is None):
            raise ValueError("a peer is an ipBlock or has selectors: one of the two")
        return self

    def admits(self, cluster: Cluster, own_namespace: str, end: End) -> bool:
        if self.ip_block:
            return self.ip_block.matches(end)
        if not isinstance(end, Pod):
            return False
        labels = cluster.labels_of(end.namespace)
        there = self.namespace_selector.matches(labels) if self.namespace_selector else end.namespace == own_namespace
        return there and (self.pod_selector is None or self.pod_selector.matches(end.labels))


class _Port(_Manifest):
    protocol: Protocol = "TCP"
    port: Annotated[_PortNumber | str | None, BeforeValidator(_integral)] = None
    end_port: Annotated[_PortNumber | None, BeforeValidator(_integral)] = None

    @model_validator(mode="after")
    def _is_a_name_or_a_range(self) -> Self:
        if isinstance(self.port, str) and not _PORT_NAME.fullmatch(self.port):
            raise ValueError(f"{self.port!r} cannot be the name of a port")
        if self.end_port is not None and not (isinstance(self.port, int) and self.port <= self.end_port):
            raise ValueError("endPort needs a number as port, not above it")
        return self

    def admits(self, target: End, port: int, protocol: Protocol) -> bool:
        if isinstance(self.port, str):
            found = target.ports.get(self.port) if isinstance(target, Pod) else None
            number, spoken = found if isinstance(found, tuple) else (found, "TCP")
            return (number, spoken) == (port, protocol) and spoken == self.protocol
        within = self.port is None or self.port <= port <= (self.end_port or self.port)
        return within and protocol == self.protocol


class _IngressRule(_Manifest):
    peers: list[_Peer] = Field([], alias="from")
    ports: list[_Port] = []


class _EgressRule(_Manifest):
    peers: list[_Peer] = Field([], alias="to")
    ports: list[_Port] = []


class _Spec(_Manifest):
    pod_selector: _Selector  # newer API servers read none as all, older schemas demand it: be explicit
    ingress: list[_IngressRule] = []
    egress: list[_EgressRule] = []
    policy_types: list[Direction] = Field([], max_length=2)


class _Metadata(_Manifest):
    namespace: str  # without one the client would choose
    name: str = ""  # absent where Pulumi names the object
    labels: dict[_LabelKey, _LabelValue] = {}
    annotations: dict[str, str] = {}


class _Policy(_Manifest):
    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: _Metadata
    spec: _Spec

    def isolates(self, pod: Pod, direction: Direction) -> bool:
        types = self.spec.policy_types or ["Ingress", *(["Egress"] if self.spec.egress else [])]
        here = self.metadata.namespace == pod.namespace
        return here and direction in types and self.spec.pod_selector.matches(pod.labels)

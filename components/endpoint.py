"""An endpoint is a permission: who is handed one may talk to it, and nobody else.

It is declared once. From it follow a consumer's addresses and mounted secrets, both halves of the NetworkPolicy, the
start order and the edge in the graph (`components/workload.py` draws them).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import pulumi

from components.base import DeclarationError, checked_name, selector
from components.cluster import DOMAIN, Cluster
from components.tiers import Purpose, Reverse, Tier, TierName, refusal


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of an endpoint: pods listen on `target`, whoever calls uses `port`."""

    name: str
    port: int
    target: int
    protocol: Literal["TCP", "UDP"] = "TCP"

    def __str__(self) -> str:
        return f"{self.target}/{self.protocol}"


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """A secret by reference: who mounts it never sees it in a spec."""

    value: pulumi.Output[str]
    """Secret."""
    generation: int = 1
    """Raised by a rotation: other content lies in another object, and its users roll over to it."""


class Via(Enum):
    """How callers find the pods of an endpoint."""

    SERVICE = "ClusterIP"
    """One address for all of them."""
    HEADLESS = "None"
    """The name resolves to each of them, ready or not: peers find each other."""
    LOAD_BALANCER = "LoadBalancer"
    """The internet comes in here."""
    HOST_PORT = "host port"
    """Each node has one, at the node's own address."""
    API_SERVER = "api-server"
    """A webhook or an aggregated API: a Service that the cluster's API server calls, and nobody else."""


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Where an endpoint of this stack's pods is."""

    workload: str
    tier: Tier
    via: Via = Via.SERVICE
    also: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further labels of the pods that answer, where not all do: the role of a database's member, say."""

    @property
    def selector(self) -> dict[str, str]:
        """What selects them."""
        return {**selector(self.workload), **self.also}


@dataclass(frozen=True, kw_only=True)
class Admission:
    """A consumer that shall enter a security group."""

    consumer: str
    tier: Tier
    endpoint: "Endpoint"
    parent: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class SecurityGroup:
    """What guards an address outside of the cluster, and how somebody is let through."""

    id: pulumi.Input[str]
    admit: Callable[[Admission], pulumi.Resource]
    """Makes the group's rule, as a child of the consumer: the entering half, where no NetworkPolicy is."""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where an endpoint is that is no pod: the API server, the nodes, a managed database."""

    host: pulumi.Input[str] | None
    """None: it is many, and its consumer knows them."""
    cidrs: Sequence[str]
    """What a NetworkPolicy sees of it."""
    tier: TierName | None = None
    """None: it belongs to no tier."""
    security_group: SecurityGroup | None = None


@dataclass(frozen=True, kw_only=True)
class PublicName:
    """Where an endpoint is that has only a name: callers go by the egress proxy, which lets them have that name."""

    host: str
    proxy: "Endpoint"


@dataclass(frozen=True, kw_only=True)
class ApiRule:
    """Verbs on resources of the Kubernetes API, in one namespace or in the whole cluster."""

    verbs: Sequence[str]
    resources: Sequence[str]
    groups: Sequence[str] = ("",)
    names: Sequence[str] = ()
    """Only the objects of these names; empty: all."""
    namespace: str = ""
    """Empty: the consumer's own. `CLUSTER`: in all, and what has no namespace."""

    CLUSTER = "*"

    def __post_init__(self) -> None:
        """Errors: DeclarationError: it says more than it names."""
        for what in ("verbs", "resources", "groups"):
            if not getattr(self, what) or "*" in getattr(self, what):
                raise DeclarationError(f"ApiRule {what} {getattr(self, what)!r}: name each one, `*` is not allowed")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Something that can be talked to. Names are unique in a stack; that of a Service is the endpoint's.

    Errors:
        DeclarationError: name, ports or kind do not go together.
    """

    name: str
    at: Pods | Addresses | PublicName
    ports: Sequence[Port]
    scheme: str = ""
    """With it, consumers get a URL too."""
    path: str = ""
    purpose: Purpose = Purpose.REQUESTS
    reverse: tuple[Reverse, str] | None = None
    """Which of the listed reverse edges may lead here, and the reason."""
    credentials: Mapping[str, SecretRef] = field(default_factory=dict[str, SecretRef])
    """File name -> secret, mounted in the consumer at `credentials_dir`."""
    api_rules: Sequence[ApiRule] = ()
    """What a consumer may do with the Kubernetes API: only `kube_api` sets it."""
    requires: Sequence[pulumi.Resource] = ()
    """What must be ready first, beside the workload that offers it."""

    def __post_init__(self) -> None:
        checked_name("Endpoint", self.name)
        if not self.ports:
            raise DeclarationError(f"endpoint {self.name!r} has no port")
        if isinstance(self.at, Pods) and self.at.via is Via.LOAD_BALANCER and self.tier is not TierName.DMZ:
            raise DeclarationError(f"endpoint {self.name!r}: the internet enters dmz only, not {self.tier}")

    @property
    def tier(self) -> TierName | None:
        """The tier that a connection enters, None where it is none."""
        match self.at:
            case Pods():
                return self.at.tier.tier
            case Addresses():
                return self.at.tier
            case PublicName():
                return self.at.proxy.tier

    @property
    def credentials_dir(self) -> str:
        """Where a consumer finds the credentials, a file each."""
        return f"/run/secrets/{self.name}"

    def late(self, reason: str) -> "Late":
        """For a consumer that starts without waiting for this endpoint, and works degraded until it answers."""
        return Late(endpoint=self, reason=reason)

    def refusal(self, consumer: Tier) -> str:
        """Why a workload of that tier may not be handed this endpoint, empty where it may."""
        if isinstance(self.at, Pods) and self.at.via is Via.API_SERVER:
            return "only the cluster's API server calls it"
        by_proxy = self.at.proxy.reverse if isinstance(self.at, PublicName) else None
        reverse = self.reverse or by_proxy
        return refusal(consumer.tier, self.tier, self.purpose, reverse[0] if reverse else None)


@dataclass(frozen=True, kw_only=True)
class Late:
    """An endpoint that its consumer does not wait for."""

    endpoint: Endpoint
    reason: str


@dataclass(frozen=True, kw_only=True)
class Address:
    """What a consumer connects to."""

    host: pulumi.Input[str] | None
    """None: there is no one address: the consumer's own node has it, or each of many."""
    port: int

    @property
    def authority(self) -> pulumi.Output[str]:
        """host:port."""
        return pulumi.Output.format("{0}:{1}", self.host, self.port)


def address(endpoint: Endpoint, port: Port | None = None) -> Address:
    """The address of an endpoint, as a consumer gets it: every one passes through here.

    Args:
        endpoint: what the consumer was handed.
        port: one of its ports; the first by default.
    """
    chosen = port or endpoint.ports[0]
    match endpoint.at:
        case Pods(via=Via.HOST_PORT):
            return Address(host=None, port=chosen.port)
        case Pods(via=via, tier=tier):
            # Behind a headless Service there is no port but the pods' own.
            number = chosen.target if via is Via.HEADLESS else chosen.port
            return Address(host=f"{endpoint.name}.{tier.name}.svc.{DOMAIN}", port=number)
        case Addresses(host=host) | PublicName(host=host):
            return Address(host=host, port=chosen.port)


def kube_api(cluster: Cluster, rules: Sequence[ApiRule]) -> Endpoint:
    """The Kubernetes API, for one controller with exactly these rights: it alone gets a token, and a Role for them."""
    return Endpoint(
        name="kubernetes-api",
        at=Addresses(host=f"kubernetes.default.svc.{DOMAIN}", cidrs=cluster.api_cidrs),
        ports=[Port(name="https", port=443, target=cluster.api_port)],
        scheme="https",
        reverse=(Reverse.KUBERNETES_API, "a controller works on the cluster's own objects"),
        api_rules=rules,
    )

"""An endpoint is a permission: who is handed one may talk to it, and nobody else.

It is declared once. From it follow a consumer's addresses and mounted secrets, both halves of the NetworkPolicy, the
start order and the edge in the graph (`components/workload.py` draws them).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_network
from typing import Literal

import pulumi

from components.base import DeclarationError, checked_name, checked_reason, selector
from components.cluster import DOMAIN, Cluster
from components.tiers import Purpose, Reverse, Tier, TierName, refusal

WIDEST = 16
"""Shortest prefix of a range that a NetworkPolicy opens for a tier behind the DMZ."""


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
    """The name resolves to each of them; to its own workload, as peers, before they are ready too."""
    LOAD_BALANCER = "LoadBalancer"
    """The internet comes in here."""
    HOST_PORT = "host port"
    """Each node has one, at the node's own address: a DaemonSet's."""
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
    """A consumer that shall be let in: through a security group, or with an account of its own."""

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

    def refusal(self, consumer: Tier, purpose: Purpose, reverse: Reverse | None) -> str:
        """Why these addresses may not be opened for a tier, empty where they may: a tier rule sees names, not CIDRs."""
        cluster, networks = consumer.cluster, [ip_network(cidr) for cidr in self.cidrs]
        if not networks:
            return "it has no addresses"
        if reverse is Reverse.KUBERNETES_API and list(self.cidrs) != list(cluster.api_cidrs):
            return "these are not the addresses of the Kubernetes API: use `kube_api`"
        if purpose is Purpose.METRICS and self.tier is None and list(self.cidrs) != list(cluster.node_cidrs):
            return "outside of all tiers, metrics are read of the cluster's nodes only"
        if consumer.tier is TierName.DMZ or reverse is Reverse.KUBERNETES_API:
            return ""
        for network in networks:
            if network.prefixlen < WIDEST or not network.is_private:
                return f"{network} is not a private range of at most /{WIDEST}: only dmz leaves for the internet"
        return ""


@dataclass(frozen=True, kw_only=True)
class PublicName:
    """Where an endpoint is that has only a name: callers go by the egress proxy, which lets them have that name."""

    host: str
    proxy: "Endpoint"

    def __post_init__(self) -> None:
        if not isinstance(self.proxy.at, Pods):
            raise DeclarationError(f"{self.host}: its proxy {self.proxy.name!r} is no workload of this stack")


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
            listed: Sequence[str] = getattr(self, what)
            if not listed or "*" in listed or isinstance(listed, str):
                raise DeclarationError(f"ApiRule {what} {listed!r}: list each one by name, `*` is not allowed")


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
    accounts: Callable[[Admission], Mapping[str, SecretRef]] | None = None
    """Opens an account of its own for each consumer, and returns its credentials: they are mounted with the others."""
    api_rules: Sequence[ApiRule] = ()
    """What a consumer may do with the Kubernetes API: only `kube_api` sets it."""
    requires: Sequence[pulumi.Resource] = ()
    """What must be ready first, beside the workload that offers it."""

    def __post_init__(self) -> None:
        checked_name("Endpoint", self.name)
        if not self.ports or len({port.name for port in self.ports}) < len(self.ports):
            raise DeclarationError(f"endpoint {self.name!r}: it needs a port, and each a name of its own")
        if self.reverse:
            checked_reason(f"the reverse edge to {self.name!r}", self.reverse[1])
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

    @property
    def terms(self) -> str:
        """What it opens, as text: two declarations of one name must agree in it."""
        where = (
            (self.at.workload, self.at.tier.name, self.at.via, dict(self.at.also))
            if isinstance(self.at, Pods)
            else self.at
        )
        return repr((where, tuple(self.ports), self.purpose, self.reverse))

    def late(self, reason: str) -> "Late":
        """For a consumer that starts without waiting for this endpoint, and works degraded until it answers."""
        return Late(endpoint=self, reason=reason)

    def refusal(self, consumer: Tier) -> str:
        """Why a workload of that tier may not be handed this endpoint, empty where it may."""
        if isinstance(self.at, Pods) and self.at.via is Via.API_SERVER:
            return "only the cluster's API server calls it"
        reverse = self._reverse
        if isinstance(self.at, Addresses) and (why := self.at.refusal(consumer, self.purpose, reverse)):
            return why
        return refusal(consumer.tier, self.tier, self.purpose, reverse)

    def reverse_reason(self, consumer: Tier) -> str:
        """The reason of the reverse edge, empty where the consumer's tier enters this one anyway."""
        against = refusal(consumer.tier, self.tier, self.purpose, None)
        return self.reverse[1] if against and self.reverse else ""

    @property
    def _reverse(self) -> Reverse | None:
        listed = self.at.proxy.reverse if isinstance(self.at, PublicName) else self.reverse
        return listed[0] if listed else None


@dataclass(frozen=True, kw_only=True)
class Late:
    """An endpoint that its consumer does not wait for."""

    endpoint: Endpoint
    reason: str

    def __post_init__(self) -> None:
        checked_reason(f"starting without {self.endpoint.name!r}", self.reason)


def kube_api(cluster: Cluster, rules: Sequence[ApiRule]) -> Endpoint:
    """The Kubernetes API, for one controller with exactly these rights: it alone gets a token, and a Role for them.

    Errors:
        DeclarationError: no rights.
    """
    if not rules:
        raise DeclarationError("kube_api without rules: name the rights that the controller needs")
    return Endpoint(
        name="kubernetes-api",
        at=Addresses(host=f"kubernetes.default.svc.{DOMAIN}", cidrs=cluster.api_cidrs),
        ports=[Port(name="https", port=443, target=cluster.api_port)],
        scheme="https",
        reverse=(Reverse.KUBERNETES_API, "a controller works on the cluster's own objects"),
        api_rules=rules,
    )

"""Network tiers (N1-N5): in a cluster, namespaces that nothing enters or leaves unless an endpoint says so.

The only place, beside the workload, where NetworkPolicies are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from typing import ClassVar, Literal

import pulumi
from pulumi_kubernetes import core, meta, networking
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components.base import Component, DeclarationError, checked_name, checked_reason, labels
from components.cluster import Cluster


class TierName(StrEnum):
    """N1-N5."""

    DMZ = "dmz"
    FRONTEND = "frontend"
    BACKEND = "backend"
    DATA = "data"
    MANAGEMENT = "management"


class Purpose(Enum):
    """What an endpoint is for: management may read metrics in every tier, every tier may send telemetry to it."""

    REQUESTS = "requests"
    METRICS = "metrics"
    TELEMETRY = "telemetry"


_ANY = frozenset(TierName)
_NEXT = {TierName.DMZ: TierName.FRONTEND, TierName.FRONTEND: TierName.BACKEND, TierName.BACKEND: TierName.DATA}
"""The tier that each may enter."""


class Reverse(Enum):
    """The whole list of edges against the order of the tiers: who may, into which."""

    EGRESS_PROXY = ("egress-proxy", _ANY, TierName.DMZ)
    TOKEN_ISSUER = ("token-issuer", frozenset({TierName.BACKEND, TierName.MANAGEMENT}), TierName.FRONTEND)
    API_GATEWAY = ("api-gateway", frozenset({TierName.BACKEND}), TierName.FRONTEND)
    OWN_DATABASE = ("own-database", frozenset({TierName.FRONTEND}), TierName.DATA)
    KUBERNETES_API = ("kubernetes-api", _ANY, None)

    def allows(self, consumer: TierName, target: TierName | None) -> bool:
        """Whether this kind of edge leads from one tier to another; None is outside of all tiers."""
        _, consumers, own = self.value
        return consumer in consumers and target is own


def refusal(consumer: TierName, target: TierName | None, purpose: Purpose, reverse: Reverse | None) -> str:
    """Why a workload of one tier may not be handed an endpoint of another, empty where it may."""
    if target is consumer or (target is not None and _NEXT.get(consumer) is target):
        return ""
    if reverse is not None and reverse.allows(consumer, target):
        return ""
    if target is None and consumer is TierName.DMZ:
        return ""  # it is the tier that touches the outside
    if purpose is Purpose.METRICS and consumer is TierName.MANAGEMENT:
        return ""
    if purpose is Purpose.TELEMETRY and target is TierName.MANAGEMENT:
        return ""
    enters = _NEXT.get(consumer)
    allowed = f"enters {enters} only" if enters else "enters no tier"
    kinds = ", ".join(kind.value[0] for kind in Reverse if kind.allows(consumer, target))
    listed = f"; a reverse edge could be {kinds}" if kinds else "; no reverse edge of the list leads there"
    return f"{consumer} {allowed}{listed}"


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """Why something is let off a rule, who answers for it, and until when."""

    owner: str
    reason: str
    expires: date

    def __post_init__(self) -> None:
        for what in (self.owner, self.reason):
            checked_reason("an exemption", what)


@dataclass(frozen=True, kw_only=True)
class TierArgs:
    """What makes one closed namespace differ from another."""

    cluster: Cluster
    tier: TierName
    level: Literal["restricted", "baseline", "privileged"] = "restricted"
    """Pod Security level that the API server enforces."""
    exemption: Exemption | None = None
    """For every level but the first: such a namespace is one of its own, beside the tier's."""
    keep: bool = False
    """Whether the namespace stays when the stack is destroyed, and with it the volumes that are claimed in it."""


class Tier(Component):
    """`code:foundation:Tier`: one closed namespace of a tier.

    Children: the Namespace (Pod Security enforced), a NetworkPolicy that closes it in both directions, and one that
    lets its pods ask the cluster's name service.

    Args:
        name: The namespace's name.
        args: Which tier, in which cluster.

    Outputs:
        namespace: Name of the namespace, known once it is closed.

    Errors:
        DeclarationError: a level below `restricted` without an exemption.
    """

    TYPE: ClassVar[str] = "code:foundation:Tier"
    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked_name("Namespace", name)
        if (args.level == "restricted") != (args.exemption is None):
            raise DeclarationError(
                f"namespace {name!r}: Pod Security level {args.level!r} "
                + ("needs no exemption" if args.exemption else "needs an exemption (owner, reason, expires)")
            )
        super().__init__(name, opts)
        self.name = name
        self.tier = args.tier
        self.level = args.level
        self.cluster = args.cluster
        namespace = core.v1.Namespace(
            f"{name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(
                name=name,
                labels={
                    **labels(name, "tier"),
                    "tier.code/name": args.tier,
                    "pod-security.kubernetes.io/enforce": args.level,
                    "pod-security.kubernetes.io/enforce-version": "latest",
                },
                annotations=_exemption(args.exemption),
            ),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.keep or None),
        )
        inside = namespace.metadata.name
        closed = networking.v1.NetworkPolicy(
            f"{name}-closed",
            metadata=_named("closed", "tier", inside),
            spec=NetworkPolicySpecArgs(pod_selector=meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]),
            opts=self.child,
        )
        leave(f"{name}-dns", "dns", inside, {}, [([DNS], _DNS_PORTS)], opts=self.child)
        # Whoever is handed the namespace also waits for what closes it: no pod runs in an open tier.
        self.namespace = pulumi.Output.all(inside, closed.metadata.name).apply(_first)
        self.register_outputs({"namespace": self.namespace})


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """The five closed namespaces of a cluster."""

    dmz: Tier
    frontend: Tier
    backend: Tier
    data: Tier
    management: Tier


def close_tiers(cluster: Cluster, prefix: str = "mcp", *, keep_data: bool = False) -> Tiers:
    """Make the namespaces of N1-N5: `mcp-dmz` and so on.

    Args:
        cluster: where.
        prefix: of their names.
        keep_data: whether that of the data tier stays when the stack is destroyed.
    """

    def close(tier: TierName) -> Tier:
        keep = keep_data and tier is TierName.DATA
        return Tier(f"{prefix}-{tier}", TierArgs(cluster=cluster, tier=tier, keep=keep))

    return Tiers(**{tier.value: close(tier) for tier in TierName})


Rule = tuple[Sequence[NetworkPolicyPeerArgs], Sequence[tuple[int, str]]]
"""Peers, and the ports (number, protocol) for them. No peers: anybody."""


def pods(namespace: pulumi.Input[str], match: dict[str, str]) -> NetworkPolicyPeerArgs:
    """Pods of a namespace as a peer."""
    return NetworkPolicyPeerArgs(
        namespace_selector=meta.v1.LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": namespace}),
        pod_selector=meta.v1.LabelSelectorArgs(match_labels=match),
    )


def addresses(cidrs: Sequence[str]) -> list[NetworkPolicyPeerArgs]:
    """Addresses outside of the pod network as peers."""
    return [NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr)) for cidr in cidrs]


def leave(
    resource: str,
    name: str,
    namespace: pulumi.Input[str],
    match: dict[str, str],
    rules: Sequence[Rule],
    opts: pulumi.ResourceOptions,
) -> networking.v1.NetworkPolicy:
    """The leaving half: what the pods that match may open connections to."""
    return networking.v1.NetworkPolicy(
        resource,
        metadata=_named(name, "permission", namespace),
        spec=NetworkPolicySpecArgs(
            pod_selector=meta.v1.LabelSelectorArgs(match_labels=match),
            policy_types=["Egress"],
            egress=[NetworkPolicyEgressRuleArgs(to=list(to), ports=_ports(ports)) for to, ports in rules],
        ),
        opts=opts,
    )


def enter(
    resource: str,
    name: str,
    namespace: pulumi.Input[str],
    match: dict[str, str],
    rule: Rule,
    opts: pulumi.ResourceOptions,
) -> networking.v1.NetworkPolicy:
    """The entering half: who may open connections to the pods that match."""
    peers, ports = rule
    return networking.v1.NetworkPolicy(
        resource,
        metadata=_named(name, "permission", namespace),
        spec=NetworkPolicySpecArgs(
            pod_selector=meta.v1.LabelSelectorArgs(match_labels=match),
            policy_types=["Ingress"],
            ingress=[NetworkPolicyIngressRuleArgs(from_=list(peers) or None, ports=_ports(ports))],
        ),
        opts=opts,
    )


DNS = pods("kube-system", {"k8s-app": "kube-dns"})
"""The cluster's name service, where every cluster has it."""
_DNS_PORTS = ((53, "UDP"), (53, "TCP"))


def _ports(ports: Sequence[tuple[int, str]]) -> list[NetworkPolicyPortArgs]:
    return [NetworkPolicyPortArgs(port=number, protocol=protocol) for number, protocol in ports]


def _named(name: str, component: str, namespace: pulumi.Input[str]) -> meta.v1.ObjectMetaArgs:
    return meta.v1.ObjectMetaArgs(name=name, namespace=namespace, labels=labels(name, component))


def _exemption(exemption: Exemption | None) -> dict[str, pulumi.Input[str]] | None:
    if exemption is None:
        return None
    return {
        "exemption.code/owner": exemption.owner,
        "exemption.code/reason": exemption.reason,
        "exemption.code/expires": exemption.expires.isoformat(),
    }


def _first(names: Sequence[str]) -> str:
    return names[0]

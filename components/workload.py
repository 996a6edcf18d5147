"""The only way to a pod: what a service may reach, what it offers, and how it runs, declared once.

From `offers` and `connects` follow Services, environment, mounted secrets, both halves of the NetworkPolicy, rights on
the Kubernetes API, the start order and the edges of the graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, cast

import pulumi
from pulumi_kubernetes import core, meta

from catalog.model import Resources, Zone
from components import connections, controllers, rights
from components.base import Component, DeclarationError, checked_name, labels
from components.endpoint import Endpoint, Late, Pods, Via
from components.graph import Node
from components.images import by_digest
from components.kinds import CronJob, DaemonSet, Deployment, Job, Kind, StatefulSet
from components.mounts import Mount
from components.pod import DRAIN_S, Health, PodSpec, Sidecar, template
from components.services import container_ports, make_services
from components.tiers import Tier


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """What makes one workload differ from another."""

    tier: Tier
    component: str
    """Its role: edge, mcp-server."""
    kind: Kind = field(default_factory=Deployment)
    image: pulumi.Input[str]
    """By digest."""
    command: Sequence[str] = ()
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Never a secret: those come mounted, with an endpoint's credentials."""
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Of its pods: other ones are other pods."""
    offers: Sequence[Endpoint] = ()
    connects: Sequence[Endpoint | Late] = ()
    health: Health | None = None
    """Required for what runs without end, and only there."""
    resources: Resources
    zone: Zone | None = None
    """Required, but for a DaemonSet, which is on every node."""
    mounts: Sequence[Mount] = ()
    sidecars: Sequence[Sidecar] = ()
    beside: str = ""
    """A pod with a name of its own, on whose machine this one must run: it shares a volume with it."""
    stop_s: int = 30
    """Seconds that it is given to end."""


class Workload(Component):
    """`code:base:Workload`: one service: its pods and all that belongs to them.

    Children: a ServiceAccount (without a token, unless it connects to the Kubernetes API: then with Roles of exactly
    the declared rights), the Deployment, StatefulSet, DaemonSet, CronJob or Job, a Service for each offered endpoint, a
    PodDisruptionBudget where there is more than one replica, a NetworkPolicy with all that it may reach, one for each
    endpoint it was handed that lets it in there, a Secret for each endpoint with credentials.

    Args:
        name: Also the objects' name: see `docs/adr/0006-fixed-names.md`.
        args: What runs, and with what.

    Outputs:
        ready: What stands for it being ready, for an endpoint's `requires`.
        revision: Tells one pod template from another.

    Errors:
        DeclarationError: names, tiers or start order do not go together.
    """

    TYPE: ClassVar[str] = "code:base:Workload"
    ready: Sequence[pulumi.Resource]
    revision: pulumi.Output[str]

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        _check(name, args)
        wanted = connections.expanded(args.connects)
        graph = args.tier.cluster.graph
        edges = connections.edges(name, args.tier, args.offers, wanted)
        graph.add(_node(name, args), {endpoint.name: endpoint.terms for endpoint in args.offers}, edges)
        super().__init__(name, opts)
        consumer = connections.Consumer(name=name, tier=args.tier, component=args.component, parent=self)
        named = meta.v1.ObjectMetaArgs(name=name, namespace=args.tier.namespace, labels=labels(name, args.component))
        account = core.v1.ServiceAccount(
            f"{name}-account", metadata=named, automount_service_account_token=False, opts=self.child
        )
        granted = rights.grant(consumer, account, [rule for entry in wanted for rule in entry.endpoint.api_rules])
        opened = connections.open_ways(consumer, args.offers, wanted)
        mounted, env = connections.handed_over(consumer, wanted)
        pod = PodSpec(
            name=name,
            labels=labels(name, args.component),
            annotations=args.annotations,
            account=account.metadata.name,
            token=bool(granted),
            image=by_digest(args.image),
            command=args.command,
            env=connections.merged(name, env, args.env),
            ports=container_ports(args.offers),
            health=args.health,
            resources=args.resources,
            requests_scale=args.tier.cluster.requests_scale,
            zone=args.zone,
            mounts=[*args.mounts, *mounted],
            stop_s=args.stop_s,
            restart="Never" if isinstance(args.kind, CronJob | Job) else "Always",
            claims={c.name: c.path for c in args.kind.claims} if isinstance(args.kind, StatefulSet) else {},
            sidecars=args.sidecars,
            beside=args.beside,
        )
        first: list[pulumi.Input[pulumi.Resource]] = [*connections.requirements(graph, wanted), *granted, *opened]
        if isinstance(args.kind, Job) and args.kind.follows:
            first.append(cast("pulumi.Output[pulumi.Resource]", graph.after_consumers(*args.kind.follows)))
        after = pulumi.ResourceOptions(parent=self, depends_on=first)
        made = controllers.controller(name, args.kind, named, _headless(args.offers), template(pod), after)
        controllers.budget(name, args.kind, named, self.child)
        peers = {entry.endpoint.name for entry in wanted}
        self._name, self._graph = name, graph
        self.ready = [made, *make_services(args.offers, peers, args.component, self.child)]
        self.revision = controllers.revision(made)
        graph.settle(name, self.ready)
        self.register_outputs({})

    def led_by(self, job: "Workload") -> None:
        """Who waits for this StatefulSet from now on also waits for the Job that replaces its pods."""
        self.ready = [*self.ready, *job.ready]
        self._graph.settle(self._name, self.ready)


def _check(name: str, args: WorkloadArgs) -> None:
    kind = type(args.kind).__name__
    checked_name(kind if kind in ("CronJob", "StatefulSet") else "Workload", name)
    endless = isinstance(args.kind, Deployment | StatefulSet | DaemonSet)
    if endless != (args.health is not None):
        raise DeclarationError(f"{kind} {name!r}: " + ("health is missing" if endless else "it ends: it has no health"))
    if not endless and args.offers:
        raise DeclarationError(f"{kind} {name!r}: it ends: it offers nothing")
    if args.stop_s <= DRAIN_S:
        raise DeclarationError(f"{kind} {name!r}: stop_s {args.stop_s} leaves no time after {DRAIN_S} s of draining")
    if (args.zone is None) != isinstance(args.kind, DaemonSet):
        raise DeclarationError(f"{kind} {name!r}: a DaemonSet is on every node, all else is in a zone")
    if isinstance(args.kind, StatefulSet) and not _headless(args.offers):
        raise DeclarationError(f"StatefulSet {name!r} offers no headless endpoint, which gives its pods their names")
    for endpoint in args.offers:
        at = endpoint.at
        if not isinstance(at, Pods) or at.workload != name or at.tier is not args.tier:
            raise DeclarationError(
                f"workload {name!r} in {args.tier.name!r} offers {endpoint.name!r}, which is declared for another"
            )
        if at.via is Via.HOST_PORT and not isinstance(args.kind, DaemonSet):
            raise DeclarationError(f"{kind} {name!r}: only a DaemonSet has a pod behind each node's {endpoint.name!r}")
        if at.via is Via.HOST_PORT and args.tier.level != "privileged":
            raise DeclarationError(
                f"{kind} {name!r}: {args.tier.name!r} forbids host ports: use a privileged namespace"
            )


def _node(name: str, args: WorkloadArgs) -> Node:
    match args.kind:
        case Deployment(replicas=count) | StatefulSet(replicas=count):
            replicas = str(count)
        case DaemonSet():
            replicas = "each node"
        case CronJob() | Job():
            replicas = "1"
    return Node(
        name=name, kind=type(args.kind).__name__, tier=args.tier.tier, zone=args.zone or "every", replicas=replicas
    )


def _headless(offers: Sequence[Endpoint]) -> str:
    return next((e.name for e in offers if isinstance(e.at, Pods) and e.at.via is Via.HEADLESS), "")

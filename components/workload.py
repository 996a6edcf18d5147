"""The only way to a pod: what a service may reach, what it offers, and how it runs, declared once.

From `offers` and `connects` follow Services, environment, mounted secrets, both halves of the NetworkPolicy, rights on
the Kubernetes API, the start order and the edges of the graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
from pulumi_kubernetes import apps, batch, core, meta, policy
from pulumi_kubernetes.core.v1 import (
    PersistentVolumeClaimArgs,
    PersistentVolumeClaimSpecArgs,
    PodTemplateSpecArgs,
    VolumeResourceRequirementsArgs,
)

from catalog.model import Resources, Zone
from components import connections, rights
from components.base import Component, DeclarationError, checked_name, labels, selector
from components.endpoint import Endpoint, Late, Pods, Via
from components.graph import Node
from components.images import by_digest
from components.kinds import Claim, CronJob, DaemonSet, Deployment, Job, Kind, Scaled, StatefulSet
from components.pod import DRAIN_S, Health, Mount, PodSpec, template
from components.services import container_ports, make_services
from components.tiers import Tier

_GRACE_S = 60
"""Seconds that a job's end may take to be seen."""


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
    offers: Sequence[Endpoint] = ()
    connects: Sequence[Endpoint | Late] = ()
    health: Health | None = None
    """Required for what runs without end, and only there."""
    resources: Resources
    zone: Zone | None = None
    """Required, but for a DaemonSet, which is on every node."""
    mounts: Sequence[Mount] = ()
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

    Errors:
        DeclarationError: names, tiers or start order do not go together.
    """

    TYPE: ClassVar[str] = "code:base:Workload"

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
        )
        first = [*connections.requirements(graph, wanted), *granted, *opened]
        after = pulumi.ResourceOptions(parent=self, depends_on=first)
        controller = _controller(name, args, named, template(pod), after)
        _budget(name, args.kind, named, self.child)
        peers = {entry.endpoint.name for entry in wanted}
        graph.settle(name, [controller, *make_services(args.offers, peers, args.component, self.child)])
        self.register_outputs({})


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


def _controller(
    name: str,
    args: WorkloadArgs,
    named: meta.v1.ObjectMetaArgs,
    pods: PodTemplateSpecArgs,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    chosen = meta.v1.LabelSelectorArgs(match_labels=selector(name))
    match args.kind:
        case Deployment(replicas=count, recreate=recreate):
            spec = apps.v1.DeploymentSpecArgs(
                # Left out where a scaler owns it: it would be set back at every update.
                replicas=None if isinstance(count, Scaled) else count,
                strategy=apps.v1.DeploymentStrategyArgs(type="Recreate") if recreate else None,
                selector=chosen,
                template=pods,
            )
            return apps.v1.Deployment(f"{name}-deployment", metadata=named, spec=spec, opts=opts)
        case StatefulSet() as kind:
            spec = apps.v1.StatefulSetSpecArgs(
                replicas=kind.replicas,
                service_name=_headless(args.offers),
                pod_management_policy="Parallel" if kind.parallel else "OrderedReady",
                persistent_volume_claim_retention_policy=(
                    apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(
                        when_deleted="Retain", when_scaled="Retain"
                    )
                ),
                selector=chosen,
                template=pods,
                volume_claim_templates=[_claim(name, claim) for claim in kind.claims],
            )
            return apps.v1.StatefulSet(f"{name}-statefulset", metadata=named, spec=spec, opts=opts)
        case DaemonSet():
            spec = apps.v1.DaemonSetSpecArgs(selector=chosen, template=pods)
            return apps.v1.DaemonSet(f"{name}-daemonset", metadata=named, spec=spec, opts=opts)
        case Job() as kind:
            spec = batch.v1.JobSpecArgs(
                template=pods, backoff_limit=kind.retries, active_deadline_seconds=kind.deadline_s
            )
            # It is waited for, to its deadline and not to the provider's.
            patience = f"{kind.deadline_s + _GRACE_S}s"
            timeouts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience))
            opts = pulumi.ResourceOptions.merge(opts, timeouts)
            return batch.v1.Job(f"{name}-job", metadata=named, spec=spec, opts=opts)
        case CronJob() as kind:
            spec = batch.v1.CronJobSpecArgs(
                schedule=kind.schedule,
                concurrency_policy="Forbid",
                job_template=batch.v1.JobTemplateSpecArgs(
                    spec=batch.v1.JobSpecArgs(template=pods, backoff_limit=0, active_deadline_seconds=kind.deadline_s)
                ),
            )
            return batch.v1.CronJob(f"{name}-cronjob", metadata=named, spec=spec, opts=opts)


def _claim(name: str, claim: Claim) -> PersistentVolumeClaimArgs:
    return PersistentVolumeClaimArgs(
        # It can never be changed: nothing in it may be what is changed one day.
        metadata=meta.v1.ObjectMetaArgs(name=claim.name, labels=selector(name)),
        spec=PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            resources=VolumeResourceRequirementsArgs(requests={"storage": claim.size}),
        ),
    )


def _budget(name: str, kind: Kind, named: meta.v1.ObjectMetaArgs, opts: pulumi.ResourceOptions) -> None:
    if not isinstance(kind, Deployment | StatefulSet):
        return
    most = kind.replicas.max if isinstance(kind.replicas, Scaled) else kind.replicas
    if most > 1:
        policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata=named,
            spec=policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1,
                # A pod that does not work anyway does not keep a node from being emptied.
                unhealthy_pod_eviction_policy="AlwaysAllow",
                selector=meta.v1.LabelSelectorArgs(match_labels=selector(name)),
            ),
            opts=opts,
        )

"""The only way to a pod: hardened by construction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes import apps, core, meta, policy
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    ServicePortArgs,
    ServiceSpecArgs,
    TCPSocketActionArgs,
    TopologySpreadConstraintArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from components.labels import labels, selector

USER = 65532
"""User and group of every container: `nobody` of the distroless images, and of ours in `images/`."""

SCRATCH_MIB = 64
"""Size limit of the writable /tmp that each container has beside its read-only root."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of a workload: pods listen on `target`, its Service on `port`."""

    name: str
    port: int
    target: int


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A volume and the folder it is seen at."""

    path: str
    volume: VolumeArgs
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """What makes one workload differ from another."""

    namespace: pulumi.Input[str]
    component: str
    """Its role: edge, mcp-server."""
    image: pulumi.Input[str]
    """By digest."""
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: Sequence[Port]
    health_port: int
    health_path: str | None
    """Path that answers 200 while it works; None: an open port has to do."""
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    zone: str
    """Pods run on nodes with the label `zone.code/<zone>: "true"`."""
    replicas: int = 1
    service_type: str = "ClusterIP"
    mounts: Sequence[Mount] = ()


class Workload(pulumi.ComponentResource):
    """`code:base:Workload`: a Deployment behind a Service.

    Children: ServiceAccount (no rights, no token in the pod), Deployment, Service, and a PodDisruptionBudget where
    there is more than one replica.

    Args:
        name: Also the objects' name: see `docs/adr/0006-fixed-names.md`.
        args: What runs, and with what.

    Outputs:
        service: The Service, once its pods are ready.
    """

    service: core.v1.Service

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("code:base:Workload", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        own = labels(name, args.component)
        named = meta.v1.ObjectMetaArgs(name=name, namespace=args.namespace, labels=own)
        account = core.v1.ServiceAccount(
            f"{name}-account",
            metadata=named,
            automount_service_account_token=False,
            opts=child,
        )
        apps.v1.Deployment(
            f"{name}-deployment",
            metadata=named,
            spec=apps.v1.DeploymentSpecArgs(
                replicas=args.replicas,
                selector=meta.v1.LabelSelectorArgs(match_labels=selector(name)),
                template=PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=own), spec=_pod(name, args, account.metadata.name)
                ),
            ),
            opts=child,
        )
        if args.replicas > 1:
            policy.v1.PodDisruptionBudget(
                f"{name}-budget",
                metadata=named,
                spec=policy.v1.PodDisruptionBudgetSpecArgs(
                    max_unavailable=1, selector=meta.v1.LabelSelectorArgs(match_labels=selector(name))
                ),
                opts=child,
            )
        self.service = core.v1.Service(
            f"{name}-service",
            metadata=named,
            spec=ServiceSpecArgs(
                type=args.service_type,
                selector=selector(name),
                ports=[ServicePortArgs(name=p.name, port=p.port, target_port=p.name) for p in args.ports],
            ),
            opts=child,
        )
        self.register_outputs({"service": self.service.metadata.name})


def _pod(name: str, args: WorkloadArgs, account: pulumi.Input[str]) -> PodSpecArgs:
    mounts = [Mount(path="/tmp", volume=_scratch(), read_only=False), *args.mounts]  # noqa: S108 (the pod's own, not the host's)
    return PodSpecArgs(
        service_account_name=account,
        automount_service_account_token=False,
        enable_service_links=False,
        # The pod's pause is process 1, not the server: a server that handles no SIGTERM ends at once instead of
        # being killed after the 30 s of grace.
        share_process_namespace=True,
        security_context=PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
        ),
        node_selector={f"zone.code/{args.zone}": "true"},
        topology_spread_constraints=[
            TopologySpreadConstraintArgs(
                max_skew=1,
                topology_key="topology.kubernetes.io/zone",
                when_unsatisfiable="ScheduleAnyway",
                label_selector=meta.v1.LabelSelectorArgs(match_labels=selector(name)),
            )
        ],
        containers=[_container(name, args, mounts)],
        volumes=[mount.volume for mount in mounts],
    )


def _container(name: str, args: WorkloadArgs, mounts: Sequence[Mount]) -> ContainerArgs:
    return ContainerArgs(
        name=name,
        image=args.image,
        command=list(args.command) or None,
        env=[EnvVarArgs(name=key, value=value) for key, value in sorted(args.env.items())],
        ports=[ContainerPortArgs(name=p.name, container_port=p.target) for p in args.ports],
        # Slow to start is not dead: liveness begins once the start-up probe has passed (at most 60 s).
        startup_probe=_probe(args, period_s=1, failures=60),
        readiness_probe=_probe(args, period_s=5, failures=3),
        liveness_probe=_probe(args, period_s=10, failures=3),
        resources=ResourceRequirementsArgs(requests=dict(args.requests), limits=dict(args.limits)),
        security_context=SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=CapabilitiesArgs(drop=["ALL"]),
        ),
        volume_mounts=[
            # Never `false`: the API server does not store it, and takes one who applies it again for a second owner.
            VolumeMountArgs(name=mount.volume.name, mount_path=mount.path, read_only=mount.read_only or None)
            for mount in mounts
        ],
    )


def _probe(args: WorkloadArgs, *, period_s: int, failures: int) -> ProbeArgs:
    path, port = args.health_path, args.health_port
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=port) if path is not None else None,
        tcp_socket=TCPSocketActionArgs(port=port) if path is None else None,
        period_seconds=period_s,
        failure_threshold=failures,
        timeout_seconds=5,
    )


def _scratch() -> VolumeArgs:
    return VolumeArgs(name="scratch", empty_dir=EmptyDirVolumeSourceArgs(size_limit=f"{SCRATCH_MIB}Mi"))

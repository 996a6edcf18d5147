"""The one pod template: hardened by construction. Only `components/workload.py` makes pods of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pulumi
from pulumi_kubernetes import meta
from pulumi_kubernetes.core.v1 import (
    AffinityArgs,
    CapabilitiesArgs,
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    ObjectFieldSelectorArgs,
    PodAffinityArgs,
    PodAffinityTermArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    SleepActionArgs,
    TCPSocketActionArgs,
    TolerationArgs,
    VolumeMountArgs,
)

from catalog.model import Resources, Zone, scaled_cpu
from components.base import DeclarationError
from components.images import by_digest
from components.mounts import Mount, scratch_mount
from components.zones import node_selector, spread

USER = 65532
"""User and group of every container: `nobody` of the distroless images, and of ours in `images/`."""

SCRATCH_MIB = 64
"""Size limit of the writable /tmp that each container has beside its read-only root."""

DRAIN_S = 3
"""Seconds that a pod goes on serving after it was taken out of its Services: nobody hears of that at once."""


@dataclass(frozen=True, kw_only=True)
class Http:
    """Healthy is who answers 2xx or 3xx on this path."""

    port: int
    path: str
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"


@dataclass(frozen=True, kw_only=True)
class Tcp:
    """Healthy is who has the port open."""

    port: int


@dataclass(frozen=True, kw_only=True)
class Exec:
    """Healthy is where this command ends with 0."""

    command: Sequence[str]


Probe = Http | Tcp | Exec


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a container shows that it lives, and that it is ready to be called."""

    live: Probe
    ready: Probe | None = None
    """None: as `live`."""
    starts_s: int = 60
    """Seconds within which a container must pass its first probe."""


@dataclass(frozen=True, kw_only=True)
class ContainerPort:
    """A port that the container listens on, and the node's that leads to it."""

    number: int
    protocol: str
    host: int | None


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A further container of a pod: it has the pod's volumes, environment and secrets."""

    name: str
    image: pulumi.Input[str]
    """By digest."""
    command: Sequence[str]
    health: Health
    resources: Resources


@dataclass(frozen=True, kw_only=True)
class PodSpec:
    """What makes one pod differ from another."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, pulumi.Input[str]]
    account: pulumi.Input[str]
    token: bool
    """Whether the account's token is mounted."""
    image: pulumi.Input[str]
    command: Sequence[str]
    env: Mapping[str, pulumi.Input[str] | None]
    """None: the address of the pod's node."""
    ports: Sequence[ContainerPort]
    health: Health | None
    resources: Resources
    requests_scale: float
    zone: Zone | None
    """None: every node."""
    mounts: Sequence[Mount]
    stop_s: int
    restart: Literal["Always", "Never"] = "Always"
    claims: Mapping[str, str] = field(default_factory=dict[str, str])
    """Volumes that the workload claims for each pod: name -> folder."""
    sidecars: Sequence[Sidecar] = ()
    beside: str = ""
    """The pod on whose machine it must run."""


def template(pod: PodSpec) -> PodTemplateSpecArgs:
    """The pod template of a workload.

    Errors:
        DeclarationError: two volumes have one name, or one place.
    """
    mounts = [scratch_mount("/tmp", f"{SCRATCH_MIB}Mi", "scratch"), *pod.mounts]  # noqa: S108 (the pod's own, not the host's)
    _refuse_twins(f"volume of {pod.name!r}", [*(str(mount.volume.name) for mount in mounts), *pod.claims])
    _refuse_twins(f"mount of {pod.name!r} at", [*(mount.path for mount in mounts), *pod.claims.values()])
    return PodTemplateSpecArgs(
        metadata=meta.v1.ObjectMetaArgs(labels=pod.labels, annotations=pod.annotations or None),
        spec=PodSpecArgs(
            service_account_name=pod.account,
            automount_service_account_token=pod.token,
            enable_service_links=False,
            # The pod's pause is process 1, not the server: a server that handles no SIGTERM ends at once instead of
            # being killed after its grace.
            share_process_namespace=True,
            security_context=PodSecurityContextArgs(
                run_as_non_root=True,
                run_as_user=USER,
                run_as_group=USER,
                fs_group=USER,
                # A large volume is not walked through at each start.
                fs_group_change_policy="OnRootMismatch",
                seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
            ),
            node_selector=node_selector(pod.zone) if pod.zone else None,
            affinity=_beside_pod(pod.beside) if pod.beside else None,
            tolerations=[TolerationArgs(operator="Exists")] if pod.zone is None else None,
            topology_spread_constraints=spread(pod.name) if pod.zone else None,
            termination_grace_period_seconds=pod.stop_s,
            restart_policy=pod.restart,
            containers=[_container(pod, mounts), *(_container(_beside(pod, own), mounts) for own in pod.sidecars)],
            volumes=[mount.volume for mount in mounts],
        ),
    )


def _container(pod: PodSpec, mounts: Sequence[Mount]) -> ContainerArgs:
    requests, limits = pod.resources.requests, pod.resources.limits
    return ContainerArgs(
        name=pod.name,
        image=pod.image,
        command=list(pod.command) or None,
        # NO_PROXY last: it may refer to the others.
        env=[_env(key, pod.env[key]) for key in sorted(pod.env, key=lambda key: (key.upper() == "NO_PROXY", key))],
        ports=[
            ContainerPortArgs(container_port=port.number, protocol=port.protocol, host_port=port.host)
            for port in pod.ports
        ],
        # Slow to start is not dead: liveness begins once the start-up probe has passed.
        startup_probe=_probe(pod.health.live, period_s=1, failures=pod.health.starts_s) if pod.health else None,
        readiness_probe=_probe(pod.health.ready or pod.health.live, period_s=5, failures=3) if pod.health else None,
        liveness_probe=_probe(pod.health.live, period_s=10, failures=3) if pod.health else None,
        lifecycle=_drain() if pod.ports and pod.health else None,
        resources=ResourceRequirementsArgs(
            requests={"cpu": scaled_cpu(requests.cpu, pod.requests_scale), "memory": requests.memory},
            limits={"cpu": limits.cpu, "memory": limits.memory},
        ),
        security_context=SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=CapabilitiesArgs(drop=["ALL"]),
        ),
        volume_mounts=[
            # Never `false`: the API server does not store it, and takes one who applies it again for a second owner.
            *(
                VolumeMountArgs(name=mount.volume.name, mount_path=mount.path, read_only=mount.read_only or None)
                for mount in mounts
            ),
            *(VolumeMountArgs(name=name, mount_path=path) for name, path in pod.claims.items()),
        ],
    )


def _beside_pod(name: str) -> AffinityArgs:
    named = meta.v1.LabelSelectorArgs(match_labels={"statefulset.kubernetes.io/pod-name": name})
    term = PodAffinityTermArgs(label_selector=named, topology_key="kubernetes.io/hostname")
    return AffinityArgs(pod_affinity=PodAffinityArgs(required_during_scheduling_ignored_during_execution=[term]))


def _beside(pod: PodSpec, own: Sidecar) -> PodSpec:
    """The pod as its sidecar's container sees it."""
    return replace(
        pod,
        name=own.name,
        image=by_digest(own.image),
        command=own.command,
        health=own.health,
        resources=own.resources,
        ports=(),
    )


def _refuse_twins(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"{what} {name!r}: there are two; give each its own")


def _env(name: str, value: pulumi.Input[str] | None) -> EnvVarArgs:
    if value is None:
        host = EnvVarSourceArgs(field_ref=ObjectFieldSelectorArgs(field_path="status.hostIP"))
        return EnvVarArgs(name=name, value_from=host)
    return EnvVarArgs(name=name, value=value)


def _probe(probe: Probe, *, period_s: int, failures: int) -> ProbeArgs:
    return ProbeArgs(
        http_get=_http_get(probe) if isinstance(probe, Http) else None,
        tcp_socket=TCPSocketActionArgs(port=probe.port) if isinstance(probe, Tcp) else None,
        exec_=ExecActionArgs(command=list(probe.command)) if isinstance(probe, Exec) else None,
        period_seconds=period_s,
        failure_threshold=failures,
        timeout_seconds=5,
    )


def _http_get(probe: Http) -> HTTPGetActionArgs:
    # HTTP is the default, which the API server fills in.
    scheme = probe.scheme if probe.scheme != "HTTP" else None
    return HTTPGetActionArgs(path=probe.path, port=probe.port, scheme=scheme)


def _drain() -> LifecycleArgs:
    return LifecycleArgs(pre_stop=LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=DRAIN_S)))

"""The members of a PostgreSQL cluster: Patroni, PostgreSQL 15, its backups' server, its exporter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

from catalog.model import Zone, memory_mib
from components.address import host
from components.configuration import config_files
from components.data.images import DataImages
from components.data.members import metrics
from components.data.objects.store import CIPHER
from components.data.options import Size
from components.data.postgres import access, patroni, pgbackrest
from components.data.postgres.patroni import Members
from components.data.scripts import script
from components.endpoint import ApiRule, Endpoint, kube_api
from components.kinds import Claim, StatefulSet
from components.mounts import Mount, config_mount
from components.pod import Health, Http, Sidecar, Tcp
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

VOLUME_DIR = "/var/lib/postgresql/data"
EXPORTER_PORT = 9187
STARTS_S = 900
"""Seconds that a member may take: a new one copies everything, one that died replays its log."""
STOP_S = 90
"""Seconds for the last checkpoint."""

SCRIPTS = Path(__file__).with_name("scripts")


@dataclass(frozen=True, kw_only=True)
class MembersArgs:
    """What the members of one cluster need."""

    tier: Tier
    images: DataImages
    endpoint: Endpoint
    """Headless; its name is the workload's."""
    backup: Endpoint
    """Where backups are read: headless."""
    members: Members
    repository: pgbackrest.Repository
    bucket: Endpoint
    storage: str
    size: Size
    keep_volumes: bool
    backup_client: str
    """Name of the certificate of who may read a backup."""
    mounts: Sequence[Mount]
    """Certificate and passwords."""


def run_members(args: MembersArgs, opts: pulumi.ResourceOptions) -> Workload:
    """The StatefulSet of a cluster's members.

    Args:
        args: which, and what with.
        opts: the workload's options.
    """
    name, tier = args.members.workload, args.tier
    replicas = args.size.replicas
    files = {
        "patroni.yml": patroni.patroni_yml(args.members),
        "pgbackrest.conf": pgbackrest.member_conf(
            args.repository, queue_mib=_queue_mib(args.storage), client=args.backup_client
        ),
        **scripts(),
    }
    configuration = config_files(name, "postgresql", tier, files, opts)
    exported = metrics(name, tier, EXPORTER_PORT)
    return Workload(
        name,
        WorkloadArgs(
            tier=tier,
            component="postgresql",
            kind=StatefulSet(
                replicas=replicas,
                claims=[Claim(name="data", path=VOLUME_DIR, size=args.storage)],
                led=True,
                keep=args.keep_volumes,
            ),
            image=args.images.postgres,
            command=[
                *("sh", f"{patroni.DIR}/start.sh", patroni.SECRETS, host(args.endpoint)),
                *opened_repository(args.bucket),
                *("sh", f"{patroni.DIR}/reload-on-change.sh", f"{pgbackrest.TLS_DIR}/tls.crt", "HUP"),
                *("patroni", patroni.FILE),
            ],
            env=environment(),
            offers=[args.endpoint, args.backup, exported],
            connects=[args.endpoint, args.bucket, kube_api(tier.cluster, _rights(name, replicas))],
            health=Health(
                live=Http(port=patroni.API_PORT, path="/liveness", scheme="HTTPS"),
                ready=Http(port=patroni.API_PORT, path="/readiness", scheme="HTTPS"),
                starts_s=STARTS_S,
            ),
            resources=args.size.resources,
            zone=Zone.DATA,
            mounts=[config_mount(patroni.DIR, configuration), *args.mounts],
            sidecars=[_exporter(args), _backup_server(args)],
            stop_s=STOP_S,
        ),
        opts=opts,
    )


def scripts() -> dict[str, str]:
    """What pods of this image start with: file name -> text."""
    own = {path.name: path.read_text(encoding="utf-8") for path in sorted(SCRIPTS.glob("*.sh"))}
    return {**own, **script("reload-on-change.sh")}


def environment() -> dict[str, str]:
    """What tells pgBackRest where its configuration is, however it is started."""
    return {"PGBACKREST_CONFIG": f"{patroni.DIR}/pgbackrest.conf"}


def opened_repository(bucket: Endpoint) -> list[str]:
    """The beginning of a command that works with the backups."""
    return ["sh", f"{patroni.DIR}/with-repository.sh", bucket.credentials_dir, f"{bucket.credentials_dir}/{CIPHER}"]


def _exporter(args: MembersArgs) -> Sidecar:
    # By the socket, where the role needs no password: this pod's only.
    source = f"host={pgbackrest.SOCKETS} user={access.EXPORTER} dbname=postgres"
    return Sidecar(
        name="exporter",
        image=args.images.postgres_exporter,
        command=[
            "env",
            f"DATA_SOURCE_NAME={source}",
            "prometheus-postgres-exporter",
            f"--web.listen-address=:{EXPORTER_PORT}",
        ],
        health=Health(live=Http(port=EXPORTER_PORT, path="/"), starts_s=STARTS_S),
        resources=args.size.sidecars["exporter"],
    )


def _backup_server(args: MembersArgs) -> Sidecar:
    return Sidecar(
        name="backup",
        image=args.images.postgres,
        command=[
            *opened_repository(args.bucket),
            *("sh", f"{patroni.DIR}/reload-on-change.sh", f"{pgbackrest.TLS_DIR}/tls.crt", "HUP"),
            *("pgbackrest", "server"),
        ],
        health=Health(live=Tcp(port=pgbackrest.PORT)),
        resources=args.size.sidecars["backup"],
    )


def _queue_mib(storage: str) -> int:
    """A quarter of the volume."""
    return memory_mib(storage) // 4


def _rights(name: str, replicas: int) -> list[ApiRule]:
    """What Patroni does with the cluster's store: its own ConfigMaps and pods; to find them it lists all."""
    objects = [f"{name}-{suffix}" for suffix in ("config", "failover", "leader", "sync")]
    pods = [f"{name}-{ordinal}" for ordinal in range(replicas)]
    return [
        ApiRule(verbs=("list", "watch", "create"), resources=("configmaps",)),
        ApiRule(verbs=("get", "patch"), resources=("configmaps",), names=objects),
        ApiRule(verbs=("list", "watch"), resources=("pods",)),
        ApiRule(verbs=("patch",), resources=("pods",), names=pods),
    ]

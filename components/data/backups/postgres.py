"""Backups of a PostgreSQL cluster, and a restore of them every night, where nobody is disturbed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

from catalog import services
from components.configuration import config_files
from components.data.images import DataImages
from components.data.options import BackupOptions
from components.data.postgres import database, patroni, pgbackrest
from components.data.postgres.cluster import PostgresCluster
from components.endpoint import Endpoint
from components.foundation.addons.authority import Authority
from components.kinds import CronJob, Job, Kind
from components.mounts import Mount, config_mount, scratch_mount, secret_mount
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

SCRIPTS = Path(__file__).with_name("scripts")
DEADLINE_S = 6 * 3600
"""Seconds for a backup, or a restore."""
FIRST_S = 900
"""Seconds for the first backup, which the deployment waits for."""
RESTORED_DIR = database.VOLUME_DIR
"""As in a member: the commands by which the log is fetched go by the same path."""


@dataclass(frozen=True, kw_only=True)
class PostgresBackupsArgs:
    """What backups of a cluster need."""

    cluster: PostgresCluster
    tier: Tier
    """The cluster's."""
    restore: Tier
    """Where it is restored to: a namespace of its own."""
    images: DataImages
    authority: Authority
    parent: pulumi.Resource
    options: BackupOptions
    storage: str
    """Of a member, and so of what is restored."""
    max_connections: int
    """Of the cluster: its log can be replayed by no smaller one."""
    queries: Mapping[str, str]
    """Database -> SQL that answers `t`, beside the check of every block."""


def make_backups(args: PostgresBackupsArgs) -> None:
    """CronJobs for full and incremental backups and for a restore, and a first backup at once."""
    name, options = args.cluster.name, args.options
    backup = _Runner(args, args.tier, [args.cluster.backup, args.cluster.bucket.endpoint])
    conf = pgbackrest.backup_conf(args.cluster.repository, members=args.cluster.hosts)
    backup.configure(f"{name}-backups", {"pgbackrest.conf": conf, **_script("backup.sh")})
    certificate = args.authority.certificate(
        args.cluster.backup_client, args.tier.namespace, [args.cluster.backup_client], args.parent, client=True
    )
    backup.mounts.append(secret_mount("tls", pgbackrest.TLS_DIR, certificate))
    work = ["sh", f"{patroni.DIR}/backup.sh"]
    backup.run(f"{name}-backup-first", Job(deadline_s=FIRST_S), [*work, "incr"])
    restore = _Runner(args, args.restore, [args.cluster.bucket.endpoint])
    known = pgbackrest.restore_conf(args.cluster.repository)
    restore.configure(f"{name}-restores", {"pgbackrest.conf": known, **_script("restore.sh"), **_queries(args)})
    # It shows it to nobody: with it comes whom to trust.
    trusted = args.authority.certificate(
        f"{name}-restore-tls", args.restore.namespace, [f"{name}-restore"], args.parent
    )
    restore.mounts.append(secret_mount("tls", pgbackrest.TLS_DIR, trusted))
    restore.mounts.append(scratch_mount(RESTORED_DIR, args.storage, "restored"))
    restore.env |= {"RESTORED": RESTORED_DIR, "MAX_CONNECTIONS": str(args.max_connections)}
    backup.run(f"{name}-backup-full", CronJob(schedule=options.full, deadline_s=DEADLINE_S), [*work, "full"])
    backup.run(f"{name}-backup-incr", CronJob(schedule=options.incremental, deadline_s=DEADLINE_S), [*work, "incr"])
    nightly = CronJob(schedule=options.restore, deadline_s=DEADLINE_S)
    restore.run(f"{name}-restore", nightly, ["sh", f"{patroni.DIR}/restore.sh", patroni.DIR])


class _Runner:
    """What the Jobs of one namespace share."""

    def __init__(self, args: PostgresBackupsArgs, tier: Tier, connects: Sequence[Endpoint]) -> None:
        self._args, self._tier, self._connects = args, tier, connects
        self._opts = pulumi.ResourceOptions(parent=args.parent)
        self.mounts: list[Mount] = []
        self.env = database.environment()

    def configure(self, name: str, files: Mapping[str, str]) -> None:
        named = config_files(name, "backup", self._tier, {**database.scripts(), **files}, self._opts)
        self.mounts.append(config_mount(patroni.DIR, named))

    def run(self, name: str, kind: Kind, command: Sequence[str]) -> None:
        row = services.load().service("data-jobs")
        Workload(
            name,
            WorkloadArgs(
                tier=self._tier,
                component="backup",
                kind=kind,
                image=self._args.images.postgres,
                command=[*database.opened_repository(self._args.cluster.bucket.endpoint), *command],
                env=self.env,
                connects=self._connects,
                mounts=self.mounts,
                resources=row.resources,
                zone=row.zone,
            ),
            opts=self._opts,
        )


def _script(name: str) -> dict[str, str]:
    return {name: (SCRIPTS / name).read_text(encoding="utf-8")}


def _queries(args: PostgresBackupsArgs) -> dict[str, str]:
    return {f"{database}.sql": query for database, query in args.queries.items()}

"""PostgreSQL 15 that survives its primary: members by Patroni, a front that follows the primary, poolers before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal

import pulumi
import pulumi_random as random

from catalog.model import Zone, memory_mib
from components.address import host, pod_hosts
from components.base import Component
from components.configuration import config_files, secret_files
from components.data.accounts import CLIENTS, PASSWORD_LENGTH, Accounts, AccountsArgs, Maker, refs
from components.data.contract import Sql
from components.data.front.config import PostgresCheck
from components.data.front.front import Front, FrontArgs
from components.data.images import TOOLS, DataImages
from components.data.members import headless, service
from components.data.objects import config as objects
from components.data.objects.store import BackupBucket, ObjectStore
from components.data.options import Sizes, SqlOptions
from components.data.postgres import access, database, patroni, pgbackrest, pgbouncer
from components.data.postgres.database import MembersArgs
from components.data.postgres.pgbackrest import Repository
from components.data.postgres.pgbouncer import Pooler
from components.data.postgres.sizing import Sizing
from components.data.rollout import RolloutArgs, rollout
from components.data.scripts import script
from components.endpoint import Admission, Endpoint, Pods, Port, SecretRef
from components.foundation.addons.authority import Authority
from components.kinds import Deployment
from components.mounts import config_mount, secret_mount
from components.pod import Health, Tcp
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

SQL_PORT = 5432
"""Of every address that clients are given."""


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """What a PostgreSQL cluster needs."""

    tier: Tier
    images: DataImages
    authority: Authority
    objects: ObjectStore
    """Where its backups go."""
    options: SqlOptions
    sizes: Sizes
    extensions: Sequence[str] = ()
    """That each client's database has."""
    transactions: bool = True
    """Whether there is a pooler for transactions."""
    archive_s: int
    keep_days: int
    passwords: int
    """Generation of its clients' passwords."""
    keep_volumes: bool


class PostgresCluster(Component):
    """`code:data:PostgresCluster`: one PostgreSQL with its replicas.

    Children: passwords (Secrets), Certificates, the members' Workload (a StatefulSet with volumes), their rollout, a
    Front, Accounts, a Workload for each kind of pooling.

    Args:
        name: Resource name, and name of the Service for sessions; `<name>-transactions`, `<name>-primary` and
            `<name>-members` are the others.
        args: Where, and how large.

    Outputs:
        sql: Where each consumer has a database of its own, named as the consumer.
        bucket: Where its backups are.
    """

    TYPE: ClassVar[str] = "code:data:PostgresCluster"
    sql: Sql
    bucket: BackupBucket

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.name, self._args, tier = name, args, args.tier
        self.workload = f"{name}-members"
        self.endpoint = headless(self.workload, tier, postgres=pgbackrest.PG_PORT, patroni=patroni.API_PORT)
        self.backup = replace(headless(self.workload, tier, backup=pgbackrest.PORT), name=f"{name}-backup")
        self.bucket = args.objects.for_backups(name, self, args.keep_days)
        self._passwords = {
            user: random.RandomPassword(f"{name}-{user}", length=PASSWORD_LENGTH, special=False, opts=self.child).result
            for user in ("superuser", "replication", "restapi", "pooler", "exporter")
        }
        own = self._secret("passwords", {key: self._passwords[key] for key in patroni.PASSWORDS})
        count = args.sizes(self.workload).replicas
        self.hosts = pod_hosts(self.endpoint, count)
        self._front = service(f"{name}-primary", tier, postgres=SQL_PORT)
        primary = host(self._front)
        certificate = args.authority.certificate(
            f"{name}-members-tls", tier.namespace, [*self.hosts, primary], self, client=True
        )
        tls = secret_mount("tls", pgbackrest.TLS_DIR, certificate)
        members = database.run_members(
            MembersArgs(
                tier=tier,
                images=args.images,
                endpoint=self.endpoint,
                backup=self.backup,
                members=patroni.Members(
                    workload=self.workload,
                    namespace=tier.name,
                    sizing=Sizing(
                        memory_mib=memory_mib(args.sizes(self.workload).resources.requests.memory),
                        max_connections=args.options.max_connections,
                    ),
                    synchronous=args.options.synchronous,
                    archive_s=args.archive_s,
                ),
                repository=self.repository,
                bucket=self.bucket.endpoint,
                storage=args.options.storage,
                size=args.sizes(self.workload),
                keep_volumes=args.keep_volumes,
                backup_client=self.backup_client,
                mounts=[tls, secret_mount("passwords", patroni.SECRETS, own)],
            ),
            self.child,
        )
        self._replace_in_order(members, count)
        Front(
            self._front.name,
            FrontArgs(
                tier=tier,
                image=args.images.front,
                endpoint=self._front,
                members=self.endpoint,
                hosts=self.hosts,
                check=PostgresCheck(),
                size=args.sizes(self._front.name),
                mounts=[secret_mount("tls", pgbackrest.TLS_DIR, certificate, {"ca.crt": "ca.crt"})],
            ),
            self.child,
        )
        self._accounts = Accounts(
            name, AccountsArgs(tier=tier, generation=args.passwords, most=args.options.clients), self.child
        )
        self._make_accounts(primary)
        self._users = self._secret("poolers", {"userlist.txt": self._passwords["pooler"].apply(pgbouncer.userlist)})
        sessions = self._pooler("session", name, primary)
        transactions = self._pooler("transaction", f"{name}-transactions", primary) if args.transactions else None
        self.sql = Sql(sessions=sessions, transactions=transactions)
        self.register_outputs({})

    @property
    def repository(self) -> Repository:
        """Where its backups are."""
        store = self._args.objects.endpoint
        return Repository(
            host=host(store),
            port=store.ports[0].port,
            bucket=self.bucket.name,
            region=objects.REGION,
            path=f"/{self.name}",
            keep_days=self._args.keep_days,
        )

    @property
    def backup_client(self) -> str:
        """Common name of the certificate of who may read a backup."""
        return f"{self.name}-backup-tls"

    def _replace_in_order(self, members: Workload, count: int) -> None:
        args = self._args
        api = {"username": patroni.API_USER, "password": self._passwords["restapi"], "ca.crt": args.authority.ca}
        rollout(
            self.workload,
            RolloutArgs(
                tier=args.tier,
                image=args.images.tools,
                kind="postgres",
                arguments=[f"--port={patroni.API_PORT}"],
                members=members,
                endpoint=replace(self.endpoint, credentials=refs(api)),
                replicas=count,
            ),
            self.child,
        )

    def _make_accounts(self, primary: str) -> None:
        args, where = self._args, self._front.credentials_dir
        admin = {
            "username": access.SUPERUSER,
            "password": self._passwords["superuser"],
            "ca.crt": args.authority.ca,
            "pooler": self._passwords["pooler"],
            "exporter": self._passwords["exporter"],
        }
        self._accounts.run(
            Maker(
                image=args.images.tools,
                command=lambda verb: [
                    *(*TOOLS, "postgres", verb, f"--clients={CLIENTS}", f"--credentials={where}"),
                    *(f"--host={primary}", f"--port={SQL_PORT}"),
                    *(f"--lookup-user={access.POOLER}", f"--lookup-password-file={where}/pooler"),
                    *(f"--monitor-user={access.EXPORTER}", f"--monitor-password-file={where}/exporter"),
                ],
                connects=[replace(self._front, credentials=refs(admin))],
                opened_by=[self.name, f"{self.name}-transactions"],
            )
        )

    def _pooler(self, mode: Literal["session", "transaction"], name: str, primary: str) -> Endpoint:
        args, tier, size = self._args, self._args.tier, self._args.sizes(name)
        pooler = Pooler(mode=mode, host=primary, port=SQL_PORT, pool=args.options.pool)
        files = {"pgbouncer.ini": pgbouncer.pgbouncer_ini(pooler), **script("reload-on-change.sh")}
        configuration = config_files(name, "pooler", tier, files, self.child)
        served = Endpoint(
            name=name,
            at=Pods(workload=name, tier=tier),
            ports=[Port(name="postgres", port=SQL_PORT, target=pgbouncer.PORT)],
        )
        certificate = args.authority.certificate(f"{name}-tls", tier.namespace, [host(served)], self)
        Workload(
            name,
            WorkloadArgs(
                tier=tier,
                component="pooler",
                kind=Deployment(replicas=size.replicas),
                image=args.images.pgbouncer,
                command=[
                    *("sh", f"{pgbouncer.DIR}/reload-on-change.sh", f"{pgbackrest.TLS_DIR}/tls.crt", "HUP"),
                    *("pgbouncer", pgbouncer.FILE),
                ],
                offers=[served],
                connects=[self._front],
                health=Health(live=Tcp(port=pgbouncer.PORT)),
                resources=size.resources,
                zone=Zone.DATA,
                mounts=[
                    config_mount(pgbouncer.DIR, configuration),
                    secret_mount("users", str(PurePosixPath(pgbouncer.USERS_FILE).parent), self._users),
                    secret_mount("tls", pgbackrest.TLS_DIR, certificate),
                ],
            ),
            opts=self.child,
        )
        return replace(served, requires=self._accounts.ready, accounts=partial(self._open, host(served)))

    def _open(self, name: str, to: Admission) -> Mapping[str, SecretRef]:
        grant: Mapping[str, Any] = {"extensions": list(self._args.extensions)} if self._args.extensions else {}
        own = self._accounts.open(to.consumer, to.parent, grant)
        # What a client trusts lies beside it.
        tls = f"sslmode=verify-full&sslrootcert={to.endpoint.credentials_dir}/ca.crt"
        url = pulumi.Output.format("postgresql://{0}@{1}:{2}/{3}?{4}", own.userinfo, name, SQL_PORT, own.client, tls)
        return {
            "username": own.ref(own.username),
            "password": own.ref(own.password),
            "database": own.ref(own.client),
            "url": own.ref(url),
            "ca.crt": own.ref(self._args.authority.ca),
        }

    def _secret(self, suffix: str, files: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        return secret_files(self.name, suffix, "postgresql", self._args.tier, files, self.child)

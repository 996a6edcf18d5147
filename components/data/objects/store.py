"""The object store of a cluster without S3: MinIO, one server on one volume."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pulumi
import pulumi_random as random

from components.address import host
from components.base import Component
from components.configuration import secret_files
from components.data.accounts import CLIENTS, PASSWORD_LENGTH, Account, Accounts, AccountsArgs, Maker, refs
from components.data.images import TOOLS, DataImages
from components.data.objects import config
from components.data.options import ObjectsOptions, Size
from components.endpoint import Admission, Endpoint, Pods, Port, SecretRef, Via
from components.foundation.addons.authority import Authority
from components.kinds import Claim, StatefulSet
from components.mounts import secret_mount
from components.pod import Health, Http
from components.tiers import Purpose, Tier
from components.workload import Workload, WorkloadArgs

CIPHER = "cipher"


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    """What the object store needs."""

    tier: Tier
    images: DataImages
    authority: Authority
    options: ObjectsOptions
    size: Size
    passwords: int
    """Generation of its clients' keys."""
    keep_volumes: bool


@dataclass(frozen=True, kw_only=True)
class BackupBucket:
    """Where the backups of one store are."""

    name: str
    endpoint: Endpoint
    """With the keys of its account, and beside them the passphrase of the backups: file `CIPHER`."""
    key: pulumi.Output[str]
    """That passphrase: it is never where the backups are; secret."""


class ObjectStore(Component):
    """`code:data:ObjectStore`: S3 by MinIO.

    Children: the administrator's password and Secret, a Certificate, a Workload (StatefulSet with a volume), Accounts.

    Args:
        name: Resource name, and Service name.
        args: Where, and how large.

    Outputs:
        endpoint: Where each consumer has a versioned bucket, named as the consumer.
    """

    TYPE: ClassVar[str] = "code:data:ObjectStore"
    endpoint: Endpoint

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.name, self._ca = name, args.authority.ca
        tier, ports = args.tier, [Port(name="s3", port=443, target=config.PORT)]
        members = Endpoint(
            name=f"{name}-members", at=Pods(workload=name, tier=tier, via=Via.HEADLESS), ports=ports, scheme="https"
        )
        inside = replace(members, name=f"{name}-admin", at=Pods(workload=name, tier=tier))
        metrics = replace(members, name=f"{name}-metrics", at=inside.at, purpose=Purpose.METRICS)
        served = replace(members, name=name, at=inside.at)
        hosts = [host(entry) for entry in (served, inside, metrics)]
        certificate = args.authority.certificate(f"{name}-tls", tier.namespace, [*hosts, "localhost"], self)
        root = random.RandomPassword(f"{name}-root", length=PASSWORD_LENGTH, special=False, opts=self.child)
        secret = secret_files(
            name, "root", "object-store", tier, {"username": config.ROOT, "password": root.result}, self.child
        )
        Workload(
            name,
            WorkloadArgs(
                tier=tier,
                component="object-store",
                kind=StatefulSet(
                    claims=[Claim(name="data", path=config.DATA_DIR, size=args.options.storage)],
                    keep=args.keep_volumes,
                ),
                image=args.images.objects,
                command=config.COMMAND,
                env=config.ENVIRONMENT,
                offers=[members, inside, metrics, served],
                health=Health(
                    live=Http(port=config.PORT, path=config.LIVE, scheme="HTTPS"),
                    ready=Http(port=config.PORT, path=config.READY, scheme="HTTPS"),
                ),
                resources=args.size.resources,
                zone=config.ZONE,
                mounts=[
                    secret_mount("root", config.ROOT_DIR, secret),
                    secret_mount("tls", config.CERTS_DIR, certificate, config.CERTIFICATE_FILES),
                ],
            ),
            opts=self.child,
        )
        admin = {"username": config.ROOT, "password": root.result, "ca.crt": self._ca}
        self._accounts = Accounts(
            name, AccountsArgs(tier=tier, generation=args.passwords, most=args.options.clients), self.child
        )
        self._accounts.run(
            Maker(
                image=args.images.tools,
                command=lambda verb: [
                    *(*TOOLS, "objects", verb, f"--clients={CLIENTS}"),
                    *(f"--host={host(inside)}", "--port=443", f"--credentials={inside.credentials_dir}"),
                ],
                connects=[replace(inside, credentials=refs(admin))],
                opened_by=[name],
            )
        )
        self.endpoint = replace(served, requires=self._accounts.ready, accounts=self._own_bucket)
        self.register_outputs({})

    def for_backups(self, of: str, parent: pulumi.Resource, keep_days: int) -> "BackupBucket":
        """A bucket that all workloads share which back something up or restore it.

        Args:
            of: whose backups; the bucket is `<of>-backup`.
            parent: of the bucket's account and of the backups' key.
            keep_days: days that a version is held against everybody.
        """
        key = random.RandomPassword(
            f"{of}-backup-key", length=64, special=False, opts=pulumi.ResourceOptions(parent=parent)
        ).result
        account = self._open(f"{of}-backup", parent, keep_days)

        def shared(_: Admission) -> Mapping[str, SecretRef]:
            return self._keys(account)

        endpoint = replace(self.endpoint, accounts=shared, credentials=refs({CIPHER: key}))
        return BackupBucket(name=account.client, endpoint=endpoint, key=key)

    def _own_bucket(self, to: Admission) -> Mapping[str, SecretRef]:
        return self._keys(self._open(to.consumer, to.parent, 0))

    def _open(self, client: str, parent: pulumi.Resource, lock_days: int) -> Account:
        return self._accounts.open(client, parent, config.grant(lock_days))

    def _keys(self, account: Account) -> Mapping[str, SecretRef]:
        return {
            "access-key": account.ref(account.username),
            "secret-key": account.ref(account.password),
            "bucket": account.ref(account.client),
            "region": account.ref(config.REGION),
            "ca.crt": account.ref(self._ca),
        }

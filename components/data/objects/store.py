"""The object store of a cluster without S3: MinIO, one server on one volume."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pulumi
import pulumi_random as random
from pulumi_kubernetes import core, meta

from components.address import host
from components.base import Component, labels
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
        secret = core.v1.Secret(
            f"{name}-root-secret",
            metadata=meta.v1.ObjectMetaArgs(
                name=f"{name}-root", namespace=tier.namespace, labels=labels(name, "object-store")
            ),
            string_data={"username": config.ROOT, "password": root.result},
            opts=self.child,
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
                    secret_mount("root", config.ROOT_DIR, secret.metadata.name),
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

    def bucket(self, name: str, parent: pulumi.Resource, lock_days: int) -> Endpoint:
        """A bucket that several workloads share, by one account; what is in it cannot be deleted for some days.

        Args:
            name: of the bucket.
            parent: of its account.
            lock_days: days that a version is held against everybody; 0: not at all.
        """
        account = self._open(name, parent, lock_days)

        def shared(_: Admission) -> Mapping[str, SecretRef]:
            return self._keys(account)

        return replace(self.endpoint, accounts=shared)

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

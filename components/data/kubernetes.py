"""The data layer where there is none to be had: our own servers, on any Kubernetes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pulumi

from components.base import Component
from components.data.backups.metrics import BackupMetricsArgs, export_ages
from components.data.backups.postgres import PostgresBackupsArgs, make_backups
from components.data.backups.volumes import VolumeBackupsArgs, snapshot_volumes
from components.data.contract import Data
from components.data.images import DataImages, build_all
from components.data.objects.store import BackupBucket, ObjectStore, ObjectStoreArgs
from components.data.options import DataOptions, Sizes, SqlOptions
from components.data.postgres.cluster import PostgresArgs, PostgresCluster
from components.data.redis.cluster import RedisArgs, RedisCluster
from components.foundation.addons.authority import Authority
from components.images import ImageSource
from components.tiers import Tier, TierArgs, TierName


@dataclass(frozen=True, kw_only=True)
class KubernetesDataArgs:
    """What the data layer needs."""

    tier: Tier
    images: ImageSource
    authority: Authority
    options: DataOptions
    sizes: Sizes
    queries: Mapping[str, str] = field(default_factory=dict[str, str])
    """Database -> SQL that answers `t` in a restored copy, beside the check of every block."""


class KubernetesData(Component):
    """`code:data:KubernetesData`: PostgreSQL, Redis, an object store and the HTM store, each with its backups.

    Children: the images, an ObjectStore, two PostgresClusters, a RedisCluster, a closed namespace to restore in, the
    Workloads that back up, restore, and tell how old that is.

    Args:
        name: Resource name. The stores' names are fixed: one data layer to a stack.
        args: Where, and how large.

    Outputs:
        contract: What is handed to who needs it.
        images: What it runs.
        backup_keys: What backups are encrypted with: whose -> key; secret.
    """

    TYPE: ClassVar[str] = "code:data:KubernetesData"
    contract: Data
    images: DataImages
    backup_keys: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: KubernetesDataArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        options, images = args.options, build_all(args.images, self.child)
        self.images = images
        objects = ObjectStore(
            "objects",
            ObjectStoreArgs(
                tier=args.tier,
                images=images,
                authority=args.authority,
                options=options.objects,
                size=args.sizes("objects"),
                passwords=options.passwords,
                keep_volumes=options.keep_volumes,
            ),
            self.child,
        )
        postgres = PostgresArgs(
            tier=args.tier,
            images=images,
            authority=args.authority,
            objects=objects,
            options=options.postgres,
            sizes=args.sizes,
            archive_s=options.backups.archive_s,
            keep_days=options.backups.keep_days,
            passwords=options.passwords,
            keep_volumes=options.keep_volumes,
        )
        redis = RedisCluster(
            "redis",
            RedisArgs(
                tier=args.tier,
                images=images,
                authority=args.authority,
                options=options.redis,
                sizes=args.sizes,
                passwords=options.passwords,
                keep_volumes=options.keep_volumes,
            ),
            self.child,
        )
        made = PostgresCluster("postgres", postgres, self.child)
        hashed = replace(postgres, options=options.htm, extensions=["vector"], transactions=False)
        htm = PostgresCluster("htm", hashed, self.child)
        self.contract = Data(
            postgres=made.sql,
            redis=redis.endpoint,
            redis_with=redis.with_commands,
            objects=objects.endpoint,
            htm=htm.sql,
        )
        volumes = self._back_up(args, images, objects, {made: options.postgres, htm: options.htm})
        self.backup_keys = {made.name: made.bucket.key, htm.name: htm.bucket.key, "volumes": volumes.key}
        self.register_outputs({})

    def _back_up(
        self,
        args: KubernetesDataArgs,
        images: DataImages,
        objects: ObjectStore,
        clusters: Mapping[PostgresCluster, SqlOptions],
    ) -> BackupBucket:
        backups, tier = args.options.backups, args.tier
        # A namespace of its own: nothing that runs there reaches the databases, and nobody reaches it.
        restore = Tier(f"{tier.name}-restore", TierArgs(cluster=tier.cluster, tier=TierName.DATA), self.child)
        for cluster, sql in clusters.items():
            make_backups(
                PostgresBackupsArgs(
                    cluster=cluster,
                    tier=tier,
                    restore=restore,
                    images=images,
                    authority=args.authority,
                    parent=self,
                    options=backups,
                    storage=sql.storage,
                    max_connections=sql.max_connections,
                    queries=args.queries,
                )
            )
        where = [tier.name, restore.name]
        export_ages(BackupMetricsArgs(tier=tier, image=images.tools, namespaces=where), self.child)
        return snapshot_volumes(
            VolumeBackupsArgs(
                tier=tier,
                workload="redis-members",
                claim="data",
                replicas=args.sizes("redis-members").replicas,
                images=images,
                objects=objects,
                parent=self,
                options=backups,
            )
        )

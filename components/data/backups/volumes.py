"""Snapshots of volumes, every hour: the files of a pod, copied by restic into the object store."""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from catalog import services
from components.address import address
from components.configuration import config_files
from components.data.images import DataImages
from components.data.objects.store import CIPHER, BackupBucket, ObjectStore
from components.data.options import BackupOptions
from components.kinds import CronJob
from components.mounts import claim_mount, config_mount
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

SCRIPT = Path(__file__).with_name("scripts") / "volume.sh"
DEADLINE_S = 3000
"""Seconds: the next one is due after an hour."""
SCRIPT_DIR = "/etc/backup"
VOLUME_DIR = "/volume"


@dataclass(frozen=True, kw_only=True)
class VolumeBackupsArgs:
    """Whose volumes."""

    tier: Tier
    workload: str
    """A StatefulSet's."""
    claim: str
    """Which of its claims."""
    replicas: int
    images: DataImages
    objects: ObjectStore
    parent: pulumi.Resource
    """Of all that is made."""
    options: BackupOptions


def snapshot_volumes(args: VolumeBackupsArgs) -> BackupBucket:
    """A CronJob for each volume; it runs beside the pod that has the volume.

    Returns:
        Where the snapshots are.
    """
    name, row, opts = args.workload, services.load().service("data-jobs"), pulumi.ResourceOptions(parent=args.parent)
    backups = args.objects.for_backups(name, args.parent, args.options.keep_days)
    bucket = backups.endpoint
    script = {"volume.sh": SCRIPT.read_text(encoding="utf-8")}
    configuration = config_files(f"{name}-backup", "backup", args.tier, script, opts)
    repository = pulumi.Output.format("s3:https://{0}/{1}", address(bucket).authority, backups.name)
    for ordinal in range(args.replicas):
        Workload(
            f"{name}-{ordinal}-backup",
            WorkloadArgs(
                tier=args.tier,
                component="backup",
                kind=CronJob(schedule=args.options.volumes, deadline_s=DEADLINE_S),
                image=args.images.restic,
                command=[
                    *("sh", f"{SCRIPT_DIR}/volume.sh", bucket.credentials_dir, VOLUME_DIR),
                    str(args.options.keep_days),
                ],
                env={
                    "RESTIC_REPOSITORY": repository,
                    "RESTIC_PASSWORD_FILE": f"{bucket.credentials_dir}/{CIPHER}",
                    "VOLUME": f"{name}-{ordinal}",
                },
                connects=[bucket],
                mounts=[
                    config_mount(SCRIPT_DIR, configuration),
                    claim_mount(VOLUME_DIR, f"{args.claim}-{name}-{ordinal}", "volume"),
                ],
                beside=f"{name}-{ordinal}",
                resources=row.resources,
                zone=row.zone,
            ),
            opts=opts,
        )
    return backups

"""How old the last good backups and restores are, as metrics: the cluster knows when each CronJob last ended well."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from catalog import services
from components.data.images import TOOLS
from components.data.members import metrics
from components.endpoint import ApiRule, kube_api
from components.pod import Health, Http
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

NAME = "backup-metrics"
PORT = 9188


@dataclass(frozen=True, kw_only=True)
class BackupMetricsArgs:
    """Of what."""

    tier: Tier
    image: pulumi.Input[str]
    """data-tools, by digest."""
    namespaces: Sequence[str]
    """Where the CronJobs are."""


def export_ages(args: BackupMetricsArgs, opts: pulumi.ResourceOptions) -> None:
    """Serve `backup_last_success_timestamp_seconds` and what goes with it, for each CronJob of the platform's backups.

    Args:
        args: of what.
        opts: the workload's options.
    """
    row = services.load().service(NAME)
    rules = [
        ApiRule(verbs=("list",), resources=("cronjobs",), groups=("batch",), namespace=namespace)
        for namespace in args.namespaces
    ]
    Workload(
        NAME,
        WorkloadArgs(
            tier=args.tier,
            component="backup",
            image=args.image,
            command=[
                *(*TOOLS, "backup-metrics", f"--port={PORT}"),
                *(f"--namespace={namespace}" for namespace in args.namespaces),
            ],
            offers=[metrics(NAME, args.tier, PORT)],
            connects=[kube_api(args.tier.cluster, rules)],
            health=Health(live=Http(port=PORT, path="/healthz"), ready=Http(port=PORT, path="/metrics")),
            resources=row.resources,
            zone=row.zone,
        ),
        opts=opts,
    )

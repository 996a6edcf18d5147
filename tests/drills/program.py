"""The stack that drills break: a data layer of its own beside the platform's, and clients that write all the time."""

from pathlib import Path

import pulumi

from catalog.model import Amounts, Resources, Zone
from components.configuration import config_files
from components.data.kubernetes import KubernetesData, KubernetesDataArgs
from components.endpoint import Endpoint
from components.foundation.addons.authority import Authority, AuthorityArgs
from components.graph import Graph
from components.kinds import Deployment
from components.mounts import config_mount
from components.pod import Exec, Health
from components.tiers import Tier, close_tiers
from components.workload import Workload, WorkloadArgs
from stacks.place import cluster_of, images_of
from stacks.settings import Settings

PREFIX = "drill"
"""Of its namespaces."""
CLIENTS = {"alpha": True, "beta": True, "stranger": False}
"""Workload -> whether it was handed the stores."""
SCRIPTS_DIR = "/scripts"
WRITER = Path(__file__).with_name("writer.py")

_SMALL = Resources(requests=Amounts(cpu="10m", memory="96Mi"), limits=Amounts(cpu="500m", memory="256Mi"))


def declare(settings: Settings, authority_namespace: str) -> None:
    """All of it.

    Args:
        settings: as of the dev stack; only `data`, `replicas` and where it runs count.
        authority_namespace: where cert-manager keeps the Secrets of its ClusterIssuers.
    """
    images = images_of(settings)
    with Graph() as graph:
        cluster = cluster_of(settings, graph)
        tiers = close_tiers(cluster, PREFIX)
        data = KubernetesData(
            "data",
            KubernetesDataArgs(
                tier=tiers.data,
                images=images,
                authority=Authority(PREFIX, AuthorityArgs(namespace=authority_namespace)),
                options=settings.data.options(settings.retention.backups),
                sizes=settings.size_of,
            ),
        )
        stores = [data.contract.postgres.sessions, data.contract.redis, data.contract.objects]
        for name, writes in CLIENTS.items():
            _client(name, tiers.backend, data.images.tools, stores if writes else [])


def _client(name: str, tier: Tier, image: pulumi.Input[str], stores: list[Endpoint]) -> None:
    opts = pulumi.ResourceOptions()
    script = config_files(name, "drill", tier, {"writer.py": WRITER.read_text(encoding="utf-8")}, opts)
    Workload(
        name,
        WorkloadArgs(
            tier=tier,
            component="drill",
            kind=Deployment(),
            image=image,
            command=["python3", "-u", f"{SCRIPTS_DIR}/writer.py", *(["write"] if stores else [])],
            connects=stores,
            health=Health(live=Exec(command=["test", "-f", "/tmp/lives"])),  # noqa: S108 (the pod's own)
            resources=_SMALL,
            zone=Zone.GENERAL,
            mounts=[config_mount(SCRIPTS_DIR, script)],
        ),
        opts=opts,
    )

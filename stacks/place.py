"""Where a stack runs, of its settings."""

from pathlib import Path

from components.cluster import Cluster
from components.graph import Graph
from components.images import ImageSource
from stacks.settings import Settings


def images_of(settings: Settings) -> ImageSource:
    """Where images come from and go to."""
    return ImageSource(registry=settings.registry, lock=Path(settings.image_lock) if settings.image_lock else None)


def cluster_of(settings: Settings, graph: Graph) -> Cluster:
    """The cluster, and the graph of what the stack runs in it."""
    return Cluster(
        api_cidrs=[str(cidr) for cidr in settings.kubernetes_api.cidrs],
        api_port=settings.kubernetes_api.port,
        node_cidrs=[str(cidr) for cidr in settings.cluster.nodes],
        requests_scale=settings.requests_scale,
        graph=graph,
    )
